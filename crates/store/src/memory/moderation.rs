//! Bans, invites and earlier versions, as the state has them.

use tidemark_core::access::{Caller, Standing};
use tidemark_core::conversation::{
    Change, CodeHash, EventBody, Version, may_read_versions, open_to,
};
use tidemark_core::{Refusal, Seq, Timestamp};

use super::state::{Log, State};
use crate::{Banned, Invitation};

pub(crate) fn invitation(
    state: &State,
    caller: &Caller,
    code: CodeHash,
    now: Timestamp,
) -> Result<Invitation, Refusal> {
    let mut all = state.logs.values();
    let found = all.find_map(|log| {
        let invite = log.invites.iter().find(|invite| invite.code == code)?;
        Some((log, invite))
    });
    let membership = found.and_then(|(log, _)| log.membership(caller));
    let invite = open_to(found.map(|(_, invite)| invite), membership, now)?;
    let (log, _) = found.ok_or_else(Refusal::no_such_conversation)?;
    Ok(Invitation {
        conversation: log.conversation.clone(),
        invite: invite.clone(),
    })
}

pub(crate) fn bans(log: &Log) -> impl Iterator<Item = Banned> {
    log.memberships.iter().filter_map(|(user, membership)| {
        let event = &log.entry(membership.banned?)?.event;
        let EventBody::Members(change) = &event.body else {
            return None;
        };
        Some(Banned {
            user: user.clone(),
            seq: event.seq,
            at: event.at,
            by: change.by.clone(),
            reason: change.reason.clone(),
        })
    })
}

pub(crate) fn versions<'l>(
    log: &'l Log,
    caller: &Caller,
    target: Seq,
) -> Result<impl Iterator<Item = Version> + 'l, Refusal> {
    let sent = log.entry(target).map(|entry| &entry.event);
    let message = sent.and_then(|sent| Some((sent, sent.body.as_message()?)));
    let message = message.filter(|_| log.horizon(caller).includes(target));
    let (sent, message) = message.ok_or_else(Refusal::no_such_message)?;
    let standing = Standing::of(caller, log.membership(caller));
    may_read_versions(standing, caller, &message.sender)?;
    let first = Version {
        seq: sent.seq,
        at: sent.at,
        by: message.sender.clone(),
        text: message.text.clone(),
        mentions: message.mentions.clone(),
    };
    let later = log.amendments_of(target).filter_map(|(mark, amendment)| {
        let Change::Edit { text, mentions } = &amendment.change else {
            return None;
        };
        Some(Version {
            seq: mark.seq,
            at: mark.at,
            by: amendment.by.clone(),
            text: text.clone(),
            mentions: mentions.clone(),
        })
    });
    Ok(std::iter::once(first).chain(later))
}

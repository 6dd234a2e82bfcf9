//! What people keep of conversations for themselves. Durable at once, like changes of the directory.

use std::collections::BTreeMap;

use tidemark_core::access::Caller;
use tidemark_core::conversation::Membership;
use tidemark_core::personal::{self, Draft, Kept, PersonalChange, Versioned};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Limits, Position, Refusal, UserId};

use super::state::{Log, State};
use crate::personal_page::Changes;
use crate::{Mentioned, PageLimits, PersonalChanged, PersonalPage};

/// What everybody keeps. A state outlives the membership that it belongs to, but is never shown again.
#[derive(Clone, Default)]
pub(crate) struct Affairs {
    kept: BTreeMap<(UserId, ConversationId), Kept>,
    versions: BTreeMap<UserId, u64>,
}

impl Affairs {
    /// What a user keeps of a conversation now.
    fn of(&self, user: &UserId, log: &Log) -> Versioned {
        let kept = self.kept.get(&(user.clone(), log.conversation.id));
        match (kept, log.memberships.get(user)) {
            (Some(kept), Some(membership)) => kept.clone().seen_by(membership),
            _ => Versioned::default(),
        }
    }

    pub(crate) fn without_draft(&self, user: &UserId, log: &Log) -> Versioned {
        let mut state = self.of(user, log);
        state.personal.draft = None::<Draft>;
        state
    }

    pub(crate) fn change(
        &mut self,
        state: &State,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
        limits: &Limits,
    ) -> Result<PersonalChanged, Refusal> {
        let caller = Caller::User(user.clone());
        let log = state.logs.get(&conversation);
        let membership = log.and_then(|log| log.memberships.get(user));
        let mut now = log.map_or_else(Versioned::default, |log| self.of(user, log));
        let of = log.map(|log| &log.conversation);
        let after = personal::change(&caller, of, membership, &now.personal, change, limits)?;
        let changed = after != now.personal;
        if let (true, Some(membership)) = (changed, membership) {
            let version = self.versions.entry(user.clone()).or_default();
            *version += 1;
            now = Versioned {
                version: *version,
                personal: after,
            };
            let kept = Kept::new(now.clone(), membership);
            self.kept.insert((user.clone(), conversation), kept);
        }
        Ok(PersonalChanged {
            state: now,
            changed,
        })
    }

    pub(crate) fn changes(
        &self,
        state: &State,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> PersonalPage {
        let last = self.versions.get(user).copied().unwrap_or(0);
        let mut newer: Vec<(ConversationId, &Kept, &Membership)> = self
            .kept
            .iter()
            .filter(|((whose, _), kept)| whose == user && kept.state.version > after)
            .filter_map(|((_, id), kept)| Some((*id, kept, state.logs.get(id)?)))
            .filter_map(|(id, kept, log)| Some((id, kept, log.memberships.get(user)?)))
            .collect();
        newer.sort_by_key(|(_, kept, _)| kept.state.version);
        let mut page = Changes::new(limits, last);
        for (id, kept, membership) in newer {
            if !page.take(id, kept.clone(), membership) {
                break;
            }
        }
        page.finish()
    }
}

/// Everything that was said to `user` while they were a member and mentions them, newest first.
pub(crate) fn mentions(state: &State, user: &UserId, before: Option<Position>) -> Vec<Mentioned> {
    let mut all: Vec<Mentioned> = Vec::new();
    for (log, membership) in state.inbox(user) {
        for entry in log.entries_after(membership.joined) {
            let is_older = before.is_none_or(|before| entry.position < before);
            let message = TimelineMessage::from_event(entry.event.clone());
            let Some(mut message) = message.filter(|_| is_older) else {
                continue;
            };
            if message.message.sender != *user && message.message.mentions.includes(user) {
                for (mark, amendment) in log.amendments_of(message.seq) {
                    message.amend(mark.at, amendment, Some(user));
                }
                all.push(Mentioned {
                    position: entry.position,
                    conversation: log.conversation.id,
                    message,
                });
            }
        }
    }
    all.sort_by_key(|mentioned| std::cmp::Reverse(mentioned.position));
    all
}

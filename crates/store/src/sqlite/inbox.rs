//! What one user sees: a conversation, all of them, or the most recent.

use rusqlite::Connection;
use tidemark_core::access::{Caller, Operation, permit_in};
use tidemark_core::conversation::Membership;
use tidemark_core::{ConversationId, Position, UserId};

use crate::{ConversationView, InboxPage, MembershipView};

use super::column;
use super::lookup::{self, KeptConversation};
use super::personal;
use super::reads::{Access, Read, permitted};
use super::timeline;

pub(crate) fn conversation(
    connection: &Connection,
    caller: &Caller,
    id: ConversationId,
) -> Read<ConversationView> {
    let access = permitted(connection, Operation::See, caller, id)?;
    let state = Some(&access.kept.state);
    let reads = permit_in(Operation::Read, caller, state, access.membership.as_ref()).is_ok();
    Ok(view(connection, caller, access, reads)?)
}

fn view(
    connection: &Connection,
    caller: &Caller,
    access: Access,
    reads: bool,
) -> rusqlite::Result<ConversationView> {
    let counts = access.counts(connection)?;
    let last_message = if reads {
        timeline::last_message(
            connection,
            &access.kept,
            access.user,
            access.horizon(caller),
        )?
    } else {
        None
    };
    let personal = personal::of(connection, &access)?;
    Ok(ConversationView {
        personal,
        conversation: access.kept.state,
        membership: access.membership.filter(Membership::is_current),
        counts,
        last_message,
        active: access.kept.active,
    })
}

pub(crate) fn inbox(
    connection: &Connection,
    user: &UserId,
    before: Option<Position>,
    entries_max: usize,
) -> Read<InboxPage> {
    let caller = Caller::User(user.clone());
    let Some(user) = lookup::user_key(connection, user)? else {
        return Ok(InboxPage {
            conversations: Vec::new(),
            next: None,
        });
    };
    let mut active = by_activity(connection, user)?;
    active.retain(|(position, _)| before.is_none_or(|before| *position < before));
    let entries_max = entries_max.max(1);
    let more = active.len() > entries_max;
    active.truncate(entries_max);
    let next = active.last().map(|(position, _)| *position);
    let mut conversations = Vec::with_capacity(active.len());
    for (_, key) in active {
        let access = Access {
            kept: lookup::conversation_by_key(connection, key)?,
            user: Some(user),
            membership: lookup::membership(connection, key, user)?,
        };
        conversations.push(view(connection, &caller, access, true)?);
    }
    Ok(InboxPage {
        conversations,
        next: next.filter(|_| more),
    })
}

pub(crate) fn memberships(connection: &Connection, user: &UserId) -> Read<Vec<MembershipView>> {
    let Some(user) = lookup::user_key(connection, user)? else {
        return Ok(Vec::new());
    };
    let mut views = Vec::new();
    for (_, key) in by_activity(connection, user)? {
        let KeptConversation { state, active, .. } = lookup::conversation_by_key(connection, key)?;
        let Some(membership) = lookup::membership(connection, key, user)? else {
            continue;
        };
        views.push(MembershipView {
            counts: lookup::counts(connection, key, &state, user, &membership)?,
            role: membership.role,
            read: membership.read,
            conversation: state,
            active,
        });
    }
    Ok(views)
}

/// The conversations that a user is in, last active first, each with the position of its last event.
fn by_activity(connection: &Connection, user: i64) -> rusqlite::Result<Vec<(Position, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT position FROM event WHERE event.conversation = member.conversation
                 ORDER BY seq DESC LIMIT 1), conversation
         FROM member WHERE user = ?1 AND departed IS NULL",
    )?;
    let mut active = statement
        .query_map([user], |row| Ok((column::position(row, 0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    active.sort_unstable_by(|one, other| other.cmp(one));
    Ok(active)
}

//! Reads of one conversation for many people at once: what they have in common is read once.

use rusqlite::Connection;
use tidemark_core::access::{Caller, Horizon, Operation};
use tidemark_core::{ConversationId, Seq, UserId};

use crate::{CountsOf, EventsFor, EventsPage, PageLimits};

use super::fault::Fault;
use super::lookup;
use super::reads::{Read, events_of, permitted_in};

pub(crate) fn events_for(
    connection: &Connection,
    callers: &[Caller],
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Read<EventsFor> {
    let kept = lookup::conversation(connection, conversation)?;
    let mut access = Vec::with_capacity(callers.len());
    for caller in callers {
        match permitted_in(connection, Operation::Read, caller, kept.clone()) {
            Ok(found) => access.push(Ok(found.horizon(caller))),
            Err(Fault::Answer(refusal)) => access.push(Err(refusal)),
            Err(fault) => return Err(fault),
        }
    }
    let page = match &kept {
        Some(kept) if access.iter().any(Result::is_ok) => {
            events_of(connection, kept, Horizon::EVERYTHING, after, limits)?
        }
        _ => EventsPage::nobodys(),
    };
    Ok(EventsFor { page, access })
}

pub(crate) fn counts_of(
    connection: &Connection,
    users: Vec<UserId>,
    conversation: ConversationId,
) -> Read<CountsOf> {
    let kept = lookup::conversation(connection, conversation)?;
    let head = kept.as_ref().map_or(Seq::ZERO, |kept| kept.state.head);
    let mut counts = Vec::with_capacity(users.len());
    for user in users {
        let caller = Caller::User(user);
        match permitted_in(connection, Operation::Read, &caller, kept.clone()) {
            Ok(access) => counts.push(Ok(access.counts(connection)?)),
            Err(Fault::Answer(refusal)) => counts.push(Err(refusal)),
            Err(fault) => return Err(fault),
        }
    }
    Ok(CountsOf { head, counts })
}

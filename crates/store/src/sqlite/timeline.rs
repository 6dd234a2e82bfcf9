//! Pages of a conversation's timeline.

use rusqlite::Connection;
use tidemark_core::access::{Caller, Operation};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq};

use crate::log_page::Part;
use crate::{PageLimits, TimelinePage, Window};

use super::log::{self, event_columns};
use super::lookup::KeptConversation;
use super::reads::{Read, page, permitted};

pub(crate) fn messages(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    window: Window,
    limits: PageLimits,
) -> Read<TimelinePage> {
    let kept = permitted(connection, Operation::Read, caller, conversation)?.kept;
    let part = match window {
        Window::Latest => below(connection, &kept, kept.state.head, limits)?,
        Window::Before(seq) => below(connection, &kept, seq.previous(), limits)?,
        Window::After(seq) => above(connection, &kept, seq, limits)?,
        Window::Around(seq) => around(connection, &kept, seq, limits)?,
    };
    let messages = part.entries.into_iter();
    Ok(TimelinePage {
        messages: messages
            .filter_map(|entry| TimelineMessage::from_event(entry.event))
            .collect(),
        head: kept.state.head,
        more: part.more,
    })
}

/// The newest message of a conversation.
pub(crate) fn last_message(
    connection: &Connection,
    kept: &KeptConversation,
) -> rusqlite::Result<Option<TimelineMessage>> {
    let limits = PageLimits {
        entries_max: 1,
        text_bytes_max: usize::MAX,
    };
    let mut newest = below(connection, kept, kept.state.head, limits)?.entries;
    Ok(newest
        .pop()
        .and_then(|entry| TimelineMessage::from_event(entry.event)))
}

/// The newest messages at a place or below it.
fn below(
    connection: &Connection,
    kept: &KeptConversation,
    at_most: Seq,
    limits: PageLimits,
) -> rusqlite::Result<Part> {
    let at_most = at_most.min(kept.state.head);
    // How many there are is known, so the search ends with the last of them, not with the log.
    let available = log::messages_at(connection, kept.key, at_most)?;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND seq <= ?2 AND kind = 1
         ORDER BY seq DESC LIMIT ?3"
    ))?;
    let rows = statement.query((kept.key, at_most.get(), wanted(limits, available)))?;
    let mut entries = page(connection, rows, limits)?;
    entries.reverse();
    let more = entries.first().is_some_and(|oldest| oldest.messages > 1);
    Ok(Part { entries, more })
}

/// The oldest messages above a place.
fn above(
    connection: &Connection,
    kept: &KeptConversation,
    after: Seq,
    limits: PageLimits,
) -> rusqlite::Result<Part> {
    let after = after.min(kept.state.head);
    let available = kept.state.messages - log::messages_at(connection, kept.key, after)?;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND seq > ?2 AND kind = 1
         ORDER BY seq LIMIT ?3"
    ))?;
    let rows = statement.query((kept.key, after.get(), wanted(limits, available)))?;
    let entries = page(connection, rows, limits)?;
    let newest = entries.last();
    let more = newest.is_some_and(|newest| newest.messages < kept.state.messages);
    Ok(Part { entries, more })
}

/// The messages on both sides of a place, beginning with the one at it.
fn around(
    connection: &Connection,
    kept: &KeptConversation,
    seq: Seq,
    limits: PageLimits,
) -> rusqlite::Result<Part> {
    let older = below(connection, kept, seq.previous(), limits)?;
    let newer = above(connection, kept, seq.previous(), limits)?;
    Ok(Part::around(older, newer, limits))
}

fn wanted(limits: PageLimits, available: u64) -> u64 {
    available.min(limits.entries_max.max(1) as u64)
}

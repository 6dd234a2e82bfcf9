//! Pages of a conversation's timeline.

use rusqlite::{Connection, Rows};
use tidemark_core::access::{Caller, Operation};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq};

use crate::log_page::{Entry, Part};
use crate::{PageLimits, TimelinePage, Window};

use super::amendments;
use super::log::{self, event_columns};
use super::lookup::KeptConversation;
use super::reads::{Read, page_with, permitted};

pub(crate) fn messages(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    window: Window,
    limits: PageLimits,
) -> Read<TimelinePage> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    let kept = access.kept;
    let viewer = access.user;
    let part = match window {
        Window::Latest => below(connection, &kept, viewer, kept.state.head, limits)?,
        Window::Before(seq) => below(connection, &kept, viewer, seq.previous(), limits)?,
        Window::After(seq) => above(connection, &kept, viewer, seq, limits)?,
        Window::Around(seq) => around(connection, &kept, viewer, seq, limits)?,
    };
    let messages = part.entries.into_iter();
    Ok(TimelinePage {
        messages: messages.filter_map(Entry::into_message).collect(),
        head: kept.state.head,
        more: part.more,
    })
}

/// The newest message of a conversation, as `viewer` sees it.
pub(crate) fn last_message(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
) -> rusqlite::Result<Option<TimelineMessage>> {
    let limits = PageLimits {
        entries_max: 1,
        text_bytes_max: usize::MAX,
    };
    let mut newest = below(connection, kept, viewer, kept.state.head, limits)?.entries;
    Ok(newest.pop().and_then(Entry::into_message))
}

/// The newest messages at a place or below it.
fn below(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
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
    let mut entries = shown_page(connection, kept, viewer, rows, limits)?;
    entries.reverse();
    let more = entries.first().is_some_and(|oldest| oldest.messages > 1);
    Ok(Part { entries, more })
}

/// The oldest messages above a place.
fn above(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
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
    let entries = shown_page(connection, kept, viewer, rows, limits)?;
    let newest = entries.last();
    let more = newest.is_some_and(|newest| newest.messages < kept.state.messages);
    Ok(Part { entries, more })
}

/// The messages on both sides of a place, beginning with the one at it.
fn around(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
    seq: Seq,
    limits: PageLimits,
) -> rusqlite::Result<Part> {
    let older = below(connection, kept, viewer, seq.previous(), limits)?;
    let newer = above(connection, kept, viewer, seq.previous(), limits)?;
    Ok(Part::around(older, newer, limits))
}

/// A page of messages as they stand, measured by what they say now.
fn shown_page(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
    rows: Rows<'_>,
    limits: PageLimits,
) -> rusqlite::Result<Vec<Entry>> {
    page_with(connection, rows, limits, |entry| {
        amendments::bring_up(connection, kept.key, viewer, entry)
    })
}

fn wanted(limits: PageLimits, available: u64) -> u64 {
    available.min(limits.entries_max.max(1) as u64)
}

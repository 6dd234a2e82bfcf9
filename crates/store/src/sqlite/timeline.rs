//! Pages of a conversation's timeline.

use rusqlite::{Connection, Rows};
use tidemark_core::access::{Caller, Horizon, Operation};
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
    let view = View {
        horizon: access.horizon(caller),
        viewer: access.user,
        kept: &access.kept,
        limits,
    };
    let head = view.kept.state.head;
    let part = match window {
        Window::Latest => view.below(connection, head)?,
        Window::Before(seq) => view.below(connection, seq.previous())?,
        Window::After(seq) => view.above(connection, seq)?,
        Window::Around(seq) => {
            let older = view.below(connection, seq.previous())?;
            let newer = view.above(connection, seq.previous())?;
            Part::around(older, newer, limits)
        }
    };
    let messages = part.entries.into_iter();
    Ok(TimelinePage {
        messages: messages.filter_map(Entry::into_message).collect(),
        head,
        more: part.more,
    })
}

/// The newest message of a conversation that is to be seen, as `viewer` sees it.
pub(crate) fn last_message(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
    horizon: Horizon,
) -> rusqlite::Result<Option<TimelineMessage>> {
    let view = View {
        kept,
        viewer,
        horizon,
        limits: PageLimits {
            entries_max: 1,
            text_bytes_max: usize::MAX,
        },
    };
    let mut newest = view.below(connection, kept.state.head)?.entries;
    Ok(newest.pop().and_then(Entry::into_message))
}

/// What somebody wants to see of a conversation.
struct View<'k> {
    kept: &'k KeptConversation,
    viewer: Option<i64>,
    horizon: Horizon,
    limits: PageLimits,
}

impl View<'_> {
    /// The newest messages at a place or below it.
    fn below(&self, connection: &Connection, at_most: Seq) -> rusqlite::Result<Part> {
        let Self { kept, limits, .. } = *self;
        let at_most = at_most.min(kept.state.head);
        let floor = self.horizon.after(Seq::ZERO);
        // How many there are is known, so the search ends with the last of them, not with the log.
        let hidden = log::messages_at(connection, kept.key, floor)?;
        let available = log::messages_at(connection, kept.key, at_most)?.saturating_sub(hidden);
        let mut statement = connection.prepare_cached(concat!(
            "SELECT ",
            event_columns!(),
            " FROM event WHERE conversation = ?1 AND seq <= ?2 AND seq > ?4 AND kind = 1
             ORDER BY seq DESC LIMIT ?3"
        ))?;
        let wanted = wanted(limits, available);
        let rows = statement.query((kept.key, at_most.get(), wanted, floor.get()))?;
        let mut entries = self.shown_page(connection, rows)?;
        entries.reverse();
        let oldest = entries.first();
        let more = oldest.is_some_and(|oldest| oldest.messages > hidden + 1);
        Ok(Part { entries, more })
    }

    /// The oldest messages above a place.
    fn above(&self, connection: &Connection, after: Seq) -> rusqlite::Result<Part> {
        let Self { kept, limits, .. } = *self;
        let after = self.horizon.after(after).min(kept.state.head);
        let available = kept.state.messages - log::messages_at(connection, kept.key, after)?;
        let mut statement = connection.prepare_cached(concat!(
            "SELECT ",
            event_columns!(),
            " FROM event WHERE conversation = ?1 AND seq > ?2 AND kind = 1
             ORDER BY seq LIMIT ?3"
        ))?;
        let rows = statement.query((kept.key, after.get(), wanted(limits, available)))?;
        let entries = self.shown_page(connection, rows)?;
        let newest = entries.last();
        let more = newest.is_some_and(|newest| newest.messages < kept.state.messages);
        Ok(Part { entries, more })
    }

    /// A page of messages as they stand, measured by what they say now.
    fn shown_page(&self, connection: &Connection, rows: Rows<'_>) -> rusqlite::Result<Vec<Entry>> {
        page_with(connection, rows, self.limits, |entry| {
            amendments::bring_up(connection, self.kept.key, self.viewer, entry)
        })
    }
}

fn wanted(limits: PageLimits, available: u64) -> u64 {
    available.min(limits.entries_max.max(1) as u64)
}

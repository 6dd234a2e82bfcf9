//! Rows as conversations, memberships and events.

use tidemark_core::conversation::{Conversation, Event, EventBody, Membership, Rules};
use tidemark_core::{ClientId, Position, Timestamp};
use tokio_postgres::Row;

use crate::columns::{EventKind, detail};
use crate::log_page::{Entry, Since};

use super::column;
use super::fault::Trouble;
use super::text;

/// A conversation with what only this engine knows of it.
#[derive(Clone, Debug)]
pub(crate) struct KeptConversation {
    pub(crate) key: i64,
    pub(crate) state: Conversation,
    /// The position of the last event.
    pub(crate) active: Position,
}

/// The columns that [`kept_conversation`] reads, in its order, for use with `concat!`.
macro_rules! conversation_columns {
    () => {
        "c.key, c.id, c.kind, c.visibility, c.title, c.topic, c.retention_days, c.created_at, \
         c.members, c.head, c.messages, c.active, c.history, c.slow_mode_seconds, \
         c.announcements_only, c.mention_all, c.blocked"
    };
}
pub(crate) use conversation_columns;

/// How many columns that is.
pub(crate) const CONVERSATION_COLUMNS: usize = 17;

pub(crate) fn kept_conversation(row: &Row) -> Result<KeptConversation, Trouble> {
    let days: Option<i64> = column::get(row, 6)?;
    let days = days.map(u32::try_from).transpose();
    let slow = u32::try_from(column::get::<i64>(row, 13)?);
    Ok(KeptConversation {
        key: column::get(row, 0)?,
        state: Conversation {
            id: column::conversation_id(row, 1)?,
            kind: column::named(row, 2)?,
            visibility: column::named(row, 3)?,
            title: column::prose(row, 4)?,
            topic: column::prose(row, 5)?,
            retention_days: days.map_err(column::damaged)?,
            rules: Rules {
                history: column::named(row, 12)?,
                slow_mode_seconds: slow.map_err(column::damaged)?,
                announcements_only: column::get(row, 14)?,
                mention_all: column::named(row, 15)?,
            },
            created_at: column::timestamp(row, 7)?,
            members: column::count(row, 8)?,
            head: column::seq(row, 9)?,
            messages: column::count(row, 10)?,
            blocked: column::get(row, 16)?,
        },
        active: column::position(row, 11)?,
    })
}

/// The columns that [`membership`] reads, in its order, for use with `concat!`.
macro_rules! member_columns {
    () => {
        "m.role, m.joined, m.departed, m.read, sent.own, sent.at, m.banned, m.delivered"
    };
}
pub(crate) use member_columns;

/// Where two of these come from: the ordinal and the time of the last message of the person `p`.
macro_rules! sent_join {
    () => {
        " LEFT JOIN LATERAL (
            SELECT own, at FROM tidemark.event
            WHERE conversation = c.key AND author = p.key AND kind = 1
            ORDER BY seq DESC LIMIT 1) AS sent ON true"
    };
}
pub(crate) use sent_join;

/// How many columns that is.
pub(crate) const MEMBER_COLUMNS: usize = 8;

/// A membership, present or past, from the columns that begin at `first`; they are null where there
/// never was one.
pub(crate) fn membership(row: &Row, first: usize) -> Result<Option<Membership>, Trouble> {
    if column::get::<Option<&str>>(row, first)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Membership {
        role: column::named(row, first)?,
        joined: column::seq(row, first + 1)?,
        left: column::optional_seq(row, first + 2)?,
        read: column::seq(row, first + 3)?,
        sent: column::count_or_zero(row, first + 4)?,
        sent_at: column::get::<Option<i64>>(row, first + 5)?.map(Timestamp),
        banned: column::optional_seq(row, first + 6)?,
        delivered: column::seq(row, first + 7)?,
    }))
}

/// The columns that [`entry`] reads, in its order, for use with `concat!`: of the event `e`, its author
/// `a` and its conversation `c`.
macro_rules! event_columns {
    () => {
        "e.position, e.seq, e.at, e.kind, a.id, e.client_id, e.text, e.detail, e.messages, \
         c.id, e.target"
    };
}
pub(crate) use event_columns;

/// How many columns that is.
pub(crate) const EVENT_COLUMNS: usize = 11;

/// The event in the columns that begin at `first`; they are null where there is none.
pub(crate) fn entry(row: &Row, first: usize) -> Result<Option<Entry>, Trouble> {
    if column::get::<Option<i64>>(row, first)?.is_none() {
        return Ok(None);
    }
    let kind = EventKind::from_number(column::get::<i16>(row, first + 3)?.into())
        .ok_or_else(|| column::damaged("an unknown kind of event"))?;
    let words: Option<String> = column::get(row, first + 6)?;
    let words = words.map(text::original);
    let columns = detail::Columns {
        author: column::user_id(row, first + 4)?,
        client_id: column::get::<Option<_>>(row, first + 5)?.map(ClientId),
        target: column::optional_seq(row, first + 10)?,
        text: words.as_deref(),
        detail: column::get(row, first + 7)?,
    };
    Ok(Some(Entry {
        position: column::position(row, first)?,
        event: Event {
            conversation: column::conversation_id(row, first + 9)?,
            seq: column::seq(row, first + 1)?,
            at: column::timestamp(row, first + 2)?,
            body: detail::read(kind, columns).map_err(column::damaged)?,
        },
        messages: column::count(row, first + 8)?,
        since: Since::default(),
    }))
}

/// The edit of the message `of` whose text and detail are in the columns that begin at `first`.
pub(crate) fn edit(row: &Row, first: usize, of: &Event) -> Result<EventBody, Trouble> {
    let words: Option<String> = column::get(row, first)?;
    let words = words.map(text::original);
    let columns = detail::Columns {
        author: of.body.author().clone(),
        client_id: None,
        target: Some(of.seq),
        text: words.as_deref(),
        detail: column::get(row, first + 1)?,
    };
    detail::read(EventKind::Edit, columns).map_err(column::damaged)
}

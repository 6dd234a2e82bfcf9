//! Reads of one conversation, and the feed. Each runs in one snapshot and asks there whether the
//! caller may read.

use rusqlite::Connection;
use tidemark_core::access::{Caller, Horizon, Operation, permit_in};
use tidemark_core::conversation::Membership;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Position, Refusal, Seq, UserId};

use crate::cursor_views::entries_of_pair;
use crate::log_page::Entry;
use crate::{Delivered, EventsPage, FeedEvent, Member, MembersPage, PageLimits, Reader, Receipts};

use super::column;
use super::fault::Fault;
use super::log::{EventReader, event_columns};
use super::lookup::{self, KeptConversation};

pub(crate) type Read<T> = Result<T, Fault<Refusal>>;

/// A conversation and what the caller is to it.
pub(crate) struct Access {
    pub(crate) kept: KeptConversation,
    /// The caller's key, if the caller is a person who is known here.
    pub(crate) user: Option<i64>,
    /// The caller's membership, present or past.
    pub(crate) membership: Option<Membership>,
}

/// The conversation, if `caller` may do the reading `operation` in it.
pub(crate) fn permitted(
    connection: &Connection,
    operation: Operation,
    caller: &Caller,
    id: ConversationId,
) -> Read<Access> {
    let kept = lookup::conversation(connection, id)?;
    permitted_in(connection, operation, caller, kept)
}

/// The same where the conversation was looked up.
pub(crate) fn permitted_in(
    connection: &Connection,
    operation: Operation,
    caller: &Caller,
    kept: Option<KeptConversation>,
) -> Read<Access> {
    let user = match caller.user() {
        Some(user) => lookup::user_key(connection, user)?,
        None => None,
    };
    let membership = match (&kept, user) {
        (Some(kept), Some(user)) => lookup::membership(connection, kept.key, user)?,
        _ => None,
    };
    let state = kept.as_ref().map(|kept| &kept.state);
    permit_in(operation, caller, state, membership.as_ref())?;
    let kept = kept.ok_or_else(Refusal::no_such_conversation)?;
    Ok(Access {
        kept,
        user,
        membership,
    })
}

pub(crate) fn events_after(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Read<EventsPage> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    let horizon = access.horizon(caller);
    Ok(events_of(connection, &access.kept, horizon, after, limits)?)
}

/// The events of a conversation that are to be seen.
pub(crate) fn events_of(
    connection: &Connection,
    kept: &KeptConversation,
    horizon: Horizon,
    after: Seq,
    limits: PageLimits,
) -> rusqlite::Result<EventsPage> {
    let head = kept.state.head;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    ))?;
    let rows = statement.query((
        kept.key,
        horizon.after(after).get(),
        limits.entries_max.max(1),
    ))?;
    let events: Vec<_> = page(connection, rows, limits)?
        .into_iter()
        .map(|mut entry| {
            horizon.hide(&mut entry.event.body);
            entry.event
        })
        .collect();
    let last = events.last().map_or(head, |event| event.seq);
    Ok(EventsPage {
        events,
        head,
        more: last < head,
        visible_from: horizon.visible_from(),
    })
}

pub(crate) fn feed(
    connection: &Connection,
    after: Position,
    limits: PageLimits,
) -> Read<Vec<FeedEvent>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE position > ?1 ORDER BY position LIMIT ?2"
    ))?;
    let rows = statement.query((after.0, limits.entries_max.max(1)))?;
    let feed = page(connection, rows, limits)?.into_iter();
    Ok(feed
        .map(|entry| FeedEvent {
            position: entry.position,
            event: entry.event,
        })
        .collect())
}

/// Takes rows until their text is too much for a page; at least one.
pub(crate) fn page(
    connection: &Connection,
    rows: rusqlite::Rows<'_>,
    limits: PageLimits,
) -> rusqlite::Result<Vec<Entry>> {
    page_with(connection, rows, limits, |_| Ok(()))
}

/// The same with entries that `complete` has completed.
pub(crate) fn page_with(
    connection: &Connection,
    mut rows: rusqlite::Rows<'_>,
    limits: PageLimits,
    complete: impl Fn(&mut Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<Entry>> {
    let mut reader = EventReader::new(connection);
    let mut entries = Vec::new();
    let mut text_bytes = 0;
    while let Some(row) = rows.next()? {
        let mut entry = reader.entry(row)?;
        complete(&mut entry)?;
        text_bytes += entry.text_bytes();
        if !entries.is_empty() && text_bytes > limits.text_bytes_max {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

impl Access {
    /// What the caller sees of the conversation.
    pub(crate) fn horizon(&self, caller: &Caller) -> Horizon {
        Horizon::of(caller, &self.kept.state, self.membership.as_ref())
    }

    /// What the caller has still to see; zero for whoever is no member.
    pub(crate) fn counts(&self, connection: &Connection) -> rusqlite::Result<Counts> {
        match (self.user, &self.membership) {
            (Some(user), Some(membership)) if membership.is_current() => {
                let kept = &self.kept;
                lookup::counts(connection, kept.key, &kept.state, user, membership)
            }
            _ => Ok(Counts::default()),
        }
    }
}

pub(crate) fn members(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<MembersPage> {
    let kept = permitted(connection, Operation::Read, caller, conversation)?.kept;
    let entries_max = entries_max.max(1);
    let mut statement = connection.prepare_cached(
        "SELECT user_id, role, joined, read FROM member
         WHERE conversation = ?1 AND departed IS NULL AND user_id > ?2
         ORDER BY user_id LIMIT ?3",
    )?;
    let after = after.map_or("", UserId::as_str);
    let mut members = statement
        .query_map((kept.key, after, entries_max + 1), |row| {
            Ok(Member {
                user: column::user_id(row, 0)?,
                role: column::named(row, 1)?,
                joined: column::seq(row, 2)?,
                read: column::seq(row, 3)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = members.len() > entries_max;
    members.truncate(entries_max);
    Ok(MembersPage { members, more }.seen_by(caller, &kept.state))
}

pub(crate) fn readers(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    seq: Seq,
    entries_max: usize,
) -> Read<Receipts> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    if !access.horizon(caller).includes(seq) {
        return Ok(Receipts::default());
    }
    let kept = access.kept;
    let entries = entries_of_pair(entries_max);
    let mut statement = connection.prepare_cached(
        "SELECT user_id, read FROM member
         WHERE conversation = ?1 AND departed IS NULL AND read >= ?2
         ORDER BY user_id LIMIT ?3",
    )?;
    let readers = statement
        .query_map((kept.key, seq.get(), entries), |row| {
            Ok(Reader {
                user: column::user_id(row, 0)?,
                read: column::seq(row, 1)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT user_id, delivered FROM member
         WHERE conversation = ?1 AND departed IS NULL AND read < ?2 AND delivered >= ?2
         ORDER BY user_id LIMIT ?3",
    )?;
    let delivered = statement
        .query_map((kept.key, seq.get(), entries), |row| {
            Ok(Delivered {
                user: column::user_id(row, 0)?,
                delivered: column::seq(row, 1)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let receipts = Receipts { readers, delivered };
    Ok(receipts.seen_by(caller, &kept.state, entries_max))
}

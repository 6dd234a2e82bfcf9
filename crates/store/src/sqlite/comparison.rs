//! What servers compare with what they have pushed: heads, who came and went, and who shares a conversation.

use rusqlite::{Connection, OptionalExtension};
use tidemark_core::{ConversationId, Position, Seq, UserId};

use crate::{FeedEvent, MembershipFeed, PageLimits};

use super::column;
use super::log::event_columns;
use super::lookup;
use super::reads::{Read, page};

pub(crate) fn heads(
    connection: &Connection,
    conversations: &[ConversationId],
) -> Read<Vec<(ConversationId, Seq)>> {
    let mut statement = connection.prepare_cached(
        "SELECT head.seq FROM conversation JOIN event AS head ON head.conversation = conversation.key
         WHERE conversation.id = ?1 ORDER BY head.seq DESC LIMIT 1",
    )?;
    let mut heads = Vec::with_capacity(conversations.len());
    for id in conversations {
        let head = statement
            .query_row([id.0.into_bytes()], |row| column::seq(row, 0))
            .optional()?;
        heads.extend(head.map(|head| (*id, head)));
    }
    Ok(heads)
}

pub(crate) fn acquainted(
    connection: &Connection,
    user: &UserId,
    mut others: Vec<UserId>,
) -> Read<Vec<UserId>> {
    let id = user;
    let Some(user) = lookup::user_key(connection, user)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM user AS other
         CROSS JOIN member AS mine INDEXED BY member_by_user
         CROSS JOIN member AS theirs INDEXED BY member_by_user
         WHERE other.id = ?2 AND mine.user = ?1 AND mine.departed IS NULL
            AND theirs.user = other.key AND theirs.conversation = mine.conversation
            AND theirs.departed IS NULL
            AND NOT EXISTS (SELECT 1 FROM block WHERE user = ?1 AND other_id = ?2)
            AND NOT EXISTS (SELECT 1 FROM block WHERE user = other.key AND other_id = ?3)
         LIMIT 1",
    )?;
    let mut failed = None;
    others.retain(|other| {
        let found = statement.exists((user, other.as_str(), id.as_str()));
        found.unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    failed.map_or(Ok(others), |error| Err(error.into()))
}

pub(crate) fn membership_feed(
    connection: &Connection,
    after: Position,
    entries_max: usize,
) -> Read<MembershipFeed> {
    let entries_max = entries_max.max(1);
    let last = connection
        .prepare_cached("SELECT ifnull(max(position), 0) FROM event")?
        .query_row((), |row| column::position(row, 0))?;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event INDEXED BY event_of_members
         WHERE kind = 2 AND position > ?1 ORDER BY position LIMIT ?2"
    ))?;
    let rows = statement.query((after.0, entries_max))?;
    let unlimited = PageLimits {
        entries_max,
        text_bytes_max: usize::MAX,
    };
    let events: Vec<_> = page(connection, rows, unlimited)?
        .into_iter()
        .map(|entry| FeedEvent {
            position: entry.position,
            event: entry.event,
        })
        .collect();
    let full = events.len() == entries_max;
    let through = events.last().filter(|_| full).map(|entry| entry.position);
    Ok(MembershipFeed {
        through: through.unwrap_or(last),
        events,
    })
}

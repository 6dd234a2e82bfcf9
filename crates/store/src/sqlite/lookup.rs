//! Conversations, users and memberships by their public ids, each one seek by an index. The writer and
//! the reads share these.

use rusqlite::{Connection, OptionalExtension, Row};
use tidemark_core::conversation::{Conversation, Membership, Rules};
use tidemark_core::unread::{Counts, Tally, unread};
use tidemark_core::{ConversationId, Position, Timestamp, UserId};

use super::amendments;
use super::column;
use super::log;
use super::mentions;

/// A conversation with what only this engine knows of it.
#[derive(Clone, Debug)]
pub(crate) struct KeptConversation {
    pub(crate) key: i64,
    pub(crate) state: Conversation,
    /// The position of the last event.
    pub(crate) active: Position,
}

/// The columns that [`kept_conversation`] reads, in its order, for use with `concat!`. `head` is the
/// last event of the conversation.
macro_rules! conversation_columns {
    () => {
        "conversation.key, conversation.id, conversation.kind, conversation.visibility, \
         conversation.title, conversation.topic, conversation.retention_days, \
         conversation.created_at, conversation.members, head.seq, head.messages, head.position, \
         conversation.history, conversation.slow_mode_seconds, \
         conversation.announcements_only, conversation.mention_all, conversation.blocked"
    };
}

pub(crate) fn conversation(
    connection: &Connection,
    id: ConversationId,
) -> rusqlite::Result<Option<KeptConversation>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            conversation_columns!(),
            " FROM conversation JOIN event AS head ON head.conversation = conversation.key
             WHERE conversation.id = ?1 ORDER BY head.seq DESC LIMIT 1"
        ))?
        .query_row([id.0.into_bytes()], kept_conversation)
        .optional()
}

pub(crate) fn conversation_by_key(
    connection: &Connection,
    key: i64,
) -> rusqlite::Result<KeptConversation> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            conversation_columns!(),
            " FROM conversation JOIN event AS head ON head.conversation = conversation.key
             WHERE conversation.key = ?1 ORDER BY head.seq DESC LIMIT 1"
        ))?
        .query_row([key], kept_conversation)
}

fn kept_conversation(row: &Row<'_>) -> rusqlite::Result<KeptConversation> {
    Ok(KeptConversation {
        key: row.get(0)?,
        state: Conversation {
            id: column::conversation_id(row, 1)?,
            kind: column::named(row, 2)?,
            visibility: column::named(row, 3)?,
            title: row.get(4)?,
            topic: row.get(5)?,
            retention_days: row.get(6)?,
            created_at: column::timestamp(row, 7)?,
            rules: Rules {
                history: column::named(row, 12)?,
                slow_mode_seconds: row.get(13)?,
                announcements_only: row.get(14)?,
                mention_all: column::named(row, 15)?,
            },
            members: row.get(8)?,
            head: column::seq(row, 9)?,
            messages: row.get(10)?,
            blocked: row.get(16)?,
        },
        active: column::position(row, 11)?,
    })
}

pub(crate) fn user_key(connection: &Connection, id: &UserId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT key FROM user WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()
}

/// A membership, present or past.
pub(crate) fn membership(
    connection: &Connection,
    conversation: i64,
    user: i64,
) -> rusqlite::Result<Option<Membership>> {
    let membership = connection
        .prepare_cached(
            "SELECT role, joined, departed, read, banned, delivered FROM member
             WHERE conversation = ?1 AND user = ?2",
        )?
        .query_row((conversation, user), |row| {
            Ok(Membership {
                role: column::named(row, 0)?,
                joined: column::seq(row, 1)?,
                left: column::optional_seq(row, 2)?,
                read: column::seq(row, 3)?,
                sent: 0,
                sent_at: None,
                banned: column::optional_seq(row, 4)?,
                delivered: column::seq(row, 5)?,
            })
        })
        .optional()?;
    let Some(membership) = membership else {
        return Ok(None);
    };
    let sent = sent(connection, conversation, user)?;
    Ok(Some(Membership {
        sent: sent.messages,
        sent_at: sent.last_at,
        ..membership
    }))
}

/// What a user has sent in a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// How many messages: the ordinal of the last one.
    pub(crate) messages: u64,
    /// When the last one was.
    pub(crate) last_at: Option<Timestamp>,
}

/// How many messages a user has sent in a conversation, and when the last one.
pub(crate) fn sent(
    connection: &Connection,
    conversation: i64,
    user: i64,
) -> rusqlite::Result<Sent> {
    let sent = connection
        .prepare_cached(
            "SELECT own, at FROM event WHERE conversation = ?1 AND author = ?2 AND kind = 1
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((conversation, user), |row| {
            Ok(Sent {
                messages: row.get(0)?,
                last_at: Some(column::timestamp(row, 1)?),
            })
        })
        .optional()?;
    Ok(sent.unwrap_or_default())
}

/// What a member has still to see.
pub(crate) fn counts(
    connection: &Connection,
    conversation: i64,
    state: &Conversation,
    user: i64,
    membership: &Membership,
) -> rusqlite::Result<Counts> {
    if membership.read >= state.head {
        return Ok(Counts::default());
    }
    let at_head = Tally {
        messages: state.messages,
        own: membership.sent,
    };
    let at_cursor = log::tally_at(connection, conversation, user, membership.read)?;
    let deleted_above = amendments::deleted_after(connection, conversation, user, membership.read)?;
    Ok(Counts {
        unread: unread(at_head, at_cursor, deleted_above),
        mentions: mentions::count_after(connection, conversation, user, membership.read)?,
    })
}

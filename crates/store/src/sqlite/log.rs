//! Rows of the log as events, and events as rows.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use tidemark_core::conversation::{Event, Logged};
use tidemark_core::unread::Tally;
use tidemark_core::{ClientId, ConversationId, Seq, UserId};
use uuid::Uuid;

use crate::columns::{EventKind, detail};
use crate::log_page::{Entry, Since};

use super::column;

/// The columns that [`EventReader::event`] reads, in its order, for use with `concat!`.
macro_rules! event_columns {
    () => {
        "event.position, event.seq, event.at, event.kind, event.author, event.client_id, \
         event.text, event.detail, event.messages, event.conversation, event.target"
    };
}
pub(crate) use event_columns;

/// Reads rows of the log; remembers the ids behind the keys it met.
pub(crate) struct EventReader<'c> {
    connection: &'c Connection,
    users: HashMap<i64, UserId>,
    conversations: HashMap<i64, ConversationId>,
}

impl<'c> EventReader<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            users: HashMap::new(),
            conversations: HashMap::new(),
        }
    }

    /// The event in a row of `event_columns!`.
    pub(crate) fn entry(&mut self, row: &Row<'_>) -> rusqlite::Result<Entry> {
        let kind = EventKind::from_number(row.get(3)?)
            .ok_or_else(|| column::damaged(3, "an unknown kind of event"))?;
        let columns = detail::Columns {
            author: self.user(row.get(4)?)?,
            client_id: row
                .get::<_, Option<[u8; 16]>>(5)?
                .map(|bytes| ClientId(Uuid::from_bytes(bytes))),
            target: column::optional_seq(row, 10)?,
            text: row.get_ref(6)?.as_str_or_null()?,
            detail: row.get_ref(7)?.as_str_or_null()?,
        };
        Ok(Entry {
            position: column::position(row, 0)?,
            event: Event {
                conversation: self.conversation(row.get(9)?)?,
                seq: column::seq(row, 1)?,
                at: column::timestamp(row, 2)?,
                body: detail::read(kind, columns).map_err(|what| column::damaged(7, what))?,
            },
            messages: row.get(8)?,
            since: Since::default(),
        })
    }

    fn user(&mut self, key: i64) -> rusqlite::Result<UserId> {
        if let Some(known) = self.users.get(&key) {
            return Ok(known.clone());
        }
        let id = self
            .connection
            .prepare_cached("SELECT id FROM user WHERE key = ?1")?
            .query_row([key], |row| column::user_id(row, 0))?;
        self.users.insert(key, id.clone());
        Ok(id)
    }

    fn conversation(&mut self, key: i64) -> rusqlite::Result<ConversationId> {
        if let Some(known) = self.conversations.get(&key) {
            return Ok(*known);
        }
        let id = self
            .connection
            .prepare_cached("SELECT id FROM conversation WHERE key = ?1")?
            .query_row([key], |row| column::conversation_id(row, 0))?;
        self.conversations.insert(key, id);
        Ok(id)
    }
}

/// Adds an event to the end of the log. Its position is the next one.
pub(crate) fn insert(
    connection: &Connection,
    conversation: i64,
    author: i64,
    logged: &Logged,
) -> rusqlite::Result<()> {
    let Logged { event, tally } = logged;
    connection
        .prepare_cached(
            "INSERT INTO event
                (conversation, seq, at, kind, author, messages, own, client_id, text, detail,
                 target)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            conversation,
            event.seq.get(),
            event.at.0,
            EventKind::of(&event.body) as i64,
            author,
            tally.messages,
            tally.own,
            event.body.client_id().map(|name| name.0.into_bytes()),
            detail::text(&event.body),
            detail::write(&event.body),
            detail::target(&event.body).map(Seq::get),
        ))?;
    Ok(())
}

/// What is at a place of a conversation.
pub(crate) fn kind_at(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
) -> rusqlite::Result<Option<EventKind>> {
    let number: Option<i64> = connection
        .prepare_cached("SELECT kind FROM event WHERE conversation = ?1 AND seq = ?2")?
        .query_row((conversation, seq.get()), |row| row.get(0))
        .optional()?;
    Ok(number.and_then(EventKind::from_number))
}

/// The event at a place of a conversation.
pub(crate) fn at(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
) -> rusqlite::Result<Option<Event>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND seq = ?2"
    ))?;
    let mut rows = statement.query((conversation, seq.get()))?;
    match rows.next()? {
        Some(row) => Ok(Some(EventReader::new(connection).entry(row)?.event)),
        None => Ok(None),
    }
}

/// The event that `author` named with this client id.
pub(crate) fn by_client(
    connection: &Connection,
    conversation: i64,
    author: i64,
    client_id: ClientId,
) -> rusqlite::Result<Option<Event>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM event WHERE client_id = :client_id
            AND conversation = :conversation AND author = :author"
    ))?;
    let mut rows = statement.query(named_params! {
        ":client_id": client_id.0.into_bytes(),
        ":conversation": conversation,
        ":author": author,
    })?;
    match rows.next()? {
        Some(row) => Ok(Some(EventReader::new(connection).entry(row)?.event)),
        None => Ok(None),
    }
}

/// How many messages a conversation had up to a place.
pub(crate) fn messages_at(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
) -> rusqlite::Result<u64> {
    if seq == Seq::ZERO {
        return Ok(0);
    }
    let messages = connection
        .prepare_cached("SELECT messages FROM event WHERE conversation = ?1 AND seq = ?2")?
        .query_row((conversation, seq.get()), |row| row.get(0))
        .optional()?;
    Ok(messages.unwrap_or(0))
}

/// How many messages there were up to a place, of anybody and of one author.
pub(crate) fn tally_at(
    connection: &Connection,
    conversation: i64,
    author: i64,
    seq: Seq,
) -> rusqlite::Result<Tally> {
    let own = connection
        .prepare_cached(
            "SELECT own FROM event WHERE conversation = ?1 AND author = ?2 AND seq <= ?3
                AND kind = 1
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((conversation, author, seq.get()), |row| row.get(0))
        .optional()?;
    Ok(Tally {
        messages: messages_at(connection, conversation, seq)?,
        own: own.unwrap_or(0),
    })
}

//! What the writer knows conversations by, beside their ids.

use rusqlite::{Connection, OptionalExtension};
use tidemark_core::{ClientId, ConversationId, UserId};

use super::column;

/// The conversation that `author` made with this client id.
pub(crate) fn created_by_client(
    connection: &Connection,
    author: i64,
    client_id: ClientId,
) -> rusqlite::Result<Option<ConversationId>> {
    connection
        .prepare_cached(
            "SELECT conversation.id FROM created_by_client AS made
             JOIN conversation ON conversation.key = made.conversation
             WHERE made.author = ?1 AND made.client_id = ?2",
        )?
        .query_row((author, client_id.0.into_bytes()), |row| {
            column::conversation_id(row, 0)
        })
        .optional()
}

pub(crate) fn keep_created_by_client(
    connection: &Connection,
    author: i64,
    client_id: ClientId,
    conversation: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO created_by_client (author, client_id, conversation) VALUES (?1, ?2, ?3)",
        )?
        .execute((author, client_id.0.into_bytes(), conversation))?;
    Ok(())
}

/// The direct conversation of a pair, in the order of [`UserId::pair`].
pub(crate) fn direct_between(
    connection: &Connection,
    one: &UserId,
    other: &UserId,
) -> rusqlite::Result<Option<ConversationId>> {
    connection
        .prepare_cached(
            "SELECT conversation.id FROM user AS one JOIN user AS other
             JOIN direct ON direct.one = one.key AND direct.other = other.key
             JOIN conversation ON conversation.key = direct.conversation
             WHERE one.id = ?1 AND other.id = ?2",
        )?
        .query_row((one.as_str(), other.as_str()), |row| {
            column::conversation_id(row, 0)
        })
        .optional()
}

/// Keeps the conversation of a pair whose people exist or are about to.
pub(crate) fn keep_direct(
    connection: &Connection,
    one: i64,
    other: i64,
    conversation: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO direct (one, other, conversation) VALUES (?1, ?2, ?3)")?
        .execute((one, other, conversation))?;
    Ok(())
}

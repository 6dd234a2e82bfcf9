//! Who blocks whom.

use rusqlite::Connection;
use tidemark_core::conversation::{BlockFacts, change_block};
use tidemark_core::{Limits, Timestamp, UserId};

use crate::{Blocked, BlocksPage};

use super::column;
use super::lookup;
use super::reads::Read;

/// Whether `user` blocks `other`.
pub(crate) fn has(connection: &Connection, user: i64, other: &UserId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM block WHERE user = ?1 AND other_id = ?2")?
        .exists((user, other.as_str()))
}

/// Whether one of them blocks the other.
pub(crate) fn between(
    connection: &Connection,
    one: &UserId,
    other: &UserId,
) -> rusqlite::Result<bool> {
    for (user, other) in [(one, other), (other, one)] {
        if let Some(user) = lookup::user_key(connection, user)?
            && has(connection, user, other)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a block down, or takes it away; whether that is news. What the pair's conversation says is not changed here.
pub(crate) fn change(
    connection: &Connection,
    user: &UserId,
    other: &UserId,
    on: bool,
    at: Timestamp,
    limits: &Limits,
) -> Read<bool> {
    let key = lookup::user_key(connection, user)?;
    let other_exists = !other.is_reserved() && lookup::user_key(connection, other)?.is_some();
    let facts = match key {
        Some(key) => BlockFacts {
            both_exist: other_exists,
            is_blocked: has(connection, key, other)?,
            blocks: count(connection, key)?,
        },
        None => BlockFacts::default(),
    };
    let changes = change_block(user, other, on, facts, limits)?;
    let Some(key) = key.filter(|_| changes) else {
        return Ok(false);
    };
    if on {
        connection
            .prepare_cached("INSERT INTO block (user, other_id, at) VALUES (?1, ?2, ?3)")?
            .execute((key, other.as_str(), at.0))?;
    } else {
        connection
            .prepare_cached("DELETE FROM block WHERE user = ?1 AND other_id = ?2")?
            .execute((key, other.as_str()))?;
    }
    Ok(true)
}

fn count(connection: &Connection, user: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("SELECT count(*) FROM block WHERE user = ?1")?
        .query_row([user], |row| row.get(0))
}

/// Writes down what a conversation says of its pair.
pub(crate) fn note(
    connection: &Connection,
    conversation: i64,
    blocked: bool,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE conversation SET blocked = ?2 WHERE key = ?1")?
        .execute((conversation, blocked))?;
    Ok(())
}

pub(crate) fn page(
    connection: &Connection,
    user: &UserId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<BlocksPage> {
    let entries_max = entries_max.max(1);
    let mut statement = connection.prepare_cached(
        "SELECT other_id, at FROM block
         WHERE user = (SELECT key FROM user WHERE id = ?1) AND other_id > ?2
         ORDER BY other_id LIMIT ?3",
    )?;
    let after = after.map_or("", UserId::as_str);
    let rows = statement.query_map(
        (user.as_str(), after, entries_max.saturating_add(1)),
        |row| {
            Ok(Blocked {
                user: column::user_id(row, 0)?,
                at: column::timestamp(row, 1)?,
            })
        },
    )?;
    let mut users = rows.collect::<Result<Vec<_>, _>>()?;
    let more = users.len() > entries_max;
    users.truncate(entries_max);
    Ok(BlocksPage { users, more })
}

//! Who is mentioned where.

use rusqlite::Connection;
use tidemark_core::Seq;
use tidemark_core::conversation::Mentions;

/// Stands for everybody in the `user` column; no user has this key.
const EVERYBODY: i64 = 0;

/// Keeps the mentions of the message at `seq`. People whom nobody knows here are left out: they
/// cannot be members, and what was said before they become one is never counted for them.
pub(crate) fn insert(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    author: i64,
    mentions: &Mentions,
) -> rusqlite::Result<()> {
    match mentions {
        Mentions::All => {
            connection
                .prepare_cached(
                    "INSERT INTO mention (user, conversation, seq, author) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((EVERYBODY, conversation, seq.get(), author))?;
        }
        Mentions::Users(users) => {
            for user in users {
                connection
                    .prepare_cached(
                        "INSERT INTO mention (user, conversation, seq, author)
                         SELECT key, ?2, ?3, ?4 FROM user WHERE id = ?1 AND key <> ?4",
                    )?
                    .execute((user.as_str(), conversation, seq.get(), author))?;
            }
        }
    }
    Ok(())
}

/// Forgets the mentions of the message at `seq`.
pub(crate) fn remove(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    mentions: &Mentions,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM mention WHERE conversation = ?2 AND seq = ?3
            AND user = ifnull((SELECT key FROM user WHERE id = ?1), 0)",
    )?;
    match mentions {
        // No user has this id.
        Mentions::All => {
            statement.execute(("", conversation, seq.get()))?;
        }
        Mentions::Users(users) => {
            for user in users {
                statement.execute((user.as_str(), conversation, seq.get()))?;
            }
        }
    }
    Ok(())
}

/// How many messages above a place somebody else mentions `user` in.
pub(crate) fn count_after(
    connection: &Connection,
    conversation: i64,
    user: i64,
    after: Seq,
) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM mention
             WHERE user IN (0, ?1) AND conversation = ?2 AND seq > ?3 AND author <> ?1",
        )?
        .query_row((user, conversation, after.get()), |row| row.get(0))
}

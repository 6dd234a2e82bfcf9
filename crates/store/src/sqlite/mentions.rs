//! Who is mentioned where.

use rusqlite::Connection;
use tidemark_core::conversation::Mentions;
use tidemark_core::{Position, Seq, UserId};

use crate::mentions_page;
use crate::page_room::PageRoom;
use crate::{MentionsPage, PageLimits};

use super::amendments;
use super::log::{EventReader, event_columns};
use super::lookup;
use super::reads::Read;

/// Stands for everybody in the `user` column; no user has this key.
const EVERYBODY: i64 = 0;

/// Keeps the mentions of the message at `seq`, which is in the log already. People whom nobody knows here are left out: they
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
                    "INSERT INTO mention (user, conversation, seq, author, position)
                     SELECT ?1, ?2, ?3, ?4, position FROM event
                     WHERE conversation = ?2 AND seq = ?3",
                )?
                .execute((EVERYBODY, conversation, seq.get(), author))?;
        }
        Mentions::Users(users) => {
            for user in users {
                connection
                    .prepare_cached(
                        "INSERT INTO mention (user, conversation, seq, author, position)
                         SELECT user.key, ?2, ?3, ?4, event.position FROM user CROSS JOIN event
                         WHERE user.id = ?1 AND user.key <> ?4
                            AND event.conversation = ?2 AND event.seq = ?3",
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

/// Of each conversation as many as the page may hold, by the index, and of those the newest.
pub(crate) fn newest(
    connection: &Connection,
    user: &UserId,
    before: Option<Position>,
    limits: PageLimits,
) -> Read<MentionsPage> {
    let mut mentions = mentions_page::Mentions::new(limits);
    let Some(user) = lookup::user_key(connection, user)? else {
        return Ok(mentions.finish());
    };
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        " FROM (
            SELECT mention.position AS position FROM member
            CROSS JOIN (SELECT 0 AS user UNION ALL SELECT ?1) AS named
            CROSS JOIN mention INDEXED BY mention_by_position
            WHERE member.user = ?1 AND member.departed IS NULL
                AND mention.user = named.user AND mention.conversation = member.conversation
                AND mention.position IN (
                    SELECT it.position FROM mention AS it INDEXED BY mention_by_position
                    WHERE it.user = named.user AND it.conversation = member.conversation
                        AND it.position < ?2 AND it.author <> ?1
                        AND it.seq > member.joined
                    ORDER BY it.position DESC LIMIT ?3)
            ORDER BY mention.position DESC LIMIT ?3) AS found
         CROSS JOIN event ON event.position = found.position
         ORDER BY event.position DESC"
    ))?;
    let below = before.map_or(i64::MAX, |before| {
        i64::try_from(before.0).unwrap_or(i64::MAX)
    });
    let wanted = PageRoom::wanted(limits);
    let mut rows = statement.query((user, below, wanted))?;
    let mut reader = EventReader::new(connection);
    while let Some(row) = rows.next()? {
        let mut entry = reader.entry(row)?;
        let conversation = row.get("conversation")?;
        amendments::bring_up(connection, conversation, Some(user), &mut entry)?;
        if !mentions.take(entry) {
            break;
        }
    }
    Ok(mentions.finish())
}

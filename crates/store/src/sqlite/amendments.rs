//! What happened to messages: kept in the transaction of its event, and read back with the message.

use rusqlite::{Connection, OptionalExtension};
use tidemark_core::Seq;
use tidemark_core::conversation::{Amended, Amendment, Change, Emoji, Event, EventBody, Mark};
use tidemark_core::timeline::Reaction;

use crate::log_page::Entry;

use super::{column, log, mentions, threads, uploads};

/// The seqs of the last edit, of the deletion and of the pin.
type Seqs = [Option<Seq>; 3];

/// A message that the user with the key `caller` wishes to change, perhaps by reacting with `emoji`.
pub(crate) fn amended(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    emoji: Option<&Emoji>,
    caller: Option<i64>,
) -> rusqlite::Result<Option<Amended>> {
    let Some(event) = log::at(connection, conversation, seq)? else {
        return Ok(None);
    };
    let sent = mark(&event);
    let EventBody::Message(message) = event.body else {
        return Ok(None);
    };
    let mut amended = Amended {
        sender: message.sender,
        sent,
        text: message.text,
        mentions: message.mentions,
        edited: None,
        deleted: None,
        pinned: None,
        reacted: None,
        has_emoji: false,
        emojis: 0,
        thread: message.thread.map(|thread| thread.root),
    };
    let event_at = |seq: Option<Seq>| match seq {
        Some(seq) => log::at(connection, conversation, seq),
        None => Ok(None),
    };
    let [edited, deleted, pinned] = seqs(connection, conversation, seq)?;
    amended.deleted = event_at(deleted)?.as_ref().map(mark);
    amended.pinned = event_at(pinned)?.as_ref().map(mark);
    if let Some(edit) = event_at(edited)? {
        amended.edited = Some(mark(&edit));
        if let EventBody::Amendment(amendment) = edit.body
            && let Change::Edit { text, mentions } = amendment.change
        {
            amended.text = text;
            amended.mentions = mentions;
        }
    }
    if let Some(emoji) = emoji {
        (amended.emojis, amended.has_emoji) = connection
            .prepare_cached(
                "SELECT count(*), ifnull(max(emoji = ?3), 0) FROM reaction_count
                 WHERE conversation = ?1 AND target = ?2",
            )?
            .query_row((conversation, seq.get(), emoji.as_str()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let reacted = match caller {
            Some(user) => reaction(connection, conversation, seq, emoji, user)?,
            None => None,
        };
        amended.reacted = event_at(reacted)?.as_ref().map(mark);
    }
    Ok(Some(amended))
}

fn mark(event: &Event) -> Mark {
    Mark {
        seq: event.seq,
        at: event.at,
    }
}

fn seqs(connection: &Connection, conversation: i64, seq: Seq) -> rusqlite::Result<Seqs> {
    let seqs = connection
        .prepare_cached(
            "SELECT edited, deleted, pinned FROM amended WHERE conversation = ?1 AND seq = ?2",
        )?
        .query_row((conversation, seq.get()), |row| {
            let seq = |index| column::optional_seq(row, index);
            Ok([seq(0)?, seq(1)?, seq(2)?])
        })
        .optional()?;
    Ok(seqs.unwrap_or_default())
}

/// The event by which the user's reaction is there.
fn reaction(
    connection: &Connection,
    conversation: i64,
    target: Seq,
    emoji: &Emoji,
    user: i64,
) -> rusqlite::Result<Option<Seq>> {
    connection
        .prepare_cached(
            "SELECT seq FROM reaction
             WHERE conversation = ?1 AND target = ?2 AND emoji = ?3 AND user = ?4",
        )?
        .query_row((conversation, target.get(), emoji.as_str(), user), |row| {
            column::seq(row, 0)
        })
        .optional()
}

/// Lets what the event at `seq` says happen to its message. `user` is the key of whoever caused it.
pub(crate) fn apply(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    user: i64,
    amendment: &Amendment,
) -> rusqlite::Result<()> {
    let target = amendment.target;
    let set = |sql: &str, value: Option<Seq>| {
        connection
            .prepare_cached(sql)?
            .execute((conversation, target.get(), value.map(Seq::get)))
    };
    match &amendment.change {
        Change::Edit { .. } => {
            set(
                "INSERT INTO amended (conversation, seq, author, edited)
                 SELECT conversation, seq, author, ?3 FROM event
                 WHERE conversation = ?1 AND seq = ?2
                 ON CONFLICT (conversation, seq) DO UPDATE SET edited = excluded.edited",
                Some(seq),
            )?;
        }
        Change::Pin { on } => {
            set(
                "INSERT INTO amended (conversation, seq, author, pinned)
                 SELECT conversation, seq, author, ?3 FROM event
                 WHERE conversation = ?1 AND seq = ?2
                 ON CONFLICT (conversation, seq) DO UPDATE SET pinned = excluded.pinned",
                on.then_some(seq),
            )?;
        }
        Change::Delete { thread, .. } => {
            set(
                "INSERT INTO amended (conversation, seq, author, deleted)
                 SELECT conversation, seq, author, ?3 FROM event
                 WHERE conversation = ?1 AND seq = ?2
                 ON CONFLICT (conversation, seq) DO UPDATE SET deleted = excluded.deleted,
                    edited = NULL, pinned = NULL",
                Some(seq),
            )?;
            redact(connection, conversation, target)?;
            if let Some(root) = *thread {
                threads::delete(connection, conversation, root, target, seq)?;
            }
        }
        Change::Reaction { emoji, on } => {
            react(connection, conversation, seq, user, target, emoji, *on)?;
        }
    }
    Ok(())
}

fn react(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    user: i64,
    target: Seq,
    emoji: &Emoji,
    on: bool,
) -> rusqlite::Result<()> {
    let target = target.get();
    let emoji = emoji.as_str();
    if on {
        connection
            .prepare_cached(
                "INSERT INTO reaction (conversation, target, emoji, user, seq)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((conversation, target, emoji, user, seq.get()))?;
        connection
            .prepare_cached(
                "INSERT INTO reaction_count (conversation, target, emoji, count, since)
                 VALUES (?1, ?2, ?3, 1, ?4)
                 ON CONFLICT (conversation, target, emoji) DO UPDATE SET count = count + 1",
            )?
            .execute((conversation, target, emoji, seq.get()))?;
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM reaction
             WHERE conversation = ?1 AND target = ?2 AND emoji = ?3 AND user = ?4",
        )?
        .execute((conversation, target, emoji, user))?;
    connection
        .prepare_cached(
            "UPDATE reaction_count SET count = count - 1
             WHERE conversation = ?1 AND target = ?2 AND emoji = ?3",
        )?
        .execute((conversation, target, emoji))?;
    connection
        .prepare_cached(
            "DELETE FROM reaction_count
             WHERE conversation = ?1 AND target = ?2 AND emoji = ?3 AND count = 0",
        )?
        .execute((conversation, target, emoji))?;
    Ok(())
}

/// Takes what a message and its edits said, whom it mentioned, and what people reacted with, out of every row.
fn redact(connection: &Connection, conversation: i64, target: Seq) -> rusqlite::Result<()> {
    if let Some(event) = log::at(connection, conversation, target)?
        && let Some(message) = event.body.as_message()
    {
        mentions::remove(connection, conversation, target, &message.mentions)?;
        if !message.attachments.is_empty() {
            uploads::hide(connection, conversation, target)?;
        }
    }
    let statements = [
        "UPDATE event SET text = '', detail = json_remove(detail, '$.mentions', '$.attachments')
         WHERE conversation = ?1 AND seq = ?2",
        "UPDATE event SET text = '', detail = NULL
         WHERE conversation = ?1 AND target = ?2 AND kind = 4",
        "DELETE FROM reaction WHERE conversation = ?1 AND target = ?2",
        "DELETE FROM reaction_count WHERE conversation = ?1 AND target = ?2",
    ];
    for sql in statements {
        connection
            .prepare_cached(sql)?
            .execute((conversation, target.get()))?;
    }
    Ok(())
}

/// How many messages above a place, by others than `user`, were deleted.
pub(crate) fn deleted_after(
    connection: &Connection,
    conversation: i64,
    user: i64,
    after: Seq,
) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM amended
             WHERE conversation = ?1 AND seq > ?2 AND author <> ?3 AND deleted IS NOT NULL",
        )?
        .query_row((conversation, after.get(), user), |row| row.get(0))
}

/// Makes of a message what it is by now, as the user with the key `viewer` sees it.
pub(crate) fn bring_up(
    connection: &Connection,
    conversation: i64,
    viewer: Option<i64>,
    entry: &mut Entry,
) -> rusqlite::Result<()> {
    let seq = entry.event.seq;
    let [edited, _, pinned] = seqs(connection, conversation, seq)?;
    if let Some(edited) = edited
        && let Some(edit) = log::at(connection, conversation, edited)?
    {
        entry.edit(edit.at, edit.body);
    }
    entry.since.pinned = pinned.is_some();
    entry.since.replies = threads::replies(connection, conversation, seq)?;
    entry.since.reactions = connection
        .prepare_cached(
            "SELECT emoji, count, EXISTS (
                SELECT 1 FROM reaction AS mine
                WHERE mine.conversation = ?1 AND mine.target = ?2 AND mine.user = ?3
                    AND mine.emoji = reaction_count.emoji)
             FROM reaction_count WHERE conversation = ?1 AND target = ?2 ORDER BY since",
        )?
        .query_map((conversation, seq.get(), viewer), |row| {
            Ok(Reaction {
                emoji: column::named(row, 0)?,
                count: row.get(1)?,
                mine: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(())
}

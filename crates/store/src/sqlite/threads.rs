//! Replies in threads: kept in the transaction of their events, counted by ordinals, and read back.

use rusqlite::{Connection, OptionalExtension, Rows};
use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::{InThread, Mark, Membership, Root, thread};
use tidemark_core::timeline::{PARTICIPANTS_MAX, Replies};
use tidemark_core::unread::{Tally, unread};
use tidemark_core::{ConversationId, Position, Refusal, Seq, UserId};

use crate::log_page::{Entry, Part};
use crate::page_room::PageRoom;
use crate::threads_page::{Taken, Threads};
use crate::{
    PageLimits, THREADS_MAX, ThreadCursorMove, ThreadPage, ThreadStanding, ThreadsPage,
    TimelinePage, Window,
};

use super::log::{self, EventReader, event_columns};
use super::lookup::{self, KeptConversation};
use super::reads::{Read, permitted};
use super::{amendments, column};

/// The column of `event_columns!` that says which thread alone shows a message.
const TARGET: usize = 10;

/// Keeps the reply at `seq`, which is in the log already.
pub(crate) fn insert(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    author: i64,
    reply: InThread,
) -> rusqlite::Result<()> {
    let root = reply.root.get();
    let replies: u64 = connection
        .prepare_cached(
            "INSERT INTO thread (conversation, seq, replies, deleted, people, last, active)
             SELECT ?1, ?2, 1, 0, 1, ?3, position FROM event
             WHERE conversation = ?1 AND seq = ?3
             ON CONFLICT (conversation, seq) DO UPDATE SET replies = replies + 1,
                people = people + ?4, last = excluded.last, active = excluded.active
             RETURNING replies",
        )?
        .query_row((conversation, root, seq.get(), reply.first), |row| {
            row.get(0)
        })?;
    if replies == 1 {
        connection
            .prepare_cached(
                "INSERT INTO thread_person (conversation, thread, user, replies, last, position)
                 SELECT conversation, seq, author, 0, 0, position FROM event
                 WHERE conversation = ?1 AND seq = ?2",
            )?
            .execute((conversation, root))?;
    }
    let own: u64 = connection
        .prepare_cached(
            "INSERT INTO thread_person (conversation, thread, user, replies, last, position)
             SELECT ?1, ?2, ?4, 1, ?3, position FROM event WHERE conversation = ?1 AND seq = ?3
             ON CONFLICT (conversation, thread, user) DO UPDATE SET replies = replies + 1,
                last = excluded.last, position = excluded.position
             RETURNING replies",
        )?
        .query_row((conversation, root, seq.get(), author), |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO reply (conversation, thread, seq, author, replies, own)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((conversation, root, seq.get(), author, replies, own))?;
    Ok(())
}

/// Counts the reply `target` as deleted, by the event at `seq`.
pub(crate) fn delete(
    connection: &Connection,
    conversation: i64,
    root: Seq,
    target: Seq,
    seq: Seq,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE reply SET deleted = ?4 WHERE conversation = ?1 AND thread = ?2 AND seq = ?3",
        )?
        .execute((conversation, root.get(), target.get(), seq.get()))?;
    connection
        .prepare_cached(
            "UPDATE thread SET deleted = deleted + 1 WHERE conversation = ?1 AND seq = ?2",
        )?
        .execute((conversation, root.get()))?;
    Ok(())
}

/// The message at a place, for whoever wants to reply below it.
pub(crate) fn root(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    caller: Option<i64>,
) -> rusqlite::Result<Option<Root>> {
    let Some(event) = log::at(connection, conversation, seq)? else {
        return Ok(None);
    };
    let Some(message) = event.body.as_message() else {
        return Ok(None);
    };
    Ok(Some(Root {
        is_reply: message.thread.is_some(),
        is_deleted: message.is_redacted(),
        tally: at_end(connection, conversation, seq, caller)?,
    }))
}

/// All the replies of a thread, and those of a user.
fn at_end(
    connection: &Connection,
    conversation: i64,
    root: Seq,
    user: Option<i64>,
) -> rusqlite::Result<Tally> {
    let count = |found: Option<u64>| found.unwrap_or(0);
    let messages = connection
        .prepare_cached("SELECT replies FROM thread WHERE conversation = ?1 AND seq = ?2")?
        .query_row((conversation, root.get()), |row| row.get(0))
        .optional()?;
    let own = connection
        .prepare_cached(
            "SELECT replies FROM thread_person
             WHERE conversation = ?1 AND thread = ?2 AND user = ?3",
        )?
        .query_row((conversation, root.get(), user), |row| row.get(0))
        .optional()?;
    Ok(Tally {
        messages: count(messages),
        own: count(own),
    })
}

/// What the message at `root` shows of the thread below it.
pub(crate) fn replies(
    connection: &Connection,
    conversation: i64,
    root: Seq,
) -> rusqlite::Result<Option<Replies>> {
    let replies = connection
        .prepare_cached(
            "SELECT thread.replies - thread.deleted, thread.people, thread.last, event.at
             FROM thread JOIN event ON event.conversation = ?1 AND event.seq = thread.last
             WHERE thread.conversation = ?1 AND thread.seq = ?2",
        )?
        .query_row((conversation, root.get()), |row| {
            Ok(Replies {
                count: row.get(0)?,
                participants: Vec::new(),
                participant_count: row.get(1)?,
                last: Mark {
                    seq: column::seq(row, 2)?,
                    at: column::timestamp(row, 3)?,
                },
            })
        })
        .optional()?;
    let Some(mut replies) = replies else {
        return Ok(None);
    };
    replies.participants = connection
        .prepare_cached(
            "SELECT user.id FROM thread_person JOIN user ON user.key = thread_person.user
             WHERE conversation = ?1 AND thread = ?2 AND last > 0 ORDER BY last DESC LIMIT ?3",
        )?
        .query_map((conversation, root.get(), PARTICIPANTS_MAX), |row| {
            column::user_id(row, 0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(replies))
}

fn kept_cursor(
    connection: &Connection,
    conversation: i64,
    root: Seq,
    user: i64,
) -> rusqlite::Result<Option<Seq>> {
    connection
        .prepare_cached(
            "SELECT read FROM thread_cursor
             WHERE conversation = ?1 AND thread = ?2 AND user = ?3",
        )?
        .query_row((conversation, root.get(), user), |row| column::seq(row, 0))
        .optional()
}

/// What a member has still to see in a thread.
fn standing(
    connection: &Connection,
    conversation: i64,
    root: Seq,
    user: i64,
    membership: &Membership,
) -> rusqlite::Result<ThreadStanding> {
    let kept = kept_cursor(connection, conversation, root, user)?;
    let read = thread::cursor(kept, membership);
    let at_head = at_end(connection, conversation, root, Some(user))?;
    let messages: Option<u64> = connection
        .prepare_cached(
            "SELECT replies FROM reply WHERE conversation = ?1 AND thread = ?2 AND seq <= ?3
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((conversation, root.get(), read.get()), |row| row.get(0))
        .optional()?;
    let own: Option<u64> = connection
        .prepare_cached(
            "SELECT own FROM reply
             WHERE conversation = ?1 AND thread = ?2 AND author = ?4 AND seq <= ?3
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((conversation, root.get(), read.get(), user), |row| {
            row.get(0)
        })
        .optional()?;
    let at_cursor = Tally {
        messages: messages.unwrap_or(0),
        own: own.unwrap_or(0),
    };
    let deleted_above = connection
        .prepare_cached(
            "SELECT count(*) FROM reply
             WHERE conversation = ?1 AND thread = ?2 AND seq > ?3 AND author <> ?4
                AND deleted IS NOT NULL",
        )?
        .query_row((conversation, root.get(), read.get(), user), |row| {
            row.get(0)
        })?;
    Ok(ThreadStanding {
        read,
        unread: unread(at_head, at_cursor, deleted_above),
    })
}

/// Moves a member's cursor, if that is to be done.
pub(crate) fn move_cursor(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
    seq_of_root: Seq,
    seq: Seq,
) -> Read<ThreadCursorMove> {
    let caller = Caller::User(user);
    let access = permitted(connection, Operation::MoveCursor, &caller, conversation)?;
    let (Some(user), Some(membership)) = (access.user, &access.membership) else {
        return Err(Refusal::no_such_conversation().into());
    };
    let key = access.kept.key;
    let kept = kept_cursor(connection, key, seq_of_root, user)?;
    let root = root(connection, key, seq_of_root, Some(user))?;
    let root = root.filter(|_| access.horizon(&caller).includes(seq_of_root));
    let state = Some(&access.kept.state);
    let moved = thread::move_cursor(&caller, state, Some(membership), root, kept, seq)?;
    if let Some(to) = moved {
        connection
            .prepare_cached(
                "INSERT INTO thread_cursor (conversation, thread, user, read)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (conversation, thread, user) DO UPDATE SET read = excluded.read",
            )?
            .execute((key, seq_of_root.get(), user, to.get()))?;
    }
    Ok(ThreadCursorMove {
        standing: standing(connection, key, seq_of_root, user, membership)?,
        moved: moved.is_some(),
        head: access.kept.state.head,
    })
}

/// What is at each side of a place, oldest first: the replies of one thread, or what is no reply in a thread alone.
#[derive(Clone, Copy)]
enum Source<'c> {
    Thread(&'c KeptConversation, Seq),
    Main(&'c KeptConversation, Seq),
}

impl Source<'_> {
    fn page(
        self,
        connection: &Connection,
        viewer: Option<i64>,
        window: Window,
        limits: PageLimits,
    ) -> rusqlite::Result<Part> {
        let (Self::Thread(kept, _) | Self::Main(kept, _)) = self;
        let below = |at_most| self.below(connection, viewer, at_most, limits);
        let above = |after| self.above(connection, viewer, after, limits);
        match window {
            Window::Latest => below(kept.state.head),
            Window::Before(seq) => below(seq.previous()),
            Window::After(seq) => above(seq),
            Window::Around(seq) => Ok(Part::around(
                below(seq.previous())?,
                above(seq.previous())?,
                limits,
            )),
        }
    }

    /// The newest ones at a place or below it.
    fn below(
        self,
        connection: &Connection,
        viewer: Option<i64>,
        at_most: Seq,
        limits: PageLimits,
    ) -> rusqlite::Result<Part> {
        let (Self::Thread(kept, _) | Self::Main(kept, _)) = self;
        let at_most = at_most.min(kept.state.head);
        let mut part = match self {
            Self::Thread(kept, root) => {
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    event_columns!(),
                    " FROM reply CROSS JOIN event ON event.conversation = reply.conversation
                        AND event.seq = reply.seq
                     WHERE reply.conversation = ?1 AND reply.thread = ?2 AND reply.seq <= ?3
                     ORDER BY reply.seq DESC LIMIT ?4"
                ))?;
                let wanted = PageRoom::wanted(limits);
                let rows = statement.query((kept.key, root.get(), at_most.get(), wanted))?;
                take(connection, kept, viewer, rows, limits, false)?
            }
            Self::Main(kept, floor) => {
                // How many messages there are is known, so the search ends with the last of them.
                let hidden = log::messages_at(connection, kept.key, floor)?;
                let available = log::messages_at(connection, kept.key, at_most)?;
                let available = available.saturating_sub(hidden);
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    event_columns!(),
                    " FROM event WHERE conversation = ?1 AND seq <= ?2 AND seq > ?4 AND kind = 1
                     ORDER BY seq DESC LIMIT ?3"
                ))?;
                let rows = statement.query((kept.key, at_most.get(), available, floor.get()))?;
                take(connection, kept, viewer, rows, limits, true)?
            }
        };
        part.entries.reverse();
        Ok(part)
    }

    /// The oldest ones above a place.
    fn above(
        self,
        connection: &Connection,
        viewer: Option<i64>,
        after: Seq,
        limits: PageLimits,
    ) -> rusqlite::Result<Part> {
        let (Self::Thread(kept, _) | Self::Main(kept, _)) = self;
        let after = after.min(kept.state.head);
        match self {
            Self::Thread(kept, root) => {
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    event_columns!(),
                    " FROM reply CROSS JOIN event ON event.conversation = reply.conversation
                        AND event.seq = reply.seq
                     WHERE reply.conversation = ?1 AND reply.thread = ?2 AND reply.seq > ?3
                     ORDER BY reply.seq LIMIT ?4"
                ))?;
                let wanted = PageRoom::wanted(limits);
                let rows = statement.query((kept.key, root.get(), after.get(), wanted))?;
                take(connection, kept, viewer, rows, limits, false)
            }
            Self::Main(kept, floor) => {
                let after = after.max(floor).min(kept.state.head);
                let below = log::messages_at(connection, kept.key, after)?;
                let available = kept.state.messages - below;
                let mut statement = connection.prepare_cached(concat!(
                    "SELECT ",
                    event_columns!(),
                    " FROM event WHERE conversation = ?1 AND seq > ?2 AND kind = 1
                     ORDER BY seq LIMIT ?3"
                ))?;
                let rows = statement.query((kept.key, after.get(), available))?;
                take(connection, kept, viewer, rows, limits, true)
            }
        }
    }
}

/// Takes messages as they stand until the page is full.
fn take(
    connection: &Connection,
    kept: &KeptConversation,
    viewer: Option<i64>,
    mut rows: Rows<'_>,
    limits: PageLimits,
    only_main: bool,
) -> rusqlite::Result<Part> {
    let mut reader = EventReader::new(connection);
    let mut taken = Taken::new(limits);
    while let Some(row) = rows.next()? {
        if only_main && column::optional_seq(row, TARGET)?.is_some() {
            continue;
        }
        let mut entry = reader.entry(row)?;
        amendments::bring_up(connection, kept.key, viewer, &mut entry)?;
        if !taken.take(entry) {
            break;
        }
    }
    Ok(taken.finish())
}

pub(crate) fn main_messages(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    window: Window,
    limits: PageLimits,
) -> Read<TimelinePage> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    // Everything above the place at which what they see begins.
    let floor = access.horizon(caller).after(Seq::ZERO);
    let part = Source::Main(&access.kept, floor).page(connection, access.user, window, limits)?;
    Ok(TimelinePage {
        messages: shown(part.entries),
        head: access.kept.state.head,
        more: part.more,
    })
}

pub(crate) fn page(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    seq_of_root: Seq,
    window: Window,
    limits: PageLimits,
) -> Read<ThreadPage> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    let kept = &access.kept;
    let root = root(connection, kept.key, seq_of_root, access.user)?;
    thread::check_root(root.filter(|_| access.horizon(caller).includes(seq_of_root)))?;
    let first = entry(connection, kept.key, seq_of_root, access.user)?;
    let part = Source::Thread(kept, seq_of_root).page(connection, access.user, window, limits)?;
    let current = access.membership.as_ref().filter(|it| it.is_current());
    let standing = match (access.user, current) {
        (Some(user), Some(membership)) => {
            standing(connection, kept.key, seq_of_root, user, membership)?
        }
        _ => ThreadStanding::default(),
    };
    let first = first.and_then(|(entry, _)| entry.into_message());
    Ok(ThreadPage {
        root: first.ok_or_else(Refusal::no_such_conversation)?,
        replies: shown(part.entries),
        more: part.more,
        head: kept.state.head,
        standing,
    })
}

fn shown(entries: Vec<Entry>) -> Vec<tidemark_core::timeline::TimelineMessage> {
    entries
        .into_iter()
        .filter_map(Entry::into_message)
        .collect()
}

/// A message as it stands, and the position of the last reply below it.
fn entry(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    viewer: Option<i64>,
) -> rusqlite::Result<Option<(Entry, Position)>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        ", ifnull((SELECT active FROM thread WHERE thread.conversation = ?1
                AND thread.seq = ?2), 0)
         FROM event WHERE conversation = ?1 AND seq = ?2 AND kind = 1"
    ))?;
    let mut rows = statement.query((conversation, seq.get()))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut entry = EventReader::new(connection).entry(row)?;
    amendments::bring_up(connection, conversation, viewer, &mut entry)?;
    Ok(Some((entry, column::position(row, TARGET + 1)?)))
}

pub(crate) fn list(
    connection: &Connection,
    user: &UserId,
    only: Option<ConversationId>,
    before: Option<Position>,
    limits: PageLimits,
) -> Read<ThreadsPage> {
    let mut threads = Threads::new(limits);
    let only = match only {
        Some(only) => {
            let caller = Caller::User(user.clone());
            Some(
                permitted(connection, Operation::Read, &caller, only)?
                    .kept
                    .key,
            )
        }
        None => None,
    };
    let Some(user) = lookup::user_key(connection, user)? else {
        return Ok(threads.finish());
    };
    let before = before.map_or(i64::MAX, |before| {
        i64::try_from(before.0).unwrap_or(i64::MAX)
    });
    let found = newest(connection, user, only, before, PageRoom::wanted(limits))?;
    for (conversation, seq) in found {
        let Some(membership) = lookup::membership(connection, conversation, user)? else {
            continue;
        };
        let standing = standing(connection, conversation, seq, user, &membership)?;
        let first = entry(connection, conversation, seq, Some(user))?;
        if first.is_some_and(|(root, active)| !threads.take(active, root, standing)) {
            break;
        }
    }
    Ok(threads.finish())
}

/// Of the threads in which a user wrote last, those with the newest replies below a position.
fn newest(
    connection: &Connection,
    user: i64,
    only: Option<i64>,
    before: i64,
    entries: usize,
) -> rusqlite::Result<Vec<(i64, Seq)>> {
    let sql = match only {
        None => {
            "SELECT mine.conversation, mine.thread FROM (
                SELECT it.conversation, it.thread
                FROM thread_person AS it INDEXED BY thread_person_by_position
                CROSS JOIN member ON member.conversation = it.conversation AND member.user = ?1
                CROSS JOIN conversation ON conversation.key = it.conversation
                WHERE it.user = ?1 AND member.departed IS NULL AND ?2 IS NULL
                    AND (conversation.history = 'all' OR it.thread >= member.joined)
                ORDER BY it.position DESC LIMIT ?5) AS mine
             CROSS JOIN thread ON thread.conversation = mine.conversation
                AND thread.seq = mine.thread
             WHERE thread.active < ?3 ORDER BY thread.active DESC LIMIT ?4"
        }
        Some(_) => {
            "SELECT mine.conversation, mine.thread FROM (
                SELECT it.conversation, it.thread
                FROM thread_person AS it INDEXED BY thread_person_by_conversation
                CROSS JOIN member ON member.conversation = it.conversation AND member.user = ?1
                CROSS JOIN conversation ON conversation.key = it.conversation
                WHERE it.user = ?1 AND it.conversation = ?2
                    AND (conversation.history = 'all' OR it.thread >= member.joined)
                ORDER BY it.position DESC LIMIT ?5) AS mine
             CROSS JOIN thread ON thread.conversation = mine.conversation
                AND thread.seq = mine.thread
             WHERE thread.active < ?3 ORDER BY thread.active DESC LIMIT ?4"
        }
    };
    connection
        .prepare_cached(sql)?
        .query_map((user, only, before, entries, THREADS_MAX), |row| {
            Ok((row.get(0)?, column::seq(row, 1)?))
        })?
        .collect()
}

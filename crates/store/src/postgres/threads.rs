//! Replies in threads: what sending one depends on, what is written with it, and how it is counted by ordinals.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tidemark_core::conversation::{Command, InThread, Root};
use tidemark_core::unread::Tally;
use tidemark_core::{ConversationId, Position, Seq, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::column::{self, signed};
use super::fault::Trouble;
use super::statement::Statement;

/// The messages below which commands wish to reply, and how many replies there are, also by those who wish it.
const ROOTS: &str =
    "SELECT u.conversation, u.seq, u.author, COALESCE(e.detail::jsonb ? 'thread', false),
        e.text = '', thread.replies, own.replies
    FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS u(conversation, seq, author)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    CROSS JOIN LATERAL (
        SELECT text, detail FROM tidemark.event
        WHERE conversation = c.key AND seq = u.seq AND kind = 1 LIMIT 1
    ) AS e
    LEFT JOIN LATERAL (
        SELECT replies FROM tidemark.thread WHERE conversation = c.key AND seq = u.seq LIMIT 1
    ) AS thread ON true
    LEFT JOIN LATERAL (
        SELECT replies FROM tidemark.thread_person
        WHERE conversation = c.key AND thread = u.seq
            AND person = (SELECT key FROM tidemark.person WHERE id = u.author)
        LIMIT 1
    ) AS own ON true";

/// What commands of a batch ask about threads.
#[derive(Default)]
pub(crate) struct WantedRoots(BTreeSet<(ConversationId, Seq, UserId)>);

impl WantedRoots {
    pub(crate) fn add(&mut self, command: &Command, author: &UserId) {
        if let Some(seq) = command.needs().root {
            self.0.insert((command.conversation, seq, author.clone()));
        }
    }

    pub(crate) fn statement(&self) -> Option<Statement> {
        let rooms: Vec<Uuid> = self.0.iter().map(|(id, ..)| id.0).collect();
        let seqs = self.0.iter().map(|(_, seq, _)| signed(seq.get()));
        let authors = self.0.iter().map(|(.., author)| author.to_string());
        let asked = Statement::new(ROOTS)
            .uuids(rooms)
            .numbers(seqs.collect())
            .texts(authors.collect());
        (!self.0.is_empty()).then_some(asked)
    }
}

/// The threads that a batch is about, while it is being decided.
#[derive(Default)]
pub(crate) struct Threads {
    roots: HashMap<(ConversationId, Seq), (bool, bool)>,
    replies: HashMap<(ConversationId, Seq), u64>,
    own: HashMap<(ConversationId, Seq, UserId), u64>,
}

impl Threads {
    /// Takes in a row of the answer.
    pub(crate) fn read(&mut self, row: &Row) -> Result<(), Trouble> {
        let place = (column::conversation_id(row, 0)?, column::seq(row, 1)?);
        let is = (column::get(row, 3)?, column::get(row, 4)?);
        self.roots.insert(place, is);
        self.replies.insert(place, column::count_or_zero(row, 5)?);
        let own = (place.0, place.1, column::user_id(row, 2)?);
        self.own.insert(own, column::count_or_zero(row, 6)?);
        Ok(())
    }

    /// A message that was there before the batch, for `user` who wishes to reply below it.
    pub(crate) fn root(&self, id: ConversationId, seq: Seq, user: &UserId) -> Option<Root> {
        let (is_reply, is_deleted) = *self.roots.get(&(id, seq))?;
        Some(Root {
            is_reply,
            is_deleted,
            tally: self.tally(id, seq, user),
        })
    }

    /// How many replies there are by now.
    pub(crate) fn tally(&self, id: ConversationId, root: Seq, user: &UserId) -> Tally {
        let own = self.own.get(&(id, root, user.clone()));
        Tally {
            messages: self.replies.get(&(id, root)).copied().unwrap_or(0),
            own: own.copied().unwrap_or(0),
        }
    }

    /// Counts a reply; the tally up to and including it.
    pub(crate) fn count(&mut self, id: ConversationId, root: Seq, user: &UserId) -> Tally {
        let tally = self.tally(id, root, user).with_reply();
        self.replies.insert((id, root), tally.messages);
        self.own.insert((id, root, user.clone()), tally.own);
        tally
    }
}

const INSERT_REPLIES: &str = "INSERT INTO tidemark.reply
        (conversation, thread, seq, author, replies, own)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[])";

const COUNT_THREADS: &str = "INSERT INTO tidemark.thread AS t
        (conversation, seq, replies, deleted, people, last, active)
    SELECT u.conversation, u.seq, u.replies, 0, u.people, u.last, u.active
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[]) AS u(conversation, seq, replies, people, last, active)
    ON CONFLICT (conversation, seq) DO UPDATE SET replies = t.replies + excluded.replies,
        people = t.people + excluded.people, last = excluded.last, active = excluded.active";

/// Whoever wrote the first message of a thread takes part in it.
const INSERT_FIRST: &str = "INSERT INTO tidemark.thread_person
        (conversation, thread, person, replies, last, position)
    SELECT u.conversation, u.seq, e.author, 0, 0, e.position
    FROM unnest($1::bigint[], $2::bigint[]) AS u(conversation, seq)
    CROSS JOIN LATERAL (
        SELECT author, position FROM tidemark.event
        WHERE conversation = u.conversation AND seq = u.seq LIMIT 1) AS e
    ON CONFLICT DO NOTHING";

const COUNT_PEOPLE: &str = "INSERT INTO tidemark.thread_person AS t
        (conversation, thread, person, replies, last, position)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[])
    ON CONFLICT (conversation, thread, person) DO UPDATE SET
        replies = t.replies + excluded.replies, last = excluded.last,
        position = excluded.position";

const DELETE_REPLY: [&str; 2] = [
    "UPDATE tidemark.reply SET deleted = $4
     WHERE conversation = $1 AND thread = $2 AND seq = $3",
    "UPDATE tidemark.thread SET deleted = deleted + 1 WHERE conversation = $1 AND seq = $2",
];

/// The statements that count a reply as deleted by the event at `seq`.
pub(crate) fn delete_statements(
    conversation: i64,
    root: Seq,
    target: Seq,
    seq: Seq,
) -> [Statement; 2] {
    let about = |sql| {
        Statement::new(sql)
            .number(conversation)
            .number(signed(root.get()))
    };
    let [mark, count] = DELETE_REPLY.map(about);
    let mark = mark.number(signed(target.get())).number(signed(seq.get()));
    [mark, count]
}

/// A reply to be written.
struct ReplyRow {
    conversation: i64,
    thread: i64,
    seq: i64,
    author: UserId,
    tally: Tally,
}

/// What was added to a thread, or by one person to it.
#[derive(Default)]
struct Growth {
    replies: i64,
    people: i64,
    last: i64,
    position: i64,
}

/// The replies of a batch.
#[derive(Default)]
pub(crate) struct ReplyWrites {
    replies: Vec<ReplyRow>,
    threads: BTreeMap<(i64, i64), Growth>,
    people: BTreeMap<(i64, i64, UserId), Growth>,
}

impl ReplyWrites {
    pub(crate) fn add(
        &mut self,
        conversation: i64,
        seq: Seq,
        position: Position,
        author: &UserId,
        reply: InThread,
        tally: Tally,
    ) {
        let (thread, seq) = (signed(reply.root.get()), signed(seq.get()));
        let person = (conversation, thread, author.clone());
        let of_thread = self.threads.entry((conversation, thread)).or_default();
        of_thread.people += i64::from(reply.first);
        for growth in [of_thread, self.people.entry(person).or_default()] {
            growth.replies += 1;
            growth.last = seq;
            growth.position = signed(position.0);
        }
        self.replies.push(ReplyRow {
            conversation,
            thread,
            seq,
            author: author.clone(),
            tally,
        });
    }

    /// The statements that write them, when their events are there.
    pub(crate) fn statements(&self, key: impl Fn(&UserId) -> i64) -> Vec<Statement> {
        if self.replies.is_empty() {
            return Vec::new();
        }
        let replies = || self.replies.iter();
        let threads = || self.threads.iter();
        let people = || self.people.iter();
        vec![
            Statement::new(INSERT_REPLIES)
                .numbers(replies().map(|reply| reply.conversation).collect())
                .numbers(replies().map(|reply| reply.thread).collect())
                .numbers(replies().map(|reply| reply.seq).collect())
                .numbers(replies().map(|reply| key(&reply.author)).collect())
                .numbers(replies().map(|it| signed(it.tally.messages)).collect())
                .numbers(replies().map(|it| signed(it.tally.own)).collect()),
            Statement::new(COUNT_THREADS)
                .numbers(threads().map(|(place, _)| place.0).collect())
                .numbers(threads().map(|(place, _)| place.1).collect())
                .numbers(threads().map(|(_, growth)| growth.replies).collect())
                .numbers(threads().map(|(_, growth)| growth.people).collect())
                .numbers(threads().map(|(_, growth)| growth.last).collect())
                .numbers(threads().map(|(_, growth)| growth.position).collect()),
            Statement::new(INSERT_FIRST)
                .numbers(threads().map(|(place, _)| place.0).collect())
                .numbers(threads().map(|(place, _)| place.1).collect()),
            Statement::new(COUNT_PEOPLE)
                .numbers(people().map(|(place, _)| place.0).collect())
                .numbers(people().map(|(place, _)| place.1).collect())
                .numbers(people().map(|(place, _)| key(&place.2)).collect())
                .numbers(people().map(|(_, growth)| growth.replies).collect())
                .numbers(people().map(|(_, growth)| growth.last).collect())
                .numbers(people().map(|(_, growth)| growth.position).collect()),
        ]
    }
}

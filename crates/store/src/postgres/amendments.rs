//! What happened to messages: asked for before a change, written with it, and read back with the message.

use tidemark_core::conversation::{
    Amended, Amendment, Change, Command, Emoji, EventBody, Mark, Mentions,
};
use tidemark_core::timeline::{Reaction, Replies};
use tidemark_core::{ConversationId, Seq, UserId};
use tokio_postgres::Row;

use crate::log_page::Entry;

use super::attachments;
use super::column::{self, signed};
use super::fault::Trouble;
use super::rows::{self, EVENT_COLUMNS, event_columns};
use super::statement::Statement;
use super::threads;

/// The columns that [`bring_up`] reads, in its order, for use with `concat!`: of the message `e` of the
/// conversation `c`, as the person `p` sees it.
macro_rules! amended_columns {
    () => {
        "am.edited, am.deleted, am.pinned, ed.at, ed.text, ed.detail, re.emojis, re.counts, re.mine, \
         th.replies, th.people, th.last, th_last.at, th_people.ids"
    };
}
pub(crate) use amended_columns;

/// Where they come from.
macro_rules! amended_joins {
    () => {
        " LEFT JOIN LATERAL (
            SELECT edited, deleted, pinned FROM tidemark.amended
            WHERE conversation = c.key AND seq = e.seq LIMIT 1
        ) AS am ON true
        LEFT JOIN LATERAL (
            SELECT at, text, detail FROM tidemark.event
            WHERE conversation = c.key AND seq = am.edited LIMIT 1
        ) AS ed ON true
        LEFT JOIN LATERAL (
            SELECT array_agg(n.emoji ORDER BY n.since) AS emojis,
                array_agg(n.count ORDER BY n.since) AS counts,
                array_agg(EXISTS (
                    SELECT FROM tidemark.reaction AS mine
                    WHERE mine.conversation = c.key AND mine.target = e.seq
                        AND mine.emoji = n.emoji AND mine.person = p.key
                    LIMIT 1
                ) ORDER BY n.since) AS mine
            FROM tidemark.reaction_count AS n
            WHERE n.conversation = c.key AND n.target = e.seq
        ) AS re ON true
        LEFT JOIN LATERAL (
            SELECT replies - deleted AS replies, people, last FROM tidemark.thread
            WHERE conversation = c.key AND seq = e.seq LIMIT 1
        ) AS th ON true
        LEFT JOIN LATERAL (
            SELECT at FROM tidemark.event WHERE conversation = c.key AND seq = th.last LIMIT 1
        ) AS th_last ON true
        LEFT JOIN LATERAL (
            SELECT array_agg(named.id ORDER BY named.last DESC) AS ids FROM (
                SELECT person.id, t.last FROM tidemark.thread_person AS t
                JOIN tidemark.person ON person.key = t.person
                WHERE t.conversation = c.key AND t.thread = e.seq AND t.last > 0
                    AND th.last IS NOT NULL
                ORDER BY t.last DESC LIMIT 5
            ) AS named
        ) AS th_people ON true"
    };
}
pub(crate) use amended_joins;

/// Makes of a message what it is by now, from the columns that begin at `first`.
pub(crate) fn bring_up(row: &Row, first: usize, entry: &mut Entry) -> Result<(), Trouble> {
    if column::get::<Option<i64>>(row, first)?.is_some() {
        let at = column::timestamp(row, first + 3)?;
        entry.edit(at, rows::edit(row, first + 4, &entry.event)?);
    }
    entry.since.pinned = column::get::<Option<i64>>(row, first + 2)?.is_some();
    let emojis: Option<Vec<String>> = column::get(row, first + 6)?;
    let counts: Option<Vec<i64>> = column::get(row, first + 7)?;
    let mine: Option<Vec<bool>> = column::get(row, first + 8)?;
    let counted = emojis.unwrap_or_default().into_iter();
    let counted = counted.zip(counts.unwrap_or_default());
    for ((emoji, count), mine) in counted.zip(mine.unwrap_or_default()) {
        entry.since.reactions.push(Reaction {
            emoji: Emoji::parse(&emoji).map_err(column::damaged)?,
            count: u64::try_from(count).map_err(column::damaged)?,
            mine,
        });
    }
    if let Some(last) = column::optional_seq(row, first + 11)? {
        let ids: Option<Vec<String>> = column::get(row, first + 13)?;
        let people = ids.unwrap_or_default().into_iter();
        let participants = people.map(|id| UserId::parse(&id).map_err(column::damaged));
        entry.since.replies = Some(Replies {
            count: column::count_or_zero(row, first + 9)?,
            participant_count: column::count_or_zero(row, first + 10)?,
            participants: participants.collect::<Result<_, Trouble>>()?,
            last: Mark {
                seq: last,
                at: column::timestamp(row, first + 12)?,
            },
        });
    }
    Ok(())
}

/// The messages that commands are about, and what is there of the reactions that they name.
const AMENDED: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    ", deletion.at, pin.at, reacted.seq, reacted.at, of_emoji.count, all_emojis.count
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])
        AS u(conversation, seq, author, emoji)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    LEFT JOIN tidemark.person AS p ON p.id = u.author
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq = u.seq AND kind = 1 LIMIT 1
    ) AS e
    JOIN tidemark.person AS a ON a.key = e.author",
    amended_joins!(),
    " LEFT JOIN LATERAL (
        SELECT at FROM tidemark.event WHERE conversation = c.key AND seq = am.deleted LIMIT 1
    ) AS deletion ON true
    LEFT JOIN LATERAL (
        SELECT at FROM tidemark.event WHERE conversation = c.key AND seq = am.pinned LIMIT 1
    ) AS pin ON true
    LEFT JOIN LATERAL (
        SELECT r.seq, event.at FROM tidemark.reaction AS r
        JOIN tidemark.event ON event.conversation = r.conversation AND event.seq = r.seq
        WHERE r.conversation = c.key AND r.target = e.seq AND r.emoji = u.emoji
            AND r.person = p.key
        LIMIT 1
    ) AS reacted ON true
    LEFT JOIN LATERAL (
        SELECT count FROM tidemark.reaction_count
        WHERE conversation = c.key AND target = e.seq AND emoji = u.emoji LIMIT 1
    ) AS of_emoji ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS count FROM tidemark.reaction_count
        WHERE conversation = c.key AND target = e.seq
    ) AS all_emojis ON true"
);

/// What commands of a batch wish to change. No two are in one conversation.
#[derive(Default)]
pub(crate) struct WantedMessages {
    rooms: Vec<uuid::Uuid>,
    seqs: Vec<i64>,
    authors: Vec<String>,
    emojis: Vec<Option<String>>,
}

impl WantedMessages {
    pub(crate) fn add(&mut self, command: &Command, author: &UserId) {
        if let Some((seq, emoji)) = command.needs().amended {
            self.rooms.push(command.conversation.0);
            self.seqs.push(signed(seq.get()));
            self.authors.push(author.to_string());
            self.emojis.push(emoji.map(Emoji::to_string));
        }
    }

    pub(crate) fn statement(self) -> Option<Statement> {
        let asked = Statement::new(AMENDED)
            .uuids(self.rooms.clone())
            .numbers(self.seqs)
            .texts(self.authors)
            .optional_texts(self.emojis);
        (!self.rooms.is_empty()).then_some(asked)
    }
}

/// A message that a command is about.
pub(crate) struct Found {
    pub(crate) amended: Amended,
    /// Whom it mentioned when it was sent.
    pub(crate) mentioned: Mentions,
    /// Whether it shows uploads.
    pub(crate) shows: bool,
}

/// The message in a row of the answer, and the conversation that it is in.
pub(crate) fn found(row: &Row) -> Result<(ConversationId, Found), Trouble> {
    let mut entry = rows::entry(row, 0)?.ok_or_else(|| column::damaged("an empty event"))?;
    let sent = entry.event.body.as_message();
    let mentioned = sent.map_or_else(Mentions::default, |message| message.mentions.clone());
    let shows = sent.is_some_and(|message| !message.attachments.is_empty());
    bring_up(row, EVENT_COLUMNS, &mut entry)?;
    let mark = |seq: usize, at: usize| {
        let seq = column::optional_seq(row, seq)?;
        let at = match seq {
            Some(_) => Some(column::timestamp(row, at)?),
            None => None,
        };
        Ok::<_, Trouble>(seq.zip(at).map(|(seq, at)| Mark { seq, at }))
    };
    let further = EVENT_COLUMNS + AMENDED_COLUMNS;
    let event = entry.event;
    let EventBody::Message(message) = event.body else {
        return Err(column::damaged("a message of another kind"));
    };
    let amended = Amended {
        sender: message.sender,
        sent: Mark {
            seq: event.seq,
            at: event.at,
        },
        text: message.text,
        mentions: message.mentions,
        edited: mark(EVENT_COLUMNS, EVENT_COLUMNS + 3)?,
        deleted: mark(EVENT_COLUMNS + 1, further)?,
        pinned: mark(EVENT_COLUMNS + 2, further + 1)?,
        reacted: mark(further + 2, further + 3)?,
        has_emoji: column::count_or_zero(row, further + 4)? > 0,
        emojis: column::count_or_zero(row, further + 5)?,
        thread: message.thread.map(|thread| thread.root),
    };
    Ok((
        event.conversation,
        Found {
            amended,
            mentioned,
            shows,
        },
    ))
}

/// How many columns [`bring_up`] reads.
pub(crate) const AMENDED_COLUMNS: usize = 14;

const EDIT: &str = "INSERT INTO tidemark.amended (conversation, seq, author, edited)
    SELECT conversation, seq, author, $3 FROM tidemark.event WHERE conversation = $1 AND seq = $2
    ON CONFLICT (conversation, seq) DO UPDATE SET edited = excluded.edited";

const PIN: &str = "INSERT INTO tidemark.amended (conversation, seq, author, pinned)
    SELECT conversation, seq, author, $3 FROM tidemark.event WHERE conversation = $1 AND seq = $2
    ON CONFLICT (conversation, seq) DO UPDATE SET pinned = excluded.pinned";

const DELETE: &str = "INSERT INTO tidemark.amended (conversation, seq, author, deleted)
    SELECT conversation, seq, author, $3 FROM tidemark.event WHERE conversation = $1 AND seq = $2
    ON CONFLICT (conversation, seq) DO UPDATE SET deleted = excluded.deleted, edited = NULL,
        pinned = NULL";

/// Everything that a message and its edits said, and what people reacted with.
const REDACT: [&str; 4] = [
    "UPDATE tidemark.event SET text = '', detail = (detail::jsonb - 'mentions' - 'attachments')::text
     WHERE conversation = $1 AND seq = $2",
    "UPDATE tidemark.event SET text = '', detail = NULL
     WHERE conversation = $1 AND target = $2 AND kind = 4",
    "DELETE FROM tidemark.reaction WHERE conversation = $1 AND target = $2",
    "DELETE FROM tidemark.reaction_count WHERE conversation = $1 AND target = $2",
];

/// Whom it mentioned: everybody, who is person 0, or people.
const FORGET_MENTIONS: &str = "DELETE FROM tidemark.mention
    WHERE conversation = $1 AND seq = $2
        AND (person = 0 OR person = ANY(ARRAY(
            SELECT key FROM tidemark.person WHERE id = ANY($3))))";

const REACT: &str = "INSERT INTO tidemark.reaction (conversation, target, emoji, seq, person)
    VALUES ($1, $2, $3, $4, $5)";

const COUNT_UP: &str = "INSERT INTO tidemark.reaction_count AS n
        (conversation, target, emoji, count, since)
    VALUES ($1, $2, $3, 1, $4)
    ON CONFLICT (conversation, target, emoji) DO UPDATE SET count = n.count + 1";

const TAKE_BACK: &str = "DELETE FROM tidemark.reaction
    WHERE conversation = $1 AND target = $2 AND emoji = $3 AND person = $4";

const COUNT_DOWN: [&str; 2] = [
    "UPDATE tidemark.reaction_count SET count = count - 1
     WHERE conversation = $1 AND target = $2 AND emoji = $3",
    "DELETE FROM tidemark.reaction_count
     WHERE conversation = $1 AND target = $2 AND emoji = $3 AND count = 0",
];

/// An event about a message, to be written.
pub(crate) struct Amending {
    /// The key of the conversation.
    pub(crate) conversation: i64,
    pub(crate) seq: Seq,
    pub(crate) amendment: Amendment,
    /// Whom the message mentioned when it was sent.
    pub(crate) mentioned: Mentions,
    /// Whether the message shows uploads.
    pub(crate) shows: bool,
}

impl Amending {
    /// The statements that let it happen, given the key of whoever caused it.
    pub(crate) fn statements(&self, author: i64) -> Vec<Statement> {
        let seq = signed(self.seq.get());
        let about = |sql| {
            Statement::new(sql)
                .number(self.conversation)
                .number(signed(self.amendment.target.get()))
        };
        match &self.amendment.change {
            Change::Edit { .. } => vec![about(EDIT).number(seq)],
            Change::Pin { on } => vec![about(PIN).number(on.then_some(seq))],
            Change::Delete { thread, .. } => {
                let named = match &self.mentioned {
                    Mentions::All => Vec::new(),
                    Mentions::Users(users) => users.iter().map(UserId::to_string).collect(),
                };
                let mut statements = vec![
                    about(DELETE).number(seq),
                    about(FORGET_MENTIONS).texts(named),
                ];
                statements.extend(REDACT.map(about));
                if self.shows {
                    statements.extend(attachments::HIDE.map(about));
                }
                if let Some(root) = *thread {
                    let target = self.amendment.target;
                    let deleted =
                        threads::delete_statements(self.conversation, root, target, self.seq);
                    statements.extend(deleted);
                }
                statements
            }
            Change::Reaction { emoji, on } => {
                let about = |sql| about(sql).text(emoji.to_string());
                if *on {
                    let react = about(REACT).number(seq).number(author);
                    return vec![react, about(COUNT_UP).number(seq)];
                }
                let mut statements = vec![about(TAKE_BACK).number(author)];
                statements.extend(COUNT_DOWN.map(about));
                statements
            }
        }
    }
}

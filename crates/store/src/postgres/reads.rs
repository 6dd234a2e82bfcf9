//! Reads of one conversation. Each runs in one snapshot and asks there whether the caller may read.

use tidemark_core::access::{Caller, Horizon, Operation, permit_in};
use tidemark_core::conversation::Membership;
use tidemark_core::{ConversationId, Refusal, Seq, UserId};
use tokio_postgres::Row;

use crate::cursor_views::entries_of_pair;
use crate::log_page::Entry;
use crate::{Delivered, EventsFor, EventsPage, Member, MembersPage, PageLimits, Reader, Receipts};

use super::column::{self, page_size, signed};
use super::fault::{Fault, Trouble};
use super::pool::Connections;
use super::rows::{
    self, CONVERSATION_COLUMNS, KeptConversation, conversation_columns, event_columns,
    member_columns, sent_join,
};
use super::statement::Statement;

pub(crate) type Read<T> = Result<T, Fault<Refusal>>;

/// The conversation, and what the person is to it.
const ACCESS: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $2
    LEFT JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    " WHERE c.id = $1"
);

/// The limit keeps the planner from reading all members for the few that are asked about.
const ACCESS_OF_ALL: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    " FROM unnest($2) WITH ORDINALITY AS asked (id, place)
    JOIN tidemark.conversation AS c ON c.id = $1
    LEFT JOIN tidemark.person AS p ON p.id = asked.id
    LEFT JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND person = p.key LIMIT 1) AS m ON true",
    sent_join!(),
    " ORDER BY asked.place"
);

const EVENTS_AFTER: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq > $2 ORDER BY seq LIMIT $3) AS e
    JOIN tidemark.person AS a ON a.key = e.author
    WHERE c.id = $1 ORDER BY e.seq"
);

const MEMBERS: &str = "SELECT m.person_id, m.role, m.joined, m.read
    FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND departed IS NULL AND person_id > $2
        ORDER BY person_id LIMIT $3) AS m
    WHERE c.id = $1 ORDER BY m.person_id";

const READERS: &str = "SELECT m.person_id, m.read
    FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND departed IS NULL AND read >= $2
        ORDER BY person_id LIMIT $3) AS m
    WHERE c.id = $1 ORDER BY m.person_id";

const DELIVERED: &str = "SELECT m.person_id, m.delivered
    FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND departed IS NULL AND read < $2 AND delivered >= $2
        ORDER BY person_id LIMIT $3) AS m
    WHERE c.id = $1 ORDER BY m.person_id";

/// Asks what [`permitted`] reads.
pub(crate) fn access(caller: &Caller, id: ConversationId) -> Statement {
    let user = caller.user().map(UserId::to_string);
    Statement::new(ACCESS).uuid(id.0).text(user)
}

/// A conversation and what the caller is to it.
pub(crate) struct Access {
    pub(crate) kept: KeptConversation,
    /// The caller's membership, present or past.
    pub(crate) membership: Option<Membership>,
}

impl Access {
    /// What the caller sees of the conversation.
    pub(crate) fn horizon(&self, caller: &Caller) -> Horizon {
        Horizon::of(caller, &self.kept.state, self.membership.as_ref())
    }
}

/// A part of a conversation, and what was read with it.
pub(crate) struct Part {
    pub(crate) access: Access,
    pub(crate) rows: Vec<Row>,
}

/// The conversation, if `caller` may do the reading `operation` in it.
pub(crate) fn permitted(operation: Operation, caller: &Caller, rows: &[Row]) -> Read<Access> {
    let (kept, membership) = match rows.first() {
        Some(row) => (
            Some(rows::kept_conversation(row)?),
            rows::membership(row, CONVERSATION_COLUMNS)?,
        ),
        None => (None, None),
    };
    let state = kept.as_ref().map(|kept| &kept.state);
    permit_in(operation, caller, state, membership.as_ref())?;
    let kept = kept.ok_or_else(Refusal::no_such_conversation)?;
    Ok(Access { kept, membership })
}

/// Asks for a part of a conversation for whoever may do `operation`.
pub(crate) async fn part_of(
    connections: &Connections,
    operation: Operation,
    caller: &Caller,
    conversation: ConversationId,
    part: Statement,
) -> Read<Part> {
    let statements = [access(caller, conversation), part];
    let mut answers = connections.read(&statements).await?;
    let rows = answers.pop().unwrap_or_default();
    let access = answers.pop().unwrap_or_default();
    let access = permitted(operation, caller, &access)?;
    Ok(Part { access, rows })
}

pub(crate) fn events_after_statement(
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Statement {
    Statement::new(EVENTS_AFTER)
        .uuid(conversation.0)
        .number(signed(after.get()))
        .number(page_size(limits.entries_max.max(1)))
}

pub(crate) async fn events_after(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Read<EventsPage> {
    let mut from = after;
    let (part, horizon) = loop {
        let events = events_after_statement(conversation, from, limits);
        let part = part_of(connections, Operation::Read, caller, conversation, events).await?;
        let horizon = part.access.horizon(caller);
        if horizon.after(after) == from {
            break (part, horizon);
        }
        // Only who asks for what they do not see comes by here. What is answered is of one snapshot all the same.
        from = horizon.after(after);
    };
    let head = part.access.kept.state.head;
    Ok(events_in(&part.rows, head, horizon, limits)?)
}

/// Asks what each caller is to the conversation, in their order; nobody's row has no membership.
pub(crate) fn access_of_all(callers: &[Caller], id: ConversationId) -> Statement {
    let users = callers
        .iter()
        .map(|caller| caller.user().map(UserId::to_string));
    Statement::new(ACCESS_OF_ALL)
        .uuid(id.0)
        .optional_texts(users.collect())
}

pub(crate) async fn events_for(
    connections: &Connections,
    callers: &[Caller],
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Read<EventsFor> {
    let statements = [
        access_of_all(callers, conversation),
        events_after_statement(conversation, after, limits),
    ];
    let mut answers = connections.read(&statements).await?;
    let events = answers.pop().unwrap_or_default();
    let rows = answers.pop().unwrap_or_default();
    let mut head = None;
    let mut access = Vec::with_capacity(callers.len());
    for (place, caller) in callers.iter().enumerate() {
        let row = rows.get(place..=place).unwrap_or_default();
        match permitted(Operation::Read, caller, row) {
            Ok(found) => {
                head = Some(found.kept.state.head);
                access.push(Ok(found.horizon(caller)));
            }
            Err(Fault::Answer(refusal)) => access.push(Err(refusal)),
            Err(fault) => return Err(fault),
        }
    }
    let page = match head {
        Some(head) => events_in(&events, head, Horizon::EVERYTHING, limits)?,
        None => EventsPage::nobodys(),
    };
    Ok(EventsFor { page, access })
}

fn events_in(
    rows: &[Row],
    head: Seq,
    horizon: Horizon,
    limits: PageLimits,
) -> Result<EventsPage, Trouble> {
    let entries = page(rows, limits)?.into_iter();
    let shown = entries.map(|mut entry| {
        horizon.hide(&mut entry.event.body);
        entry.event
    });
    let events: Vec<_> = shown.collect();
    let last = events.last().map_or(head, |event| event.seq);
    Ok(EventsPage {
        events,
        head,
        more: last < head,
        visible_from: horizon.visible_from(),
    })
}

/// Takes rows until their text is too much for a page; at least one.
pub(crate) fn page(rows: &[Row], limits: PageLimits) -> Result<Vec<Entry>, Trouble> {
    page_with(rows, limits, |_, _| Ok(()))
}

/// The same with entries that `complete` has completed from their rows.
pub(crate) fn page_with(
    rows: &[Row],
    limits: PageLimits,
    complete: impl Fn(&Row, &mut Entry) -> Result<(), Trouble>,
) -> Result<Vec<Entry>, Trouble> {
    let mut entries = Vec::with_capacity(rows.len());
    let mut text_bytes = 0;
    for row in rows {
        let mut entry = rows::entry(row, 0)?.ok_or_else(|| column::damaged("an empty event"))?;
        complete(row, &mut entry)?;
        text_bytes += entry.text_bytes();
        if !entries.is_empty() && text_bytes > limits.text_bytes_max {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

pub(crate) fn members_statement(
    conversation: ConversationId,
    after: Option<&UserId>,
    entries: usize,
) -> Statement {
    Statement::new(MEMBERS)
        .uuid(conversation.0)
        .text(after.map_or_else(String::new, UserId::to_string))
        .number(page_size(entries))
}

pub(crate) fn heads_statement(conversations: &[ConversationId]) -> Statement {
    Statement::new("SELECT id, head FROM tidemark.conversation WHERE id = ANY($1) AND head > 0")
        .uuids(conversations.iter().map(|id| id.0).collect())
}

pub(crate) async fn heads(
    connections: &Connections,
    conversations: &[ConversationId],
) -> Read<Vec<(ConversationId, Seq)>> {
    let statement = heads_statement(conversations);
    let answers = connections.read(&[statement]).await?;
    let rows = answers.iter().flatten();
    let head = |row| Ok((ConversationId(column::get(row, 0)?), column::seq(row, 1)?));
    Ok(rows.map(head).collect::<Result<_, Trouble>>()?)
}

pub(crate) fn acquainted_statement(user: &UserId, others: &[UserId]) -> Statement {
    // The limit keeps the planner from joining all memberships of everybody at once.
    Statement::new(
        "SELECT other.id FROM tidemark.person AS me
        CROSS JOIN tidemark.person AS other
        CROSS JOIN LATERAL (
            SELECT FROM tidemark.member AS mine
            JOIN tidemark.member AS theirs ON theirs.conversation = mine.conversation
            WHERE mine.person = me.key AND mine.departed IS NULL
                AND theirs.person = other.key AND theirs.departed IS NULL
            LIMIT 1
        ) AS shared
        WHERE me.id = $1 AND other.id = ANY($2)
            AND NOT EXISTS (
                SELECT FROM tidemark.block WHERE person = me.key AND other_id = other.id)
            AND NOT EXISTS (
                SELECT FROM tidemark.block WHERE person = other.key AND other_id = me.id)",
    )
    .text(user.to_string())
    .texts(others.iter().map(UserId::to_string).collect())
}

pub(crate) async fn acquainted(
    connections: &Connections,
    user: &UserId,
    others: &[UserId],
) -> Read<Vec<UserId>> {
    let statement = acquainted_statement(user, others);
    let answers = connections.read(&[statement]).await?;
    let rows = answers.iter().flatten();
    let users = rows.map(|row| column::user_id(row, 0));
    Ok(users.collect::<Result<_, Trouble>>()?)
}

pub(crate) async fn members(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<MembersPage> {
    let entries_max = entries_max.max(1);
    let part = members_statement(conversation, after, entries_max.saturating_add(1));
    let Part { rows, access } =
        part_of(connections, Operation::Read, caller, conversation, part).await?;
    let members = rows.iter().take(entries_max).map(|row| {
        Ok(Member {
            user: column::user_id(row, 0)?,
            role: column::named(row, 1)?,
            joined: column::seq(row, 2)?,
            read: column::seq(row, 3)?,
        })
    });
    let page = MembersPage {
        members: members.collect::<Result<_, Trouble>>()?,
        more: rows.len() > entries_max,
    };
    Ok(page.seen_by(caller, &access.kept.state))
}

/// Asks who has read a place, and who has only fetched it.
pub(crate) fn receipts_statements(
    conversation: ConversationId,
    seq: Seq,
    entries: usize,
) -> [Statement; 2] {
    [READERS, DELIVERED].map(|sql| {
        Statement::new(sql)
            .uuid(conversation.0)
            .number(signed(seq.get()))
            .number(page_size(entries))
    })
}

pub(crate) async fn receipts(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    seq: Seq,
    entries_max: usize,
) -> Read<Receipts> {
    let [readers, delivered] = receipts_statements(conversation, seq, entries_of_pair(entries_max));
    let statements = [access(caller, conversation), readers, delivered];
    let answers = connections.read(&statements).await?;
    let access = permitted(Operation::Read, caller, &answers[0])?;
    if !access.horizon(caller).includes(seq) {
        return Ok(Receipts::default());
    }
    let readers = answers[1].iter().map(|row| {
        Ok(Reader {
            user: column::user_id(row, 0)?,
            read: column::seq(row, 1)?,
        })
    });
    let delivered = answers[2].iter().map(|row| {
        Ok(Delivered {
            user: column::user_id(row, 0)?,
            delivered: column::seq(row, 1)?,
        })
    });
    let receipts = Receipts {
        readers: readers.collect::<Result<_, Trouble>>()?,
        delivered: delivered.collect::<Result<_, Trouble>>()?,
    };
    Ok(receipts.seen_by(caller, &access.kept.state, entries_max))
}

//! What one user sees: a conversation, all of them, or the most recent.

use tidemark_core::access::{Caller, Operation, permit_in};
use tidemark_core::conversation::Membership;
use tidemark_core::unread::{Counts, Tally, unread};
use tidemark_core::{ConversationId, Position, Seq, UserId};
use tokio_postgres::Row;

use crate::log_page::Entry;
use crate::{ConversationView, CountsOf, InboxPage, MembershipView};

use super::amendments::{self, amended_columns, amended_joins};
use super::column::{self, page_size, signed};
use super::fault::{Fault, Trouble};
use super::personal::{self, PERSONAL_COLUMNS, personal_columns, personal_join};
use super::pool::Connections;
use super::reads::{Access, Read, permitted};
use super::rows::{
    self, CONVERSATION_COLUMNS, EVENT_COLUMNS, KeptConversation, MEMBER_COLUMNS,
    conversation_columns, event_columns, member_columns, sent_join,
};
use super::statement::Statement;

/// What a view reads beside the conversation and the membership: the tallies at the cursor, and the
/// mentions and the deleted messages above it.
macro_rules! count_columns {
    () => {
        ", at_cursor.messages, own_at_cursor.own, mentioned.mentions, deleted_above.deleted"
    };
}

/// Where they come from. For a cursor at the head there is nothing to look up.
macro_rules! count_joins {
    () => {
        " LEFT JOIN LATERAL (
            SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = m.read AND m.read < c.head
            LIMIT 1
        ) AS at_cursor ON true
        LEFT JOIN LATERAL (
            SELECT own FROM tidemark.event
            WHERE conversation = c.key AND author = p.key AND kind = 1 AND seq <= m.read
                AND m.read < c.head
            ORDER BY seq DESC LIMIT 1
        ) AS own_at_cursor ON true
        LEFT JOIN LATERAL (
            SELECT count(*) AS mentions FROM tidemark.mention
            WHERE person IN (0, p.key) AND conversation = c.key AND seq > m.read
                AND author <> p.key AND m.read < c.head
        ) AS mentioned ON true
        LEFT JOIN LATERAL (
            SELECT count(*) AS deleted FROM tidemark.amended
            WHERE conversation = c.key AND seq > m.read AND author <> p.key
                AND deleted IS NOT NULL AND m.read < c.head
        ) AS deleted_above ON true"
    };
}

/// Where the newest message comes from.
macro_rules! last_message_joins {
    () => {
        " LEFT JOIN LATERAL (
            SELECT * FROM tidemark.event
            WHERE conversation = c.key AND kind = 1 AND c.messages > 0
            ORDER BY seq DESC LIMIT 1
        ) AS e ON true
        LEFT JOIN tidemark.person AS a ON a.key = e.author"
    };
}

/// Where what the caller keeps begins in a row of a view, and where the newest message does.
const PERSONAL: usize = CONVERSATION_COLUMNS + MEMBER_COLUMNS + 4;
const LAST_MESSAGE: usize = PERSONAL + PERSONAL_COLUMNS;

const CONVERSATION: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    count_columns!(),
    ", ",
    personal_columns!(without_draft),
    ", ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $2
    LEFT JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    count_joins!(),
    personal_join!(),
    last_message_joins!(),
    amended_joins!(),
    " WHERE c.id = $1"
);

const INBOX: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    count_columns!(),
    ", ",
    personal_columns!(without_draft),
    ", ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM (
        SELECT c.* FROM tidemark.member AS m
        JOIN tidemark.conversation AS c ON c.key = m.conversation
        WHERE m.person = (SELECT key FROM tidemark.person WHERE id = $1)
            AND m.departed IS NULL AND ($2::bigint IS NULL OR c.active < $2)
        ORDER BY c.active DESC LIMIT $3) AS c
    JOIN tidemark.person AS p ON p.id = $1
    JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    count_joins!(),
    personal_join!(),
    last_message_joins!(),
    amended_joins!(),
    " ORDER BY c.active DESC"
);

const MEMBERSHIPS: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    count_columns!(),
    " FROM tidemark.person AS p
    JOIN tidemark.member AS m ON m.person = p.key
    JOIN tidemark.conversation AS c ON c.key = m.conversation",
    sent_join!(),
    count_joins!(),
    " WHERE p.id = $1 AND m.departed IS NULL
    ORDER BY c.active DESC"
);

/// The limit keeps the planner from reading all members for the few that are asked about.
const COUNTS_OF: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    count_columns!(),
    " FROM unnest($2) WITH ORDINALITY AS asked (id, place)
    JOIN tidemark.conversation AS c ON c.id = $1
    LEFT JOIN tidemark.person AS p ON p.id = asked.id
    LEFT JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND person = p.key LIMIT 1) AS m ON true",
    sent_join!(),
    count_joins!(),
    " ORDER BY asked.place"
);

pub(crate) fn conversation_statement(caller: &Caller, id: ConversationId) -> Statement {
    let user = caller.user().map(UserId::to_string);
    Statement::new(CONVERSATION).uuid(id.0).text(user)
}

pub(crate) async fn conversation(
    connections: &Connections,
    caller: &Caller,
    id: ConversationId,
) -> Read<ConversationView> {
    let rows = one(connections, conversation_statement(caller, id)).await?;
    let access = permitted(Operation::See, caller, &rows)?;
    let (state, membership) = (Some(&access.kept.state), access.membership.as_ref());
    let reads = permit_in(Operation::Read, caller, state, membership).is_ok();
    Ok(view(&rows[0], caller, access, reads)?)
}

/// Asks what [`counts_of`] reads.
pub(crate) fn counts_of_statement(users: &[UserId], id: ConversationId) -> Statement {
    Statement::new(COUNTS_OF)
        .uuid(id.0)
        .texts(users.iter().map(UserId::to_string).collect())
}

pub(crate) async fn counts_of(
    connections: &Connections,
    users: &[UserId],
    id: ConversationId,
) -> Read<CountsOf> {
    let rows = one(connections, counts_of_statement(users, id)).await?;
    let mut all = CountsOf {
        head: Seq::ZERO,
        counts: Vec::with_capacity(users.len()),
    };
    for (place, user) in users.iter().enumerate() {
        let row = rows.get(place..=place).unwrap_or_default();
        let caller = Caller::User(user.clone());
        all.counts
            .push(match permitted(Operation::Read, &caller, row) {
                Ok(Access { kept, membership }) => {
                    all.head = kept.state.head;
                    Ok(counts_in(&row[0], &kept, membership.as_ref())?)
                }
                Err(Fault::Answer(refusal)) => Err(refusal),
                Err(fault) => return Err(fault),
            });
    }
    Ok(all)
}

pub(crate) fn inbox_statement(
    user: &UserId,
    before: Option<Position>,
    entries: usize,
) -> Statement {
    Statement::new(INBOX)
        .text(user.to_string())
        .number(before.map(|position| signed(position.0)))
        .number(page_size(entries))
}

pub(crate) async fn inbox(
    connections: &Connections,
    user: &UserId,
    before: Option<Position>,
    entries_max: usize,
) -> Read<InboxPage> {
    let entries_max = entries_max.max(1);
    let statement = inbox_statement(user, before, entries_max.saturating_add(1));
    let rows = one(connections, statement).await?;
    let caller = Caller::User(user.clone());
    let mut conversations = Vec::with_capacity(rows.len());
    for row in rows.iter().take(entries_max) {
        let kept = rows::kept_conversation(row)?;
        let membership = rows::membership(row, CONVERSATION_COLUMNS)?;
        let access = Access { kept, membership };
        conversations.push(view(row, &caller, access, true)?);
    }
    let next = conversations.last().map(|last| last.active);
    Ok(InboxPage {
        conversations,
        next: next.filter(|_| rows.len() > entries_max),
    })
}

pub(crate) fn memberships_statement(user: &UserId) -> Statement {
    Statement::new(MEMBERSHIPS).text(user.to_string())
}

pub(crate) async fn memberships(
    connections: &Connections,
    user: &UserId,
) -> Read<Vec<MembershipView>> {
    let rows = one(connections, memberships_statement(user)).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in &rows {
        let kept = rows::kept_conversation(row)?;
        let Some(membership) = rows::membership(row, CONVERSATION_COLUMNS)? else {
            continue;
        };
        views.push(MembershipView {
            counts: counts_in(row, &kept, Some(&membership))?,
            role: membership.role,
            read: membership.read,
            conversation: kept.state,
            active: kept.active,
        });
    }
    Ok(views)
}

async fn one(connections: &Connections, statement: Statement) -> Result<Vec<Row>, Trouble> {
    let mut answers = connections.read(&[statement]).await?;
    Ok(answers.pop().unwrap_or_default())
}

fn view(
    row: &Row,
    caller: &Caller,
    access: Access,
    reads: bool,
) -> Result<ConversationView, Trouble> {
    let horizon = access.horizon(caller);
    let Access { kept, membership } = access;
    let counts = counts_in(row, &kept, membership.as_ref())?;
    let is_shown = |entry: &Entry| reads && horizon.includes(entry.event.seq);
    let last_message = match rows::entry(row, LAST_MESSAGE)?.filter(is_shown) {
        Some(mut entry) => {
            amendments::bring_up(row, LAST_MESSAGE + EVENT_COLUMNS, &mut entry)?;
            entry.into_message()
        }
        None => None,
    };
    let personal = personal::seen(row, PERSONAL, membership.as_ref())?;
    Ok(ConversationView {
        personal,
        conversation: kept.state,
        membership: membership.filter(Membership::is_current),
        counts,
        last_message,
        active: kept.active,
    })
}

/// What a member has still to see; zero for whoever is none.
fn counts_in(
    row: &Row,
    kept: &KeptConversation,
    membership: Option<&Membership>,
) -> Result<Counts, Trouble> {
    let current = membership.filter(|membership| membership.is_current());
    let Some(membership) = current.filter(|membership| membership.read < kept.state.head) else {
        return Ok(Counts::default());
    };
    let first = CONVERSATION_COLUMNS + MEMBER_COLUMNS;
    let at_head = Tally {
        messages: kept.state.messages,
        own: membership.sent,
    };
    let at_cursor = Tally {
        messages: column::count_or_zero(row, first)?,
        own: column::count_or_zero(row, first + 1)?,
    };
    let deleted_above = column::count_or_zero(row, first + 3)?;
    Ok(Counts {
        unread: unread(at_head, at_cursor, deleted_above),
        mentions: column::count_or_zero(row, first + 2)?,
    })
}

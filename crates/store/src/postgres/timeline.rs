//! Pages of a conversation's timeline.

use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::Conversation;
use tidemark_core::{ConversationId, Seq, UserId};
use tokio_postgres::Row;

use crate::log_page::{Entry, Part};
use crate::{PageLimits, TimelinePage, Window};

use super::amendments::{self, amended_columns, amended_joins};
use super::column::{page_size, signed};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::{Read, access, page_with, permitted};
use super::rows::{EVENT_COLUMNS, event_columns};
use super::statement::Statement;

/// The newest messages at a place or below it. How many there are is known, so the search ends with the
/// last of them, not with the log.
const BELOW: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $4
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq <= $2 AND kind = 1
        ORDER BY seq DESC
        LIMIT LEAST($3, COALESCE((
            SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = LEAST($2, c.head)), 0))) AS e
    JOIN tidemark.person AS a ON a.key = e.author",
    amended_joins!(),
    " WHERE c.id = $1 ORDER BY e.seq DESC"
);

/// The oldest messages above a place; ends as well with the last of them.
const ABOVE: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $4
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq > $2 AND kind = 1
        ORDER BY seq
        LIMIT LEAST($3, c.messages - COALESCE((
            SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = LEAST($2, c.head)), 0))) AS e
    JOIN tidemark.person AS a ON a.key = e.author",
    amended_joins!(),
    " WHERE c.id = $1 ORDER BY e.seq"
);

pub(crate) async fn messages(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    window: Window,
    limits: PageLimits,
) -> Read<TimelinePage> {
    let mut statements = vec![access(caller, conversation)];
    match window {
        Window::Latest => statements.push(below_statement(caller, conversation, Seq::MAX, limits)),
        Window::Before(seq) => {
            statements.push(below_statement(
                caller,
                conversation,
                seq.previous(),
                limits,
            ));
        }
        Window::After(seq) => statements.push(above_statement(caller, conversation, seq, limits)),
        Window::Around(seq) => {
            statements.push(below_statement(
                caller,
                conversation,
                seq.previous(),
                limits,
            ));
            statements.push(above_statement(
                caller,
                conversation,
                seq.previous(),
                limits,
            ));
        }
    }
    let answers = connections.read(&statements).await?;
    let (kept, _) = permitted(Operation::Read, caller, &answers[0])?;
    let part = match window {
        Window::Latest | Window::Before(_) => below(&answers[1], limits)?,
        Window::After(_) => above(&kept.state, &answers[1], limits)?,
        Window::Around(_) => Part::around(
            below(&answers[1], limits)?,
            above(&kept.state, &answers[2], limits)?,
            limits,
        ),
    };
    let messages = part.entries.into_iter();
    Ok(TimelinePage {
        messages: messages.filter_map(Entry::into_message).collect(),
        head: kept.state.head,
        more: part.more,
    })
}

pub(crate) fn below_statement(
    caller: &Caller,
    conversation: ConversationId,
    at_most: Seq,
    limits: PageLimits,
) -> Statement {
    Statement::new(BELOW)
        .uuid(conversation.0)
        .number(signed(at_most.get()))
        .number(page_size(limits.entries_max.max(1)))
        .text(caller.user().map(UserId::to_string))
}

fn below(rows: &[Row], limits: PageLimits) -> Result<Part, Trouble> {
    let mut entries = shown_page(rows, limits)?;
    entries.reverse();
    let more = entries.first().is_some_and(|oldest| oldest.messages > 1);
    Ok(Part { entries, more })
}

pub(crate) fn above_statement(
    caller: &Caller,
    conversation: ConversationId,
    after: Seq,
    limits: PageLimits,
) -> Statement {
    Statement::new(ABOVE)
        .uuid(conversation.0)
        .number(signed(after.get()))
        .number(page_size(limits.entries_max.max(1)))
        .text(caller.user().map(UserId::to_string))
}

fn above(state: &Conversation, rows: &[Row], limits: PageLimits) -> Result<Part, Trouble> {
    let entries = shown_page(rows, limits)?;
    let newest = entries.last();
    let more = newest.is_some_and(|newest| newest.messages < state.messages);
    Ok(Part { entries, more })
}

/// A page of messages as they stand, measured by what they say now.
fn shown_page(rows: &[Row], limits: PageLimits) -> Result<Vec<Entry>, Trouble> {
    page_with(rows, limits, |row, entry| {
        amendments::bring_up(row, EVENT_COLUMNS, entry)
    })
}

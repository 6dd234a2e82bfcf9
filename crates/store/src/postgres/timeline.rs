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

/// The newest messages at a place or below it, and above another one. How many there are is known, so the search ends
/// with the last of them, not with the log.
const BELOW: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $4
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq <= $2 AND seq > $5 AND kind = 1
        ORDER BY seq DESC
        LIMIT LEAST($3, GREATEST(0, COALESCE((
            SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = LEAST($2, c.head)), 0) - COALESCE((
            SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = $5), 0)))) AS e
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
    let mut floor = Seq::ZERO;
    loop {
        let view = View {
            caller,
            conversation,
            floor,
            limits,
        };
        let mut statements = vec![access(caller, conversation)];
        statements.extend(view.statements(window));
        let answers = connections.read(&statements).await?;
        let access = permitted(Operation::Read, caller, &answers[0])?;
        let horizon = access.horizon(caller);
        if horizon.after(Seq::ZERO) != floor {
            // Only who does not see all comes by here. What is answered is of one snapshot all the same.
            floor = horizon.after(Seq::ZERO);
            continue;
        }
        let state = access.kept.state;
        let part = match window {
            Window::Latest | Window::Before(_) => view.below(&answers[1])?,
            Window::After(_) => view.above(&state, &answers[1])?,
            Window::Around(_) => {
                let older = view.below(&answers[1])?;
                Part::around(older, view.above(&state, &answers[2])?, limits)
            }
        };
        let messages = part.entries.into_iter();
        return Ok(TimelinePage {
            messages: messages.filter_map(Entry::into_message).collect(),
            head: state.head,
            more: part.more,
        });
    }
}

/// What somebody wants to see of a conversation.
pub(crate) struct View<'c> {
    pub(crate) caller: &'c Caller,
    pub(crate) conversation: ConversationId,
    /// They see nothing at this place or below it.
    pub(crate) floor: Seq,
    pub(crate) limits: PageLimits,
}

impl View<'_> {
    fn statements(&self, window: Window) -> Vec<Statement> {
        match window {
            Window::Latest => vec![self.below_statement(Seq::MAX)],
            Window::Before(seq) => vec![self.below_statement(seq.previous())],
            Window::After(seq) => vec![self.above_statement(seq)],
            Window::Around(seq) => vec![
                self.below_statement(seq.previous()),
                self.above_statement(seq.previous()),
            ],
        }
    }

    fn entries_max(&self) -> usize {
        self.limits.entries_max.max(1)
    }

    pub(crate) fn below_statement(&self, at_most: Seq) -> Statement {
        // One more than the page holds says whether there are others.
        self.statement(BELOW, at_most, self.entries_max().saturating_add(1))
            .number(signed(self.floor.get()))
    }

    fn below(&self, rows: &[Row]) -> Result<Part, Trouble> {
        let mut entries = self.shown_page(&rows[..rows.len().min(self.entries_max())])?;
        let more = entries.len() < rows.len();
        entries.reverse();
        Ok(Part { entries, more })
    }

    pub(crate) fn above_statement(&self, after: Seq) -> Statement {
        self.statement(ABOVE, after.max(self.floor), self.entries_max())
    }

    fn above(&self, state: &Conversation, rows: &[Row]) -> Result<Part, Trouble> {
        let entries = self.shown_page(rows)?;
        let newest = entries.last();
        let more = newest.is_some_and(|newest| newest.messages < state.messages);
        Ok(Part { entries, more })
    }

    fn statement(&self, sql: &'static str, place: Seq, entries: usize) -> Statement {
        Statement::new(sql)
            .uuid(self.conversation.0)
            .number(signed(place.get()))
            .number(page_size(entries))
            .text(self.caller.user().map(UserId::to_string))
    }

    /// A page of messages as they stand, measured by what they say now.
    fn shown_page(&self, rows: &[Row]) -> Result<Vec<Entry>, Trouble> {
        page_with(rows, self.limits, |row, entry| {
            amendments::bring_up(row, EVENT_COLUMNS, entry)
        })
    }
}

//! Pages of threads, and cursors in them.

use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::{Root, thread};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::unread::{Tally, unread};
use tidemark_core::{ConversationId, Position, Refusal, Seq, UserId};
use tokio_postgres::Row;

use crate::log_page::{Entry, Part};
use crate::page_room::PageRoom;
use crate::threads_page::{Taken, Threads};
use crate::{
    PageLimits, THREADS_MAX, ThreadCursorMove, ThreadPage, ThreadStanding, ThreadsPage,
    TimelinePage, Window,
};

use super::amendments::{self, AMENDED_COLUMNS, amended_columns, amended_joins};
use super::column::{self, page_size, signed};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::{Read, access, permitted};
use super::rows::{self, EVENT_COLUMNS, event_columns};
use super::statement::Statement;

/// What the member `m` has still to see in the thread below `e`: the place of the cursor, the one that is kept, and
/// the tallies at the end and at that place.
macro_rules! standing_columns {
    () => {
        ", place.seq, kept.read, at_end.replies, own_at_end.replies, at_place.replies, \
         own_at_place.own, deleted_above.deleted"
    };
}

macro_rules! standing_joins {
    () => {
        " LEFT JOIN LATERAL (
            SELECT read FROM tidemark.thread_cursor
            WHERE conversation = c.key AND thread = e.seq AND person = p.key LIMIT 1
        ) AS kept ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN m.joined IS NULL THEN NULL
            ELSE GREATEST(m.joined, kept.read) END) AS place(seq)
        LEFT JOIN LATERAL (
            SELECT replies FROM tidemark.thread WHERE conversation = c.key AND seq = e.seq
            LIMIT 1
        ) AS at_end ON true
        LEFT JOIN LATERAL (
            SELECT replies FROM tidemark.thread_person
            WHERE conversation = c.key AND thread = e.seq AND person = p.key LIMIT 1
        ) AS own_at_end ON true
        LEFT JOIN LATERAL (
            SELECT replies FROM tidemark.reply
            WHERE conversation = c.key AND thread = e.seq AND seq <= place.seq
            ORDER BY seq DESC LIMIT 1
        ) AS at_place ON true
        LEFT JOIN LATERAL (
            SELECT own FROM tidemark.reply
            WHERE conversation = c.key AND thread = e.seq AND author = p.key
                AND seq <= place.seq
            ORDER BY seq DESC LIMIT 1
        ) AS own_at_place ON true
        LEFT JOIN LATERAL (
            SELECT count(*) AS deleted FROM tidemark.reply
            WHERE conversation = c.key AND thread = e.seq AND seq > place.seq
                AND author <> p.key AND deleted IS NOT NULL
        ) AS deleted_above ON true"
    };
}

/// Where these columns begin, behind those of a message as it stands.
const STANDING: usize = EVENT_COLUMNS + AMENDED_COLUMNS;
/// What comes behind them.
const ACTIVE: usize = STANDING + 7;

/// The first message of a thread.
const ROOT: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    standing_columns!(),
    " FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $2
    LEFT JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key
        AND m.departed IS NULL
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = c.key AND seq = $3 AND kind = 1 LIMIT 1) AS e
    JOIN tidemark.person AS a ON a.key = e.author",
    amended_joins!(),
    standing_joins!(),
    " WHERE c.id = $1"
);

macro_rules! replies {
    ($side:literal, $order:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            ", ",
            amended_columns!(),
            " FROM tidemark.conversation AS c
            LEFT JOIN tidemark.person AS p ON p.id = $4
            CROSS JOIN LATERAL (
                SELECT seq FROM tidemark.reply
                WHERE conversation = c.key AND thread = $5 AND ",
            $side,
            " ORDER BY ",
            $order,
            " LIMIT $3) AS found
            CROSS JOIN LATERAL (
                SELECT * FROM tidemark.event
                WHERE conversation = c.key AND seq = found.seq LIMIT 1) AS e
            JOIN tidemark.person AS a ON a.key = e.author",
            amended_joins!(),
            " WHERE c.id = $1 ORDER BY e.",
            $order
        )
    };
}

const REPLIES_BELOW: &str = replies!("seq <= $2", "seq DESC");
const REPLIES_ABOVE: &str = replies!("seq > $2", "seq");

/// How many messages there are on that side is known, so the search ends with the last of them.
macro_rules! main {
    ($side:literal, $order:literal, $available:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            ", ",
            amended_columns!(),
            " FROM tidemark.conversation AS c
            LEFT JOIN tidemark.person AS p ON p.id = $4
            CROSS JOIN LATERAL (
                SELECT * FROM (
                    SELECT * FROM tidemark.event
                    WHERE conversation = c.key AND kind = 1 AND ",
            $side,
            " ORDER BY ",
            $order,
            " LIMIT ",
            $available,
            ") AS message WHERE target IS NULL ORDER BY ",
            $order,
            " LIMIT $3) AS e
            JOIN tidemark.person AS a ON a.key = e.author",
            amended_joins!(),
            " WHERE c.id = $1 ORDER BY e.",
            $order
        )
    };
}

const MAIN_BELOW: &str = main!(
    "seq <= $2 AND seq > $5",
    "seq DESC",
    "GREATEST(0, COALESCE((SELECT messages FROM tidemark.event
        WHERE conversation = c.key AND seq = LEAST($2, c.head)), 0)
        - COALESCE((SELECT messages FROM tidemark.event
            WHERE conversation = c.key AND seq = $5), 0))"
);
const MAIN_ABOVE: &str = main!(
    "seq > GREATEST($2, $5)",
    "seq",
    "c.messages - COALESCE((SELECT messages FROM tidemark.event
        WHERE conversation = c.key AND seq = LEAST(GREATEST($2, $5), c.head)), 0)"
);

/// Of the threads in which the person wrote last, those with the newest replies.
macro_rules! list {
    ($mine:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            ", ",
            amended_columns!(),
            standing_columns!(),
            ", found.active FROM (
                SELECT t.conversation, t.seq, t.active FROM (",
            $mine,
            " ORDER BY it.position DESC LIMIT $4) AS mine
                CROSS JOIN LATERAL (
                    SELECT * FROM tidemark.thread
                    WHERE conversation = mine.conversation AND seq = mine.thread LIMIT 1
                ) AS t
                WHERE t.active < $2 ORDER BY t.active DESC LIMIT $3) AS found
            JOIN tidemark.conversation AS c ON c.key = found.conversation
            JOIN tidemark.person AS p ON p.id = $1
            JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key
            CROSS JOIN LATERAL (
                SELECT * FROM tidemark.event
                WHERE conversation = c.key AND seq = found.seq LIMIT 1) AS e
            JOIN tidemark.person AS a ON a.key = e.author",
            amended_joins!(),
            standing_joins!(),
            " ORDER BY found.active DESC"
        )
    };
}

const LIST: &str = list!(
    "SELECT it.conversation, it.thread FROM tidemark.thread_person AS it
    CROSS JOIN LATERAL (
        SELECT FROM tidemark.member AS m
        JOIN tidemark.conversation AS c ON c.key = m.conversation
        WHERE m.conversation = it.conversation AND m.person = it.person
            AND m.departed IS NULL AND (c.history = 'all' OR it.thread >= m.joined)
        LIMIT 1) AS current
    WHERE it.person = (SELECT key FROM tidemark.person WHERE id = $1)"
);
const LIST_OF_ONE: &str = list!(
    "SELECT it.conversation, it.thread FROM tidemark.thread_person AS it
    CROSS JOIN LATERAL (
        SELECT FROM tidemark.member AS m
        JOIN tidemark.conversation AS c ON c.key = m.conversation
        WHERE m.conversation = it.conversation AND m.person = it.person
            AND (c.history = 'all' OR it.thread >= m.joined)
        LIMIT 1) AS current
    WHERE it.person = (SELECT key FROM tidemark.person WHERE id = $1)
        AND it.conversation = (SELECT key FROM tidemark.conversation WHERE id = $5)"
);

const MOVE: &str = "INSERT INTO tidemark.thread_cursor AS t (conversation, thread, person, read)
    SELECT $1, $2, key, $4 FROM tidemark.person WHERE id = $3
    ON CONFLICT (conversation, thread, person) DO UPDATE SET read = excluded.read
    WHERE t.read < excluded.read
    RETURNING read";

/// Which messages are on both sides of a place: the replies of a thread, or what is above a place and no reply in a
/// thread alone.
#[derive(Clone, Copy)]
enum Source {
    Thread(Seq),
    Main(Seq),
}

impl Source {
    fn statements(
        self,
        caller: &Caller,
        id: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Vec<Statement> {
        let below = |place| self.statement(true, caller, id, place, limits);
        let above = |place| self.statement(false, caller, id, place, limits);
        match window {
            Window::Latest => vec![below(Seq::MAX)],
            Window::Before(seq) => vec![below(seq.previous())],
            Window::After(seq) => vec![above(seq)],
            Window::Around(seq) => vec![below(seq.previous()), above(seq.previous())],
        }
    }

    fn statement(
        self,
        is_below: bool,
        caller: &Caller,
        id: ConversationId,
        place: Seq,
        limits: PageLimits,
    ) -> Statement {
        let sql = match (self, is_below) {
            (Self::Thread(_), true) => REPLIES_BELOW,
            (Self::Thread(_), false) => REPLIES_ABOVE,
            (Self::Main(_), true) => MAIN_BELOW,
            (Self::Main(_), false) => MAIN_ABOVE,
        };
        let statement = Statement::new(sql)
            .uuid(id.0)
            .number(signed(place.get()))
            .number(page_size(PageRoom::wanted(limits)))
            .text(caller.user().map(UserId::to_string));
        let (Self::Thread(last) | Self::Main(last)) = self;
        statement.number(signed(last.get()))
    }
}

/// The page in the answers to [`Source::statements`].
fn part(window: Window, answers: &[Vec<Row>], limits: PageLimits) -> Result<Part, Trouble> {
    let below = |rows| {
        let mut part = taken(rows, limits)?;
        part.entries.reverse();
        Ok::<_, Trouble>(part)
    };
    match window {
        Window::Latest | Window::Before(_) => below(&answers[0]),
        Window::After(_) => taken(&answers[0], limits),
        Window::Around(_) => Ok(Part::around(
            below(&answers[0])?,
            taken(&answers[1], limits)?,
            limits,
        )),
    }
}

fn taken(rows: &[Row], limits: PageLimits) -> Result<Part, Trouble> {
    let mut taken = Taken::new(limits);
    for row in rows {
        if !taken.take(shown_entry(row)?) {
            break;
        }
    }
    Ok(taken.finish())
}

/// The message at the beginning of a row, as it stands.
fn shown_entry(row: &Row) -> Result<Entry, Trouble> {
    let mut entry = rows::entry(row, 0)?.ok_or_else(|| column::damaged("an empty event"))?;
    amendments::bring_up(row, EVENT_COLUMNS, &mut entry)?;
    Ok(entry)
}

fn messages(part: Part) -> Vec<TimelineMessage> {
    let entries = part.entries.into_iter();
    entries.filter_map(Entry::into_message).collect()
}

/// What the member of the row has still to see; zero for whoever is none.
fn standing(row: &Row) -> Result<ThreadStanding, Trouble> {
    let Some(read) = column::optional_seq(row, STANDING)? else {
        return Ok(ThreadStanding::default());
    };
    let tally = |replies, own| {
        Ok::<_, Trouble>(Tally {
            messages: column::count_or_zero(row, replies)?,
            own: column::count_or_zero(row, own)?,
        })
    };
    let at_end = tally(STANDING + 2, STANDING + 3)?;
    let at_place = tally(STANDING + 4, STANDING + 5)?;
    Ok(ThreadStanding {
        read,
        unread: unread(at_end, at_place, column::count_or_zero(row, STANDING + 6)?),
    })
}

/// The first message of a thread, as the rules want it.
fn root_in(rows: &[Row]) -> Result<Option<Root>, Trouble> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let entry = rows::entry(row, 0)?;
    let message = entry
        .as_ref()
        .and_then(|entry| entry.event.body.as_message());
    let tally = Tally {
        messages: column::count_or_zero(row, STANDING + 2)?,
        own: column::count_or_zero(row, STANDING + 3)?,
    };
    Ok(message.map(|message| Root {
        is_reply: message.thread.is_some(),
        is_deleted: message.is_redacted(),
        tally,
    }))
}

pub(crate) fn root_statement(caller: &Caller, id: ConversationId, root: Seq) -> Statement {
    Statement::new(ROOT)
        .uuid(id.0)
        .text(caller.user().map(UserId::to_string))
        .number(signed(root.get()))
}

#[cfg(test)]
pub(crate) fn page_statements(
    caller: &Caller,
    id: ConversationId,
    root: Option<Seq>,
    place: Seq,
    limits: PageLimits,
) -> Vec<Statement> {
    let source = root.map_or(Source::Main(Seq::ZERO), Source::Thread);
    source.statements(caller, id, Window::Around(place), limits)
}

pub(crate) async fn main_messages(
    connections: &Connections,
    caller: &Caller,
    id: ConversationId,
    window: Window,
    limits: PageLimits,
) -> Read<TimelinePage> {
    let mut floor = Seq::ZERO;
    loop {
        let mut statements = vec![access(caller, id)];
        statements.extend(Source::Main(floor).statements(caller, id, window, limits));
        let answers = connections.read(&statements).await?;
        let access = permitted(Operation::Read, caller, &answers[0])?;
        let wanted = access.horizon(caller).after(Seq::ZERO);
        if wanted != floor {
            // Only who does not see all comes by here. What is answered is of one snapshot all the same.
            floor = wanted;
            continue;
        }
        let part = part(window, &answers[1..], limits)?;
        return Ok(TimelinePage {
            more: part.more,
            messages: messages(part),
            head: access.kept.state.head,
        });
    }
}

pub(crate) async fn page(
    connections: &Connections,
    caller: &Caller,
    id: ConversationId,
    root: Seq,
    window: Window,
    limits: PageLimits,
) -> Read<ThreadPage> {
    let mut statements = vec![access(caller, id), root_statement(caller, id, root)];
    statements.extend(Source::Thread(root).statements(caller, id, window, limits));
    let answers = connections.read(&statements).await?;
    let access = permitted(Operation::Read, caller, &answers[0])?;
    let found = root_in(&answers[1])?;
    thread::check_root(found.filter(|_| access.horizon(caller).includes(root)))?;
    let row = &answers[1][0];
    let part = part(window, &answers[2..], limits)?;
    let first = shown_entry(row)?.into_message();
    Ok(ThreadPage {
        root: first.ok_or_else(Refusal::no_such_conversation)?,
        more: part.more,
        replies: messages(part),
        head: access.kept.state.head,
        standing: standing(row)?,
    })
}

pub(crate) fn list_statement(
    user: &UserId,
    only: Option<ConversationId>,
    before: Option<Position>,
    entries: usize,
) -> Statement {
    let sql = if only.is_some() { LIST_OF_ONE } else { LIST };
    let statement = Statement::new(sql)
        .text(user.to_string())
        .number(before.map_or(i64::MAX, |before| signed(before.0)))
        .number(page_size(entries))
        .number(page_size(THREADS_MAX));
    match only {
        Some(only) => statement.uuid(only.0),
        None => statement,
    }
}

pub(crate) async fn list(
    connections: &Connections,
    user: &UserId,
    only: Option<ConversationId>,
    before: Option<Position>,
    limits: PageLimits,
) -> Read<ThreadsPage> {
    let caller = Caller::User(user.clone());
    let mut statements = vec![list_statement(user, only, before, PageRoom::wanted(limits))];
    statements.extend(only.map(|only| access(&caller, only)));
    let answers = connections.read(&statements).await?;
    if only.is_some() {
        permitted(Operation::Read, &caller, &answers[1])?;
    }
    let mut threads = Threads::new(limits);
    for row in &answers[0] {
        let active = column::position(row, ACTIVE)?;
        if !threads.take(active, shown_entry(row)?, standing(row)?) {
            break;
        }
    }
    Ok(threads.finish())
}

pub(crate) async fn move_cursor(
    connections: &Connections,
    user: &UserId,
    id: ConversationId,
    root: Seq,
    seq: Seq,
) -> Read<ThreadCursorMove> {
    let caller = Caller::User(user.clone());
    let asked = [access(&caller, id), root_statement(&caller, id, root)];
    let answers = connections.read(&asked).await?;
    let access = permitted(Operation::MoveCursor, &caller, &answers[0])?;
    let found = root_in(&answers[1])?;
    let found = found.filter(|_| access.horizon(&caller).includes(root));
    let cursor = match answers[1].first() {
        Some(row) => column::optional_seq(row, STANDING + 1)?,
        None => None,
    };
    let kept = &access.kept;
    let conversation = Some(&kept.state);
    let membership = access.membership.as_ref();
    let to = thread::move_cursor(&caller, conversation, membership, found, cursor, seq)?;
    let Some(to) = to else {
        return Ok(ThreadCursorMove {
            standing: standing(&answers[1][0])?,
            moved: false,
            head: kept.state.head,
        });
    };
    let statement = Statement::new(MOVE)
        .number(kept.key)
        .number(signed(root.get()))
        .text(user.to_string())
        .number(signed(to.get()));
    // Another device may have been faster and further; then nothing moves.
    let moved = !connections.change(statement).await?.is_empty();
    let answers = connections.read(&asked).await?;
    let access = permitted(Operation::MoveCursor, &caller, &answers[0])?;
    let row = answers[1].first();
    Ok(ThreadCursorMove {
        standing: row.map_or(Ok(ThreadStanding::default()), standing)?,
        moved,
        head: access.kept.state.head,
    })
}

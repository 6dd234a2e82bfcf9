//! The log of everything in an order that is final, although transactions end out of order.
//!
//! # Positions
//!
//! A position is the next number of a sequence, taken while the conversation's row is locked: so the
//! positions of a conversation grow with its `seq`. Transactions that hold positions end in any order, so
//! an event may appear behind one that was visible before. The feed must not show what may still be
//! overtaken.
//!
//! # Floors
//!
//! Before a transaction takes its first position it says where it begins: it reads the last number that
//! the sequence gave out, its *floor*, and takes a shared advisory lock whose key holds that floor. All its
//! positions are above its floor, and the lock ends with the transaction, after its events are visible.
//!
//! # The horizon
//!
//! A reader asks, in this order and each in a snapshot of its own: for the last number `L` that the sequence
//! gave out; for the least floor `F` among the locks that are held; for the events. Every event at or below
//! the *horizon*, `min(L, F)`, is final:
//!
//! - whoever took a position at or below `L` took it before `L` was read, so the lock was there before the
//!   locks were looked at;
//! - if the lock was there, the floor of that transaction is at least `F`, and the position above `F`;
//! - if the lock was gone, the transaction had ended, and the third snapshot, which is later, sees all of
//!   its events.
//!
//! Nothing is kept between two reads, so nothing can be stale after a failover. Transactions of other
//! programs and databases, however long, hold no such lock and nothing back.

use std::time::Duration;

use tidemark_core::Position;
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;

use crate::log_page::Entry;
use crate::{FeedEvent, MembershipFeed, PageLimits};

use super::column::{self, page_size, signed};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::{Read, page};
use super::rows::event_columns;
use super::statement::Statement;

/// Makes the floor known. The high 16 bits of the key are `ti`, so that locks of others are not mistaken
/// for floors; the other 48 are the floor. The argument is evaluated before the lock is taken.
const ANNOUNCE_FLOOR: &str = "SELECT pg_advisory_xact_lock_shared(
    (x'7469'::bigint << 48) | (SELECT last_value FROM tidemark.event_position))";

const TAKE_POSITIONS: &str = "SELECT nextval('tidemark.event_position')
    FROM generate_series(1, $1)";

const LAST_TAKEN: &str = "SELECT last_value FROM tidemark.event_position";

const LEAST_FLOOR: &str = "SELECT min(
        ((classid::bigint & x'ffff'::bigint) << 32) | objid::bigint)
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = x'7469'::bigint
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A page of events, of those that the condition names.
macro_rules! events {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            event_columns!(),
            " FROM (
                SELECT * FROM tidemark.event WHERE ",
            $condition,
            " AND position > $1 ORDER BY position LIMIT $2) AS e
            JOIN tidemark.person AS a ON a.key = e.author
            JOIN tidemark.conversation AS c ON c.key = e.conversation
            ORDER BY e.position"
        )
    };
}

const EVENTS: &str = events!("true");
const MEMBERS_EVENTS: &str = events!("kind = 2");

/// How long a read waits for transactions that were under way when it began. They take milliseconds; one
/// that takes longer is not waited for, and what it holds back comes with a later read.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before looking again, at first and at most.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(1);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(20);

/// To be sent, in this order, by a transaction that has locked its conversations: the floor, and as many
/// positions as it may need. Those that it does not use stay holes.
pub(crate) fn take_positions(count: usize) -> [Statement; 2] {
    [
        Statement::new(ANNOUNCE_FLOOR),
        Statement::new(TAKE_POSITIONS).number(page_size(count)),
    ]
}

/// The positions in the answer to [`take_positions`].
pub(crate) fn taken(rows: &[Row]) -> Result<Vec<Position>, Trouble> {
    let positions = rows.iter().map(|row| column::position(row, 0));
    let mut positions = positions.collect::<Result<Vec<_>, _>>()?;
    positions.sort_unstable();
    Ok(positions)
}

/// What a page of the feed is made of.
#[derive(Clone, Copy)]
pub(crate) enum Selection {
    Everything,
    Members,
}

pub(crate) fn events_statement(
    selection: Selection,
    after: Position,
    limits: PageLimits,
) -> Statement {
    let sql = match selection {
        Selection::Everything => EVENTS,
        Selection::Members => MEMBERS_EVENTS,
    };
    Statement::new(sql)
        .number(signed(after.0))
        .number(page_size(limits.entries_max.max(1)))
}

/// What one look at the feed found.
pub(crate) struct Look {
    last_taken: Position,
    horizon: Position,
    /// The page, as far as it is final.
    pub(crate) entries: Vec<Entry>,
    /// Whether a later look can find more of the page.
    has_room: bool,
}

impl Look {
    fn into_events(self) -> Vec<FeedEvent> {
        let entries = self.entries.into_iter();
        entries
            .map(|entry| FeedEvent {
                position: entry.position,
                event: entry.event,
            })
            .collect()
    }
}

pub(crate) async fn feed(
    connections: &Connections,
    after: Position,
    limits: PageLimits,
) -> Read<Vec<FeedEvent>> {
    let look = look_until_settled(connections, Selection::Everything, after, limits).await?;
    Ok(look.into_events())
}

pub(crate) async fn membership_feed(
    connections: &Connections,
    after: Position,
    entries_max: usize,
) -> Read<MembershipFeed> {
    let limits = PageLimits {
        entries_max: entries_max.max(1),
        text_bytes_max: usize::MAX,
    };
    let look = look_until_settled(connections, Selection::Members, after, limits).await?;
    let through = match look.entries.last() {
        Some(last) if look.entries.len() == limits.entries_max => last.position,
        // A transaction that announces an old floor takes the horizon back for a moment, and what is at or
        // below `after` was final before.
        _ if after <= look.last_taken => look.horizon.max(after),
        _ => look.horizon,
    };
    Ok(MembershipFeed {
        events: look.into_events(),
        through,
    })
}

/// Looks until all that was committed before the first look is final, or a page is full, or patience ends.
async fn look_until_settled(
    connections: &Connections,
    selection: Selection,
    after: Position,
    limits: PageLimits,
) -> Result<Look, Trouble> {
    let deadline = Instant::now() + PATIENCE;
    let mut look = look(connections, selection, after, limits).await?;
    // Whatever was committed before this read began is at or below that.
    let wanted = look.last_taken;
    let mut wait = LOOK_AGAIN_MIN;
    while look.has_room && look.horizon < wanted && Instant::now() < deadline {
        sleep(wait).await;
        wait = (wait * 2).min(LOOK_AGAIN_MAX);
        look = self::look(connections, selection, after, limits).await?;
    }
    Ok(look)
}

pub(crate) async fn look(
    connections: &Connections,
    selection: Selection,
    after: Position,
    limits: PageLimits,
) -> Result<Look, Trouble> {
    let statements = [
        Statement::new(LAST_TAKEN),
        Statement::new(LEAST_FLOOR),
        events_statement(selection, after, limits),
    ];
    let answers = connections.read_following(&statements).await?;
    let [last_taken, least_floor, events] = &answers[..] else {
        return Err(column::damaged("a feed without an end"));
    };
    let last_taken = column::position(&last_taken[0], 0)?;
    let least_floor: Option<i64> = column::get(&least_floor[0], 0)?;
    let horizon = match least_floor {
        Some(_) => last_taken.min(column::position(&answers[1][0], 0)?),
        None => last_taken,
    };
    let mut entries = page(events, limits)?;
    let page_len = entries.len();
    entries.retain(|entry| entry.position <= horizon);
    let is_cut_by_limits = page_len < events.len() || events.len() >= limits.entries_max.max(1);
    Ok(Look {
        last_taken,
        horizon,
        has_room: !is_cut_by_limits || entries.len() < page_len,
        entries,
    })
}

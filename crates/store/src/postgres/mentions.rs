//! Who is mentioned where.

use tidemark_core::{Position, UserId};

use crate::page_room::PageRoom;
use crate::{MentionsPage, PageLimits, mentions_page};

use super::amendments::{self, amended_columns, amended_joins};
use super::column::{self, page_size, signed};
use super::pool::Connections;
use super::reads::Read;
use super::rows::{self, EVENT_COLUMNS, event_columns};
use super::statement::Statement;

/// Of each conversation as many as the page may hold, by the index, and of those the newest. Person 0 is everybody.
///
/// `+ 0` hides the place of joining from the planner, which else may find it cheaper to read all that was said since then
/// and sort it: that is right on average, and wrong for the one conversation that mentions everybody all day.
const NEWEST: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", ",
    amended_columns!(),
    " FROM (
        SELECT found.* FROM tidemark.member AS m
        CROSS JOIN LATERAL (
            (SELECT it.conversation, it.seq, it.position FROM tidemark.mention AS it
            WHERE it.person = m.person AND it.conversation = m.conversation
                AND it.position < $2 AND it.seq + 0 > m.joined
            ORDER BY it.position DESC LIMIT $3)
            UNION ALL
            (SELECT it.conversation, it.seq, it.position FROM tidemark.mention AS it
            WHERE it.person = 0 AND it.conversation = m.conversation AND it.author <> m.person
                AND it.position < $2 AND it.seq + 0 > m.joined
            ORDER BY it.position DESC LIMIT $3)
        ) AS found
        WHERE m.person = (SELECT key FROM tidemark.person WHERE id = $1) AND m.departed IS NULL
        ORDER BY found.position DESC LIMIT $3) AS found
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE conversation = found.conversation AND seq = found.seq LIMIT 1) AS e
    JOIN tidemark.person AS a ON a.key = e.author
    JOIN tidemark.conversation AS c ON c.key = e.conversation
    JOIN tidemark.person AS p ON p.id = $1",
    amended_joins!(),
    " ORDER BY found.position DESC"
);

pub(crate) fn newest_statement(
    user: &UserId,
    before: Option<Position>,
    entries: usize,
) -> Statement {
    Statement::new(NEWEST)
        .text(user.to_string())
        .number(before.map_or(i64::MAX, |before| signed(before.0)))
        .number(page_size(entries))
}

pub(crate) async fn newest(
    connections: &Connections,
    user: &UserId,
    before: Option<Position>,
    limits: PageLimits,
) -> Read<MentionsPage> {
    let mut mentions = mentions_page::Mentions::new(limits);
    let wanted = PageRoom::wanted(limits);
    let answers = connections
        .read(&[newest_statement(user, before, wanted)])
        .await?;
    for row in answers.iter().flatten() {
        let mut entry = rows::entry(row, 0)?.ok_or_else(|| column::damaged("an empty event"))?;
        amendments::bring_up(row, EVENT_COLUMNS, &mut entry)?;
        if !mentions.take(entry) {
            break;
        }
    }
    Ok(mentions.finish())
}

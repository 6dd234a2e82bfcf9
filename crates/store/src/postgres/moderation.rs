//! Who is kept out, and what messages said before.

use tidemark_core::access::{Caller, Operation, Standing};
use tidemark_core::conversation::{EventBody, may_read_versions};
use tidemark_core::{ConversationId, Refusal, Seq, UserId};

use crate::page_room::PageRoom;
use crate::{Banned, BansPage, PageLimits, VersionsPage, versions_page};

use super::column::{self, page_size, signed};
use super::pool::Connections;
use super::reads::{Part, Read, access, page, part_of, permitted};
use super::rows::{self, EVENT_COLUMNS, event_columns};
use super::statement::Statement;

const BANS: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", m.person_id FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.member
        WHERE conversation = c.key AND banned IS NOT NULL AND person_id > $2
        ORDER BY person_id LIMIT $3) AS m
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event WHERE conversation = c.key AND seq = m.banned LIMIT 1) AS e
    JOIN tidemark.person AS a ON a.key = e.author
    WHERE c.id = $1 ORDER BY m.person_id"
);

const MESSAGE: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event WHERE conversation = c.key AND seq = $2 LIMIT 1) AS e
    JOIN tidemark.person AS a ON a.key = e.author
    WHERE c.id = $1"
);

const VERSIONS: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM tidemark.conversation AS c
    CROSS JOIN LATERAL (
        (SELECT * FROM tidemark.event WHERE conversation = c.key AND seq = $2 AND seq > $3 LIMIT 1)
        UNION ALL
        (SELECT * FROM tidemark.event
        WHERE conversation = c.key AND target = $2 AND kind = 4 AND seq > $3
        ORDER BY seq LIMIT $4)) AS e
    JOIN tidemark.person AS a ON a.key = e.author
    WHERE c.id = $1 ORDER BY e.seq LIMIT $4"
);

pub(crate) fn bans_statement(
    conversation: ConversationId,
    after: Option<&UserId>,
    entries: usize,
) -> Statement {
    Statement::new(BANS)
        .uuid(conversation.0)
        .text(after.map_or_else(String::new, UserId::to_string))
        .number(page_size(entries))
}

pub(crate) fn versions_statement(
    conversation: ConversationId,
    seq: Seq,
    after: Seq,
    limits: PageLimits,
) -> Statement {
    Statement::new(VERSIONS)
        .uuid(conversation.0)
        .number(signed(seq.get()))
        .number(signed(after.get()))
        .number(page_size(PageRoom::wanted(limits)))
}

pub(crate) async fn bans(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<BansPage> {
    let entries_max = entries_max.max(1);
    let bans = bans_statement(conversation, after, entries_max.saturating_add(1));
    let Part { rows, .. } =
        part_of(connections, Operation::Ban, caller, conversation, bans).await?;
    let mut bans = Vec::with_capacity(rows.len());
    for row in &rows {
        let event = rows::entry(row, 0)?.map(|entry| entry.event);
        let event = event.ok_or_else(|| column::damaged("a ban without its event"))?;
        if let EventBody::Members(change) = event.body {
            bans.push(Banned {
                user: column::user_id(row, EVENT_COLUMNS)?,
                seq: event.seq,
                at: event.at,
                by: change.by,
                reason: change.reason,
            });
        }
    }
    let more = bans.len() > entries_max;
    bans.truncate(entries_max);
    Ok(BansPage { bans, more })
}

pub(crate) async fn versions(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
    seq: Seq,
    after: Seq,
    limits: PageLimits,
) -> Read<VersionsPage> {
    let message = Statement::new(MESSAGE)
        .uuid(conversation.0)
        .number(signed(seq.get()));
    let versions = versions_statement(conversation, seq, after, limits);
    let statements = [access(caller, conversation), message, versions];
    let answers = connections.read(&statements).await?;
    let access = permitted(Operation::Read, caller, &answers[0])?;
    let sent = match answers[1].first() {
        Some(row) => rows::entry(row, 0)?.map(|entry| entry.event),
        None => None,
    };
    let sent = sent.filter(|_| access.horizon(caller).includes(seq));
    let message = sent.as_ref().and_then(|sent| sent.body.as_message());
    let message = message.ok_or_else(Refusal::no_such_message)?;
    let standing = Standing::of(caller, access.membership.as_ref());
    may_read_versions(standing, caller, &message.sender)?;
    // The page is measured below, where it shows what was left out.
    let all = PageLimits {
        text_bytes_max: usize::MAX,
        ..limits
    };
    let entries = page(&answers[2], all)?;
    Ok(versions_page::of(entries, limits))
}

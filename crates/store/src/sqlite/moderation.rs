//! Who is kept out, and what messages said before.

use rusqlite::Connection;
use tidemark_core::access::{Caller, Operation, Standing};
use tidemark_core::conversation::{EventBody, may_read_versions};
use tidemark_core::{ConversationId, Refusal, Seq, UserId};

use crate::page_room::PageRoom;
use crate::versions_page;
use crate::{Banned, BansPage, PageLimits, VersionsPage};

use super::column;
use super::log::{self, EventReader, event_columns};
use super::reads::{Read, page, permitted};

pub(crate) fn bans(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<BansPage> {
    let kept = permitted(connection, Operation::Ban, caller, conversation)?.kept;
    let entries_max = entries_max.max(1);
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        event_columns!(),
        ", member.user_id FROM member INDEXED BY member_banned
         JOIN event ON event.conversation = member.conversation AND event.seq = member.banned
         WHERE member.conversation = ?1 AND member.banned IS NOT NULL AND member.user_id > ?2
         ORDER BY member.user_id LIMIT ?3"
    ))?;
    let after = after.map_or("", UserId::as_str);
    let mut rows = statement.query((kept.key, after, entries_max.saturating_add(1)))?;
    let mut reader = EventReader::new(connection);
    let mut bans = Vec::new();
    while let Some(row) = rows.next()? {
        let event = reader.entry(row)?.event;
        let user = column::user_id(row, 11)?;
        if let EventBody::Members(change) = event.body {
            bans.push(Banned {
                user,
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

pub(crate) fn versions(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
    seq: Seq,
    after: Seq,
    limits: PageLimits,
) -> Read<VersionsPage> {
    let access = permitted(connection, Operation::Read, caller, conversation)?;
    let sent = log::at(connection, access.kept.key, seq)?;
    let sent = sent.filter(|_| access.horizon(caller).includes(seq));
    let message = sent.as_ref().and_then(|sent| sent.body.as_message());
    let message = message.ok_or_else(Refusal::no_such_message)?;
    let standing = Standing::of(caller, access.membership.as_ref());
    may_read_versions(standing, caller, &message.sender)?;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT * FROM (SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND seq = ?2 AND seq > ?3
         UNION ALL SELECT * FROM (SELECT ",
        event_columns!(),
        " FROM event WHERE conversation = ?1 AND target = ?2 AND kind = 4 AND seq > ?3
         ORDER BY seq LIMIT ?4)) ORDER BY seq LIMIT ?4"
    ))?;
    let wanted = PageRoom::wanted(limits);
    let rows = statement.query((access.kept.key, seq.get(), after.get(), wanted))?;
    // The page is measured below, where it shows what was left out.
    let all = PageLimits {
        text_bytes_max: usize::MAX,
        ..limits
    };
    let entries = page(connection, rows, all)?;
    Ok(versions_page::of(entries, limits))
}

//! What people keep of conversations for themselves.

use rusqlite::{Connection, OptionalExtension, Row};
use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::Membership;
use tidemark_core::personal::{self, Draft, Kept, Personal, PersonalChange, Versioned};
use tidemark_core::{ConversationId, Limits, UserId};

use crate::personal_page::Changes;
use crate::{PageLimits, PersonalChanged, PersonalPage};

use super::column;
use super::lookup;
use super::reads::{Access, Read, permitted};

/// The columns that [`kept`] reads, in its order, for use with `concat!`. Without those of the draft there is none.
macro_rules! personal_columns {
    (with_draft) => {
        concat!(
            personal_columns!(without_draft),
            ", draft_text, draft_reply_to"
        )
    };
    (without_draft) => {
        "version, joined, read, sent, muted_until, archived, favourite, marked_unread_at"
    };
}

fn kept(row: &Row<'_>, draft: Option<Draft>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        state: Versioned {
            version: row.get(0)?,
            personal: Personal {
                muted_until: row.get::<_, Option<i64>>(4)?.map(tidemark_core::Timestamp),
                archived: row.get(5)?,
                favourite: row.get(6)?,
                marked_unread_at: column::optional_seq(row, 7)?,
                draft,
            },
        },
        joined: column::seq(row, 1)?,
        read: column::seq(row, 2)?,
        sent: row.get(3)?,
    })
}

fn kept_with_draft(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let text: Option<String> = row.get(8)?;
    let reply_to = column::optional_seq(row, 9)?;
    kept(row, text.map(|text| Draft { text, reply_to }))
}

/// What the caller keeps of a conversation, without the draft.
pub(crate) fn of(connection: &Connection, access: &Access) -> rusqlite::Result<Versioned> {
    let (Some(user), Some(membership)) = (access.user, &access.membership) else {
        return Ok(Versioned::default());
    };
    let kept = connection
        .prepare_cached(concat!(
            "SELECT ",
            personal_columns!(without_draft),
            " FROM personal WHERE user = ?1 AND conversation = ?2"
        ))?
        .query_row((user, access.kept.key), |row| kept(row, None))
        .optional()?;
    Ok(kept.map_or_else(Versioned::default, |kept| kept.seen_by(membership)))
}

pub(crate) fn change(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
    change: PersonalChange,
    limits: &Limits,
) -> Read<PersonalChanged> {
    let caller = Caller::User(user);
    let access = permitted(connection, Operation::MoveCursor, &caller, conversation)?;
    let membership = access.membership.as_ref();
    let mut state = match (access.user, membership) {
        (Some(user), Some(membership)) => connection
            .prepare_cached(concat!(
                "SELECT ",
                personal_columns!(with_draft),
                " FROM personal WHERE user = ?1 AND conversation = ?2"
            ))?
            .query_row((user, access.kept.key), kept_with_draft)
            .optional()?
            .map_or_else(Versioned::default, |kept| kept.seen_by(membership)),
        _ => Versioned::default(),
    };
    let conversation = Some(&access.kept.state);
    let personal = personal::change(
        &caller,
        conversation,
        membership,
        &state.personal,
        change,
        limits,
    )?;
    let changed = personal != state.personal;
    if let (true, Some(user), Some(membership)) = (changed, access.user, membership) {
        state.version = connection
            .prepare_cached(
                "UPDATE user SET personal_version = personal_version + 1 WHERE key = ?1
                 RETURNING personal_version",
            )?
            .query_row([user], |row| row.get(0))?;
        state.personal = personal;
        put(connection, access.kept.key, user, &state, membership)?;
    }
    Ok(PersonalChanged { state, changed })
}

fn put(
    connection: &Connection,
    conversation: i64,
    user: i64,
    state: &Versioned,
    membership: &Membership,
) -> rusqlite::Result<()> {
    let Versioned { version, personal } = state;
    let draft = personal.draft.as_ref();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO personal (user, conversation, version, joined, read, sent,
                muted_until, archived, favourite, marked_unread_at, draft_text, draft_reply_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute((
            user,
            conversation,
            version,
            membership.joined.get(),
            membership.read.get(),
            membership.sent,
            personal.muted_until.map(|until| until.0),
            personal.archived,
            personal.favourite,
            personal.marked_unread_at.map(tidemark_core::Seq::get),
            draft.map(|draft| &draft.text),
            draft
                .and_then(|draft| draft.reply_to)
                .map(tidemark_core::Seq::get),
        ))?;
    Ok(())
}

/// Drops what somebody who left has kept.
pub(crate) fn forget(
    connection: &Connection,
    conversation: i64,
    user: &UserId,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM personal WHERE conversation = ?1
                AND user = (SELECT key FROM user WHERE id = ?2)",
        )?
        .execute((conversation, user.as_str()))?;
    Ok(())
}

pub(crate) fn changes(
    connection: &Connection,
    user: &UserId,
    after: u64,
    limits: PageLimits,
) -> Read<PersonalPage> {
    let known = connection
        .prepare_cached("SELECT key, personal_version FROM user WHERE id = ?1")?
        .query_row([user.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((user, last)) = known else {
        return Ok(Changes::new(limits, 0).finish());
    };
    let mut changes = Changes::new(limits, last);
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        personal_columns!(with_draft),
        ", conversation FROM personal WHERE user = ?1 AND version > ?2 ORDER BY version"
    ))?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = statement.query((user, after))?;
    while let Some(row) = rows.next()? {
        let key = row.get(10)?;
        let Some(membership) = lookup::membership(connection, key, user)? else {
            continue;
        };
        let id = lookup::conversation_by_key(connection, key)?.state.id;
        if !changes.take(id, kept_with_draft(row)?, &membership) {
            break;
        }
    }
    Ok(changes.finish())
}

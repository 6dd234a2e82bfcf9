//! The rows of invites.

use rusqlite::{Connection, OptionalExtension, Row};
use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::{CodeHash, Invite, open_to};
use tidemark_core::{ConversationId, InviteId, Refusal, Timestamp};

use crate::Invitation;

use super::column;
use super::lookup;
use super::reads::{Read, permitted};

/// The columns that [`invite`] reads, in its order, for use with `concat!`.
macro_rules! invite_columns {
    () => {
        "invite.id, invite.code, user.id, invite.at, invite.role, invite.expires_at, \
         invite.uses_max, invite.uses"
    };
}

fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        id: column::uuid(row, 0).map(InviteId)?,
        code: row.get(1).map(CodeHash)?,
        by: column::user_id(row, 2)?,
        at: column::timestamp(row, 3)?,
        role: column::named(row, 4)?,
        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        uses_max: row.get(6)?,
        uses: row.get(7)?,
    })
}

/// The invites of a conversation, oldest first.
pub(crate) fn of(connection: &Connection, conversation: i64) -> rusqlite::Result<Vec<Invite>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            invite_columns!(),
            " FROM invite JOIN user ON user.key = invite.author
             WHERE invite.conversation = ?1 ORDER BY invite.at, invite.id"
        ))?
        .query_map([conversation], invite)?
        .collect()
}

pub(crate) fn insert(
    connection: &Connection,
    conversation: ConversationId,
    author: i64,
    invite: &Invite,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO invite
                (id, conversation, code, author, at, role, expires_at, uses_max, uses)
             VALUES (?1, (SELECT key FROM conversation WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            invite.id.0.into_bytes(),
            conversation.0.into_bytes(),
            invite.code.0,
            author,
            invite.at.0,
            invite.role.as_str(),
            invite.expires_at.map(|at| at.0),
            invite.uses_max,
            invite.uses,
        ))?;
    Ok(())
}

/// Somebody has joined by it.
pub(crate) fn count_use(connection: &Connection, invite: InviteId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE invite SET uses = uses + 1 WHERE id = ?1")?
        .execute([invite.0.into_bytes()])?;
    Ok(())
}

pub(crate) fn forget(connection: &Connection, invites: &[InviteId]) -> rusqlite::Result<()> {
    for invite in invites {
        connection
            .prepare_cached("DELETE FROM invite WHERE id = ?1")?
            .execute([invite.0.into_bytes()])?;
    }
    Ok(())
}

pub(crate) fn list(
    connection: &Connection,
    caller: &Caller,
    conversation: ConversationId,
) -> Read<Vec<Invite>> {
    let kept = permitted(connection, Operation::ManageInvites, caller, conversation)?.kept;
    Ok(of(connection, kept.key)?)
}

pub(crate) fn invitation(
    connection: &Connection,
    caller: &Caller,
    code: CodeHash,
    now: Timestamp,
) -> Read<Invitation> {
    let found = connection
        .prepare_cached(concat!(
            "SELECT ",
            invite_columns!(),
            ", invite.conversation FROM invite JOIN user ON user.key = invite.author
             WHERE invite.code = ?1"
        ))?
        .query_row([code.0], |row| Ok((invite(row)?, row.get(8)?)))
        .optional()?;
    let user = match caller.user() {
        Some(user) => lookup::user_key(connection, user)?,
        None => None,
    };
    let membership = match (&found, user) {
        (Some((_, conversation)), Some(user)) => {
            lookup::membership(connection, *conversation, user)?
        }
        _ => None,
    };
    let invite = found.as_ref().map(|(invite, _)| invite);
    open_to(invite, membership.as_ref(), now)?;
    let (invite, conversation) = found.ok_or_else(Refusal::no_such_conversation)?;
    Ok(Invitation {
        conversation: lookup::conversation_by_key(connection, conversation)?.state,
        invite,
    })
}

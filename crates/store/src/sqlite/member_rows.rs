//! The rows of memberships.

use rusqlite::Connection;
use tidemark_core::conversation::Membership;
use tidemark_core::{Seq, UserId};

/// Keeps a membership in place of an earlier one.
pub(crate) fn put(
    connection: &Connection,
    conversation: i64,
    user: i64,
    user_id: &UserId,
    membership: &Membership,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO member (conversation, user, user_id, role, joined, departed, read,
                banned, delivered)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (conversation, user) DO UPDATE SET role = excluded.role,
                joined = excluded.joined, departed = excluded.departed, read = excluded.read,
                banned = excluded.banned, delivered = excluded.delivered",
        )?
        .execute((
            conversation,
            user,
            user_id.as_str(),
            membership.role.as_str(),
            membership.joined.get(),
            membership.left.map(Seq::get),
            membership.read.get(),
            membership.banned.map(Seq::get),
            membership.delivered.get(),
        ))?;
    Ok(())
}

/// Notes up to where a device of a member has fetched.
pub(crate) fn move_delivered(
    connection: &Connection,
    conversation: i64,
    user: i64,
    to: Seq,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE member SET delivered = ?3 WHERE conversation = ?1 AND user = ?2")?
        .execute((conversation, user, to.get()))?;
    Ok(())
}

/// Moves a member's read cursor.
pub(crate) fn move_cursor(
    connection: &Connection,
    conversation: i64,
    user: i64,
    to: Seq,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE member SET read = ?3 WHERE conversation = ?1 AND user = ?2")?
        .execute((conversation, user, to.get()))?;
    Ok(())
}

/// Whether somebody else than this user is an owner.
pub(crate) fn has_owner_beside(
    connection: &Connection,
    conversation: i64,
    user: &UserId,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM member INDEXED BY member_owner
             WHERE conversation = ?1 AND role = 'owner' AND departed IS NULL AND user_id <> ?2",
        )?
        .exists((conversation, user.as_str()))
}

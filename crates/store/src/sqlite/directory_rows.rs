//! People, sessions and keys as rows. Whoever writes looks first: a refusal has written nothing.

use rusqlite::{Connection, OptionalExtension, Row};
use tidemark_core::names;
use tidemark_core::{SessionId, Timestamp, UserId};

use crate::columns::Origin;
use crate::{
    ApiKey, Credentials, DirectoryError, NewAccount, NewSession, ProfileChange, SecretHash,
    Session, SessionOwner, User, UserOrigin,
};

use super::column;
use super::fault::Fault;
use super::lookup;

pub(crate) type Answer<T> = Result<T, Fault<DirectoryError>>;

/// Sorts behind every text that begins with what stands before it.
const AFTER_ALL: char = char::MAX;

pub(crate) fn create_account(connection: &Connection, account: &NewAccount) -> Answer<User> {
    let id = account.id.as_str();
    let skeleton = names::skeleton(id);
    let is_taken: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM user WHERE id = ?1)
                OR EXISTS (SELECT 1 FROM user WHERE id = ?1 COLLATE NOCASE AND origin = 0)
                OR EXISTS (SELECT 1 FROM user WHERE skeleton = ?2 AND origin = 0)",
        )?
        .query_row([id, &skeleton], |row| row.get(0))?;
    if is_taken || account.id.is_reserved() {
        return Err(DirectoryError::Taken.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO user (id, origin, display_name, password_hash, created_at, skeleton)
             VALUES (?1, 0, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            id,
            &account.display_name,
            &account.password_hash,
            account.at.0,
            skeleton,
        ))?;
    user(connection, &account.id)
}

/// Whether [`ensure_external_users`] would change nothing.
pub(crate) fn are_known(
    connection: &Connection,
    users: &[(UserId, Option<String>)],
    rename: bool,
) -> Answer<bool> {
    for (id, name) in users {
        match find_user(connection, id)? {
            None if id.is_reserved() => {}
            None => return Ok(false),
            Some(user) if is_renamed(&user, name.as_deref(), rename) => return Ok(false),
            Some(_) => {}
        }
    }
    Ok(true)
}

pub(crate) fn ensure_external_users(
    connection: &Connection,
    users: &[(UserId, Option<String>)],
    rename: bool,
    at: Timestamp,
) -> Answer<()> {
    for (id, name) in users {
        match find_user(connection, id)? {
            None if id.is_reserved() => {}
            None => {
                connection
                    .prepare_cached(
                        "INSERT INTO user (id, origin, display_name, created_at)
                         VALUES (?1, 1, ?2, ?3)
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute((id.as_str(), name, at.0))?;
            }
            Some(user) if is_renamed(&user, name.as_deref(), rename) => {
                connection
                    .prepare_cached("UPDATE user SET display_name = ?2 WHERE id = ?1")?
                    .execute((id.as_str(), name))?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn is_renamed(user: &User, name: Option<&str>, rename: bool) -> bool {
    let external = user.origin == UserOrigin::External;
    rename && external && name.is_some() && name != user.display_name.as_deref()
}

pub(crate) fn user(connection: &Connection, id: &UserId) -> Answer<User> {
    Ok(find_user(connection, id)?.ok_or(DirectoryError::NotFound)?)
}

fn find_user(connection: &Connection, id: &UserId) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(
            "SELECT id, display_name, avatar, origin, shows_last_seen FROM user WHERE id = ?1 AND origin <> 2",
        )?
        .query_row([id.as_str()], user_row)
        .optional()
}

fn user_row(row: &Row<'_>) -> rusqlite::Result<User> {
    let id = column::user_id(row, 0)?;
    Ok(User {
        username: id.to_string(),
        id,
        display_name: row.get(1)?,
        avatar: row.get(2)?,
        origin: match row.get::<_, i64>(3)? {
            number if number == Origin::Local as i64 => UserOrigin::Local,
            _ => UserOrigin::External,
        },
        shows_last_seen: row.get(4)?,
    })
}

pub(crate) fn users_by_prefix(
    connection: &Connection,
    prefix: &str,
    entries_max: usize,
) -> Answer<Vec<User>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, display_name, avatar, origin, shows_last_seen FROM user WHERE origin <> 2 AND key IN (
            SELECT key FROM user
                WHERE id COLLATE NOCASE >= ?1 AND id COLLATE NOCASE < ?2
            UNION
            SELECT key FROM user
                WHERE display_name IS NOT NULL
                AND display_name COLLATE NOCASE >= ?1 AND display_name COLLATE NOCASE < ?2)
         ORDER BY id LIMIT ?3",
    )?;
    let end = format!("{prefix}{AFTER_ALL}");
    let users = statement
        .query_map((prefix, end, entries_max), user_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(users)
}

pub(crate) fn update_profile(
    connection: &Connection,
    id: &UserId,
    change: ProfileChange,
) -> Answer<User> {
    let mut changed = user(connection, id)?;
    if let Some(display_name) = change.display_name {
        changed.display_name = display_name;
    }
    if let Some(avatar) = change.avatar {
        changed.avatar = avatar;
    }
    if let Some(shows) = change.shows_last_seen {
        changed.shows_last_seen = shows;
    }
    connection
        .prepare_cached(
            "UPDATE user SET display_name = ?2, avatar = ?3, shows_last_seen = ?4 WHERE id = ?1",
        )?
        .execute((
            id.as_str(),
            &changed.display_name,
            &changed.avatar,
            changed.shows_last_seen,
        ))?;
    Ok(changed)
}

pub(crate) fn hiding_last_seen(connection: &Connection, users: Vec<UserId>) -> Answer<Vec<UserId>> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM user WHERE id = ?1 AND NOT shows_last_seen")?;
    let mut hiding = Vec::new();
    for user in users {
        if statement.exists([user.as_str()])? {
            hiding.push(user);
        }
    }
    Ok(hiding)
}

pub(crate) fn credentials(connection: &Connection, username: &str) -> Answer<Credentials> {
    let found = connection
        .prepare_cached(
            "SELECT id, password_hash FROM user
             WHERE id = ?1 COLLATE NOCASE AND origin = 0 AND password_hash IS NOT NULL",
        )?
        .query_row([username], |row| {
            Ok(Credentials {
                user: column::user_id(row, 0)?,
                password_hash: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found.ok_or(DirectoryError::NotFound)?)
}

pub(crate) fn set_password(connection: &Connection, id: &UserId, hash: &str) -> Answer<()> {
    let changed = connection
        .prepare_cached("UPDATE user SET password_hash = ?2 WHERE id = ?1 AND origin = 0")?
        .execute((id.as_str(), hash))?;
    found(changed)
}

pub(crate) fn create_session(connection: &Connection, session: &NewSession) -> Answer<()> {
    user(connection, &session.user)?;
    let user = lookup::user_key(connection, &session.user)?;
    let made = connection
        .prepare_cached(
            "INSERT INTO session (id, token, user, device_name, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute((
            session.id.0.into_bytes(),
            session.token.0,
            user,
            &session.device_name,
            session.at.0,
        ))?;
    if made == 0 {
        return Err(DirectoryError::Taken.into());
    }
    Ok(())
}

pub(crate) fn session_by_token(connection: &Connection, token: SecretHash) -> Answer<SessionOwner> {
    let owner = connection
        .prepare_cached(
            "SELECT session.id, user.id FROM session JOIN user ON user.key = session.user
             WHERE session.token = ?1",
        )?
        .query_row([token.0], |row| {
            Ok(SessionOwner {
                session: column::uuid(row, 0).map(SessionId)?,
                user: column::user_id(row, 1)?,
            })
        })
        .optional()?;
    Ok(owner.ok_or(DirectoryError::NotFound)?)
}

pub(crate) fn sessions(connection: &Connection, user: &UserId) -> Answer<Vec<Session>> {
    let mut statement = connection.prepare_cached(
        "SELECT session.id, device_name, session.created_at
         FROM user JOIN session ON session.user = user.key
         WHERE user.id = ?1 ORDER BY session.created_at, session.key",
    )?;
    let sessions = statement
        .query_map([user.as_str()], |row| {
            Ok(Session {
                id: column::uuid(row, 0).map(SessionId)?,
                device_name: row.get(1)?,
                created_at: column::timestamp(row, 2)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(sessions)
}

pub(crate) fn ended_sessions(
    connection: &Connection,
    sessions: Vec<SessionId>,
) -> Answer<Vec<SessionId>> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM session WHERE id = ?1")?;
    let mut ended = Vec::new();
    for session in sessions {
        if !statement.exists([session.0.into_bytes()])? {
            ended.push(session);
        }
    }
    Ok(ended)
}

pub(crate) fn revoke_session(
    connection: &Connection,
    user: &UserId,
    session: SessionId,
) -> Answer<()> {
    let ended = connection
        .prepare_cached(
            "DELETE FROM session
             WHERE id = ?1 AND user = (SELECT key FROM user WHERE user.id = ?2)",
        )?
        .execute((session.0.into_bytes(), user.as_str()))?;
    found(ended)
}

pub(crate) fn create_api_key(
    connection: &Connection,
    name: &str,
    key: SecretHash,
    at: Timestamp,
) -> Answer<()> {
    let made = connection
        .prepare_cached(
            "INSERT INTO api_key (name, hash, created_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?
        .execute((name, key.0, at.0))?;
    if made == 0 {
        return Err(DirectoryError::Taken.into());
    }
    Ok(())
}

pub(crate) fn api_key(connection: &Connection, key: SecretHash) -> Answer<ApiKey> {
    let found = connection
        .prepare_cached("SELECT name, created_at FROM api_key WHERE hash = ?1")?
        .query_row([key.0], api_key_row)
        .optional()?;
    Ok(found.ok_or(DirectoryError::NotFound)?)
}

pub(crate) fn api_keys(connection: &Connection) -> Answer<Vec<ApiKey>> {
    let mut statement =
        connection.prepare_cached("SELECT name, created_at FROM api_key ORDER BY name")?;
    let keys = statement
        .query_map([], api_key_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(keys)
}

fn api_key_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        name: row.get(0)?,
        created_at: column::timestamp(row, 1)?,
    })
}

pub(crate) fn revoke_api_key(connection: &Connection, name: &str) -> Answer<()> {
    let ended = connection
        .prepare_cached("DELETE FROM api_key WHERE name = ?1")?
        .execute([name])?;
    found(ended)
}

fn found(rows: usize) -> Answer<()> {
    if rows == 0 {
        return Err(DirectoryError::NotFound.into());
    }
    Ok(())
}

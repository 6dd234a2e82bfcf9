//! People, sessions and keys as rows. Whoever writes looks first: a refusal has written nothing.

use rusqlite::{Connection, OptionalExtension, Row};
use tidemark_core::names;
use tidemark_core::{ConversationId, SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::columns::{Origin, words};
use crate::{
    ApiKey, Credentials, DirectoryError, KeyPowers, NewAccount, NewApiKey, NewBot, NewSession,
    ProfileChange, SecretHash, Session, SessionOwner, User, UserOrigin,
};

use super::column;
use super::fault::Fault;
use super::lookup;

pub(crate) type Answer<T> = Result<T, Fault<DirectoryError>>;

/// Of a user, as [`user_row`] reads them.
const USER_COLUMNS: &str = "id, display_name, avatar, origin, shows_last_seen,
    password_hash IS NOT NULL AS has_password";

/// Sorts behind every text that begins with what stands before it.
const AFTER_ALL: char = char::MAX;

pub(crate) fn create_account(connection: &Connection, account: &NewAccount) -> Answer<User> {
    let NewAccount {
        id,
        display_name,
        password_hash,
        at,
    } = account;
    let display_name = display_name.as_deref();
    add_user(connection, id, display_name, Some(password_hash), *at)
}

pub(crate) fn create_bot(connection: &Connection, bot: &NewBot) -> Answer<User> {
    add_user(
        connection,
        &bot.id,
        bot.display_name.as_deref(),
        None,
        bot.at,
    )
}

/// Adds somebody with a name of this installation. Whoever has no password is a bot.
fn add_user(
    connection: &Connection,
    user_id: &UserId,
    display_name: Option<&str>,
    password_hash: Option<&str>,
    at: Timestamp,
) -> Answer<User> {
    let id = user_id.as_str();
    let skeleton = names::skeleton(id);
    let is_taken: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM user WHERE id = ?1)
                OR EXISTS (SELECT 1 FROM user WHERE id = ?1 COLLATE NOCASE AND origin = 0)
                OR EXISTS (SELECT 1 FROM user WHERE skeleton = ?2 AND origin = 0)",
        )?
        .query_row([id, &skeleton], |row| row.get(0))?;
    if is_taken || user_id.is_reserved() {
        return Err(DirectoryError::Taken.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO user (id, origin, display_name, password_hash, created_at, skeleton)
             VALUES (?1, 0, ?2, ?3, ?4, ?5)",
        )?
        .execute((id, display_name, password_hash, at.0, skeleton))?;
    user(connection, user_id)
}

pub(crate) fn bots(connection: &Connection, entries_max: usize) -> Answer<Vec<User>> {
    let sql = format!(
        "SELECT {USER_COLUMNS} FROM user
         WHERE origin = 0 AND password_hash IS NULL ORDER BY id LIMIT ?1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let bots = statement.query_map([entries_max], user_row)?;
    Ok(bots.collect::<rusqlite::Result<_>>()?)
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
        .prepare_cached(&format!(
            "SELECT {USER_COLUMNS} FROM user WHERE id = ?1 AND origin <> 2"
        ))?
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
        origin: match (row.get::<_, i64>(3)?, row.get(5)?) {
            (number, true) if number == Origin::Local as i64 => UserOrigin::Local,
            (number, false) if number == Origin::Local as i64 => UserOrigin::Bot,
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
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {USER_COLUMNS} FROM user WHERE origin <> 2 AND key IN (
            SELECT key FROM user
                WHERE id COLLATE NOCASE >= ?1 AND id COLLATE NOCASE < ?2
            UNION
            SELECT key FROM user
                WHERE display_name IS NOT NULL
                AND display_name COLLATE NOCASE >= ?1 AND display_name COLLATE NOCASE < ?2)
         ORDER BY id LIMIT ?3"
    ))?;
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
        .prepare_cached(
            "UPDATE user SET password_hash = ?2
             WHERE id = ?1 AND origin = 0 AND password_hash IS NOT NULL",
        )?
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

const KEY_COLUMNS: &str = "name, created_at, acts_as, scopes, conversation";

pub(crate) fn create_api_key(connection: &Connection, key: &NewApiKey) -> Answer<()> {
    let powers = &key.powers;
    if let Some(acts_as) = &powers.user {
        user(connection, acts_as)?;
    }
    let made = connection
        .prepare_cached(
            "INSERT INTO api_key (name, hash, created_at, acts_as, scopes, conversation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute((
            &key.name,
            key.hash.0,
            key.at.0,
            powers.user.as_ref().map(UserId::as_str),
            powers.scopes.as_deref().map(words::joined),
            powers.conversation.map(|id| id.0.into_bytes()),
        ))?;
    if made == 0 {
        return Err(DirectoryError::Taken.into());
    }
    Ok(())
}

pub(crate) fn api_key(connection: &Connection, key: SecretHash) -> Answer<ApiKey> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {KEY_COLUMNS} FROM api_key WHERE hash = ?1"
        ))?
        .query_row([key.0], api_key_row)
        .optional()?;
    Ok(found.ok_or(DirectoryError::NotFound)?)
}

pub(crate) fn api_keys(connection: &Connection) -> Answer<Vec<ApiKey>> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM api_key ORDER BY name");
    let mut statement = connection.prepare_cached(&sql)?;
    let keys = statement
        .query_map([], api_key_row)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(keys)
}

fn api_key_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let acts_as: Option<String> = row.get(2)?;
    let scopes: Option<String> = row.get(3)?;
    let conversation: Option<[u8; 16]> = row.get(4)?;
    Ok(ApiKey {
        name: row.get(0)?,
        created_at: column::timestamp(row, 1)?,
        powers: KeyPowers {
            user: match acts_as {
                Some(_) => Some(column::user_id(row, 2)?),
                None => None,
            },
            scopes: scopes.as_deref().map(words::split),
            conversation: conversation.map(|id| ConversationId(Uuid::from_bytes(id))),
        },
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

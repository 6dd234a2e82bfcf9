//! People, sessions and keys as rows. Every change is one statement, which checks and writes.

use tidemark_core::names;
use tidemark_core::{ConversationId, SessionId, Timestamp, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::columns::{Origin, words};
use crate::{
    ApiKey, Credentials, KeyPowers, NewAccount, NewApiKey, NewBot, NewSession, ProfileChange,
    SecretHash, Session, SessionOwner, User, UserOrigin,
};

use super::column::{self, page_size};
use super::fault::Trouble;
use super::statement::Statement;
use super::text;

/// Sorts behind every text that begins with what stands before it.
const AFTER_ALL: char = char::MAX;

/// Returns the user unless the name is taken.
pub(crate) fn create_account(account: &NewAccount) -> Statement {
    let NewAccount {
        id,
        display_name,
        password_hash,
        at,
    } = account;
    let display_name = display_name.as_deref();
    add_user(id, display_name, Some(password_hash.clone()), *at)
}

/// As for an account.
pub(crate) fn create_bot(bot: &NewBot) -> Statement {
    add_user(&bot.id, bot.display_name.as_deref(), None, bot.at)
}

/// Adds somebody with a name of this installation. Whoever has no password is a bot.
fn add_user(
    id: &UserId,
    display_name: Option<&str>,
    password_hash: Option<String>,
    at: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO tidemark.person (id, origin, display_name, password_hash, created_at, skeleton)
         VALUES ($1, 0, $2, $3, $4, $5) ON CONFLICT DO NOTHING
         RETURNING id, display_name, avatar, origin, shows_last_seen, password_hash IS NOT NULL",
    )
    .text(id.to_string())
    .text(display_name.map(kept))
    .text(password_hash)
    .number(at.0)
    .text(names::skeleton(id.as_str()))
}

pub(crate) fn bots(entries_max: usize) -> Statement {
    Statement::new(
        "SELECT id, display_name, avatar, origin, shows_last_seen, password_hash IS NOT NULL
         FROM tidemark.person WHERE origin = 0 AND password_hash IS NULL ORDER BY id LIMIT $1",
    )
    .number(page_size(entries_max))
}

/// Returns a row if [`ensure_external_users`] would change something.
pub(crate) fn unknown_users(users: &[(UserId, Option<String>)], rename: bool) -> Statement {
    let (ids, names) = columns_of(users);
    Statement::new(
        "SELECT 1 FROM unnest($1::text[], $2::text[]) AS u(id, name)
         LEFT JOIN tidemark.person AS p ON p.id = u.id
         WHERE p.key IS NULL
            OR ($3 AND p.origin = 1 AND u.name IS NOT NULL
                AND p.display_name IS DISTINCT FROM u.name)
         LIMIT 1",
    )
    .texts(ids)
    .optional_texts(names)
    .flag(rename)
}

/// In the order of their ids, so that two who bring the same people do not wait for each other. Of a user
/// who is named more than once the last name counts, but for one who is new without renaming the first.
pub(crate) fn ensure_external_users(
    users: &[(UserId, Option<String>)],
    rename: bool,
    at: Timestamp,
) -> Statement {
    let (ids, names) = columns_of(users);
    Statement::new(
        "INSERT INTO tidemark.person AS p (id, origin, display_name, created_at)
         SELECT id, 1, name, $4 FROM (
            SELECT DISTINCT ON (id) id, name FROM unnest($1::text[], $2::text[])
                WITH ORDINALITY AS u(id, name, place)
            ORDER BY id, $3 AND name IS NULL, CASE WHEN $3 THEN -place ELSE place END) AS u
         ORDER BY id
         ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name
            WHERE $3 AND p.origin = 1 AND excluded.display_name IS NOT NULL
                AND p.display_name IS DISTINCT FROM excluded.display_name",
    )
    .texts(ids)
    .optional_texts(names)
    .flag(rename)
    .number(at.0)
}

fn columns_of(users: &[(UserId, Option<String>)]) -> (Vec<String>, Vec<Option<String>>) {
    users
        .iter()
        .filter(|(id, _)| !id.is_reserved())
        .map(|(id, name)| (id.to_string(), name.as_deref().map(kept)))
        .unzip()
}

pub(crate) fn user(id: &UserId) -> Statement {
    Statement::new(
        "SELECT id, display_name, avatar, origin, shows_last_seen, password_hash IS NOT NULL
         FROM tidemark.person WHERE id = $1 AND origin <> 2",
    )
    .text(id.to_string())
}

pub(crate) fn user_row(row: &Row) -> Result<User, Trouble> {
    let id = column::user_id(row, 0)?;
    Ok(User {
        username: id.to_string(),
        id,
        display_name: column::prose(row, 1)?,
        avatar: column::prose(row, 2)?,
        origin: match (column::get::<i16>(row, 3)?, column::get(row, 5)?) {
            (number, true) if number == Origin::Local as i16 => UserOrigin::Local,
            (number, false) if number == Origin::Local as i16 => UserOrigin::Bot,
            _ => UserOrigin::External,
        },
        shows_last_seen: column::get(row, 4)?,
    })
}

pub(crate) fn users_by_prefix(prefix: &str, entries_max: usize) -> Statement {
    let begin = kept(prefix).to_ascii_lowercase();
    let end = format!("{begin}{AFTER_ALL}");
    Statement::new(
        "SELECT id, display_name, avatar, origin, shows_last_seen, password_hash IS NOT NULL
         FROM tidemark.person WHERE origin <> 2 AND key IN (
            SELECT key FROM tidemark.person WHERE lower(id) >= $1 AND lower(id) < $2
            UNION
            SELECT key FROM tidemark.person WHERE display_name IS NOT NULL
                AND lower(display_name) >= $1 AND lower(display_name) < $2)
         ORDER BY id LIMIT $3",
    )
    .text(begin)
    .text(end)
    .number(page_size(entries_max))
}

/// Returns the changed user, if there is one.
pub(crate) fn update_profile(id: &UserId, change: ProfileChange) -> Statement {
    Statement::new(
        "UPDATE tidemark.person SET
            display_name = CASE WHEN $2 THEN $3 ELSE display_name END,
            avatar = CASE WHEN $4 THEN $5 ELSE avatar END,
            shows_last_seen = CASE WHEN $6 THEN $7 ELSE shows_last_seen END
         WHERE id = $1 AND origin <> 2
         RETURNING id, display_name, avatar, origin, shows_last_seen, password_hash IS NOT NULL",
    )
    .text(id.to_string())
    .flag(change.display_name.is_some())
    .text(change.display_name.flatten().as_deref().map(kept))
    .flag(change.avatar.is_some())
    .text(change.avatar.flatten().as_deref().map(kept))
    .flag(change.shows_last_seen.is_some())
    .flag(change.shows_last_seen.unwrap_or_default())
}

pub(crate) fn hiding_last_seen(users: &[UserId]) -> Statement {
    Statement::new(
        "SELECT id FROM tidemark.person WHERE id = ANY($1::text[]) AND NOT shows_last_seen",
    )
    .texts(users.iter().map(ToString::to_string).collect())
}

pub(crate) fn credentials(username: &str) -> Statement {
    Statement::new(
        "SELECT id, password_hash FROM tidemark.person
         WHERE lower(id) = $1 AND origin = 0 AND password_hash IS NOT NULL",
    )
    .text(kept(username).to_ascii_lowercase())
}

pub(crate) fn credentials_row(row: &Row) -> Result<Credentials, Trouble> {
    Ok(Credentials {
        user: column::user_id(row, 0)?,
        password_hash: column::get(row, 1)?,
    })
}

/// Returns a row if there is such a user.
pub(crate) fn set_password(id: &UserId, hash: String) -> Statement {
    Statement::new(
        "UPDATE tidemark.person SET password_hash = $2
         WHERE id = $1 AND origin = 0 AND password_hash IS NOT NULL RETURNING 1",
    )
    .text(id.to_string())
    .text(hash)
}

/// Returns whether there is such a user, and whether the session was made.
pub(crate) fn create_session(session: &NewSession) -> Statement {
    Statement::new(
        "WITH owner AS (
            SELECT key FROM tidemark.person WHERE id = $3 AND origin <> 2
         ), made AS (
            INSERT INTO tidemark.session (id, token, person, device_name, created_at)
            SELECT $1, $2, key, $4, $5 FROM owner
            ON CONFLICT DO NOTHING RETURNING 1
         )
         SELECT EXISTS (SELECT 1 FROM owner), EXISTS (SELECT 1 FROM made)",
    )
    .uuid(session.id.0)
    .bytes(session.token.0)
    .text(session.user.to_string())
    .text(session.device_name.as_deref().map(kept))
    .number(session.at.0)
}

pub(crate) fn session_by_token(token: SecretHash) -> Statement {
    Statement::new(
        "SELECT s.id, p.id FROM tidemark.session AS s
         JOIN tidemark.person AS p ON p.key = s.person
         WHERE s.token = $1",
    )
    .bytes(token.0)
}

pub(crate) fn session_owner_row(row: &Row) -> Result<SessionOwner, Trouble> {
    Ok(SessionOwner {
        session: column::get::<Uuid>(row, 0).map(SessionId)?,
        user: column::user_id(row, 1)?,
    })
}

pub(crate) fn sessions(user: &UserId) -> Statement {
    Statement::new(
        "SELECT s.id, s.device_name, s.created_at FROM tidemark.person AS p
         JOIN tidemark.session AS s ON s.person = p.key
         WHERE p.id = $1 ORDER BY s.created_at, s.key",
    )
    .text(user.to_string())
}

pub(crate) fn session_row(row: &Row) -> Result<Session, Trouble> {
    Ok(Session {
        id: column::get::<Uuid>(row, 0).map(SessionId)?,
        device_name: column::prose(row, 1)?,
        created_at: column::timestamp(row, 2)?,
    })
}

pub(crate) fn ended_sessions(sessions: &[SessionId]) -> Statement {
    Statement::new(
        "SELECT asked.id FROM unnest($1::uuid[]) AS asked(id)
         WHERE NOT EXISTS (SELECT 1 FROM tidemark.session AS s WHERE s.id = asked.id)",
    )
    .uuids(sessions.iter().map(|session| session.0).collect())
}

/// Returns a row if there was such a session.
pub(crate) fn revoke_session(user: &UserId, session: SessionId) -> Statement {
    Statement::new(
        "DELETE FROM tidemark.session
         WHERE id = $1 AND person = (SELECT key FROM tidemark.person WHERE id = $2)
         RETURNING 1",
    )
    .uuid(session.0)
    .text(user.to_string())
}

/// Returns whether there is the user as whom it is to act, and whether it was made.
pub(crate) fn create_api_key(key: NewApiKey) -> Statement {
    let powers = key.powers;
    Statement::new(
        "WITH actor AS (
            SELECT 1 WHERE $4::text IS NULL
                OR EXISTS (SELECT FROM tidemark.person WHERE id = $4 AND origin <> 2)
         ), made AS (
            INSERT INTO tidemark.api_key (name, hash, created_at, acts_as, scopes, conversation)
            SELECT $1, $2, $3, $4, $5, $6 FROM actor
            ON CONFLICT DO NOTHING RETURNING 1
         )
         SELECT EXISTS (SELECT 1 FROM actor), EXISTS (SELECT 1 FROM made)",
    )
    .text(kept(&key.name))
    .bytes(key.hash.0)
    .number(key.at.0)
    .text(powers.user.map(|user| user.to_string()))
    .text(powers.scopes.as_deref().map(words::joined))
    .optional_uuid(powers.conversation.map(|id| id.0))
}

pub(crate) fn api_key(key: SecretHash) -> Statement {
    Statement::new(
        "SELECT name, created_at, acts_as, scopes, conversation
         FROM tidemark.api_key WHERE hash = $1",
    )
    .bytes(key.0)
}

pub(crate) fn api_keys() -> Statement {
    Statement::new(
        "SELECT name, created_at, acts_as, scopes, conversation
         FROM tidemark.api_key ORDER BY name",
    )
}

pub(crate) fn api_key_row(row: &Row) -> Result<ApiKey, Trouble> {
    let acts_as: Option<String> = column::get(row, 2)?;
    let scopes: Option<String> = column::get(row, 3)?;
    let conversation: Option<Uuid> = column::get(row, 4)?;
    Ok(ApiKey {
        name: text::original(column::get(row, 0)?),
        created_at: column::timestamp(row, 1)?,
        powers: KeyPowers {
            user: match acts_as {
                Some(_) => Some(column::user_id(row, 2)?),
                None => None,
            },
            scopes: scopes.as_deref().map(words::split),
            conversation: conversation.map(ConversationId),
        },
    })
}

/// Returns a row if there was such a key.
pub(crate) fn revoke_api_key(name: &str) -> Statement {
    Statement::new("DELETE FROM tidemark.api_key WHERE name = $1 RETURNING 1").text(kept(name))
}

fn kept(text: &str) -> String {
    text::kept(text).into_owned()
}

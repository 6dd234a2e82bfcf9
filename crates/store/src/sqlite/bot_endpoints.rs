//! [`BotEndpoints`] for SQLite: a table of a few rows.

use rusqlite::{Connection, Row};
use tidemark_core::UserId;

use crate::columns::{commands, words};
use crate::{BOT_ENDPOINTS_MAX, BotEndpoint, BotEndpointError, BotEndpoints};

use super::SqliteStore;
use super::column;
use super::fault::{Fault, Heard};

type Answer<T> = Result<T, BotEndpointError>;
type Step<T> = Result<T, Fault<BotEndpointError>>;

impl From<BotEndpointError> for Fault<BotEndpointError> {
    fn from(error: BotEndpointError) -> Self {
        Self::Answer(error)
    }
}

impl Heard for BotEndpointError {
    type Error = Self;

    fn heard(self) -> Self {
        self
    }

    fn unavailable() -> Self {
        Self::Unavailable
    }
}

impl BotEndpoints for SqliteStore {
    async fn set_bot_endpoint(&self, endpoint: BotEndpoint) -> Answer<()> {
        self.writer
            .change(move |connection| set(connection, &endpoint))
            .await
    }

    async fn bot_endpoints(&self) -> Answer<Vec<BotEndpoint>> {
        self.readers.read(all).await
    }

    async fn remove_bot_endpoint(&self, bot: &UserId) -> Answer<()> {
        let bot = bot.clone();
        self.writer
            .change(move |connection| {
                let sql = "DELETE FROM bot_endpoint WHERE bot = ?1";
                match connection.execute(sql, [bot.as_str()])? {
                    0 => Err(BotEndpointError::Unknown.into()),
                    _ => Ok(()),
                }
            })
            .await
    }
}

fn set(connection: &Connection, endpoint: &BotEndpoint) -> Step<()> {
    let bot = endpoint.bot.as_str();
    let sql = "SELECT 1 FROM user WHERE id = ?1 AND origin = 0 AND password_hash IS NULL";
    if !connection.prepare_cached(sql)?.exists([bot])? {
        return Err(BotEndpointError::Unknown.into());
    }
    let mut others = all(connection)?;
    others.retain(|other| other.bot != endpoint.bot);
    let is_ours = |name: &str| endpoint.commands.iter().any(|it| it.name == name);
    let mut theirs = others.iter().flat_map(|other| &other.commands);
    if theirs.any(|command| is_ours(&command.name)) {
        return Err(BotEndpointError::Taken.into());
    }
    if others.len() >= BOT_ENDPOINTS_MAX {
        return Err(BotEndpointError::Full.into());
    }
    connection.execute(
        "INSERT OR REPLACE INTO bot_endpoint (bot, url, secrets, commands)
         VALUES (?1, ?2, ?3, ?4)",
        (
            bot,
            &endpoint.url,
            words::joined(&endpoint.secrets),
            commands::lines(&endpoint.commands),
        ),
    )?;
    Ok(())
}

fn all(connection: &Connection) -> Step<Vec<BotEndpoint>> {
    let sql = "SELECT bot, url, secrets, commands FROM bot_endpoint ORDER BY bot";
    let mut statement = connection.prepare_cached(sql)?;
    let endpoints = statement.query_map([], endpoint)?;
    Ok(endpoints.collect::<rusqlite::Result<_>>()?)
}

fn endpoint(row: &Row) -> rusqlite::Result<BotEndpoint> {
    let secrets: String = row.get(2)?;
    let lines: String = row.get(3)?;
    Ok(BotEndpoint {
        bot: column::user_id(row, 0)?,
        url: row.get(1)?,
        secrets: words::split(&secrets),
        commands: commands::parse(&lines),
    })
}

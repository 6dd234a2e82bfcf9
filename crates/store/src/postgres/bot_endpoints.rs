//! [`BotEndpoints`] for PostgreSQL: a table of a few rows.

use tidemark_core::UserId;
use tokio_postgres::Row;

use crate::columns::{commands, words};
use crate::{BOT_ENDPOINTS_MAX, BotEndpoint, BotEndpointError, BotEndpoints};

use super::PostgresStore;
use super::column::{self, page_size};
use super::fault::Trouble;
use super::statement::Statement;

type Answer<T> = Result<T, BotEndpointError>;

/// Whoever sets one waits for whoever else does, so that no two have a command of the same name.
const LOCK: &str = "LOCK TABLE tidemark.bot_endpoint IN SHARE ROW EXCLUSIVE MODE";

/// Says whether there is such a bot, whether another has a command of the same name, and whether it was kept.
const SET: &str = "WITH bot AS (
        SELECT id FROM tidemark.person WHERE id = $1 AND origin = 0 AND password_hash IS NULL
    ), taken AS (
        SELECT 1 FROM tidemark.bot_endpoint WHERE bot <> $1 AND names && $5
    ), kept AS (
        INSERT INTO tidemark.bot_endpoint AS e (bot, url, secrets, commands, names)
        SELECT id, $2, $3, $4, $5 FROM bot
        WHERE NOT EXISTS (SELECT FROM taken)
            AND $6 > (SELECT count(*) FROM tidemark.bot_endpoint WHERE bot <> $1)
        ON CONFLICT (bot) DO UPDATE SET url = excluded.url, secrets = excluded.secrets,
            commands = excluded.commands, names = excluded.names
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM bot), EXISTS (SELECT FROM taken), EXISTS (SELECT FROM kept)";

const ALL: &str = "SELECT bot, url, secrets, commands FROM tidemark.bot_endpoint ORDER BY bot";

const REMOVE: &str = "DELETE FROM tidemark.bot_endpoint WHERE bot = $1 RETURNING 1";

impl From<Trouble> for BotEndpointError {
    fn from(trouble: Trouble) -> Self {
        tracing::error!(%trouble, "what is kept of a bot could not be read or changed");
        Self::Unavailable
    }
}

impl BotEndpoints for PostgresStore {
    async fn set_bot_endpoint(&self, endpoint: BotEndpoint) -> Answer<()> {
        let names = endpoint.commands.iter().map(|it| it.name.clone());
        let set = Statement::new(SET)
            .text(endpoint.bot.to_string())
            .text(endpoint.url)
            .text(words::joined(&endpoint.secrets))
            .text(commands::lines(&endpoint.commands))
            .texts(names.collect())
            .number(page_size(BOT_ENDPOINTS_MAX));
        let in_turn = vec![Statement::new(LOCK), set];
        let mut answers = self.connections.change_in_order(in_turn).await?;
        let rows = answers.pop().unwrap_or_default();
        let row = rows.first().ok_or(BotEndpointError::Unavailable)?;
        match (
            column::get(row, 0)?,
            column::get(row, 1)?,
            column::get(row, 2)?,
        ) {
            (false, _, _) => Err(BotEndpointError::Unknown),
            (true, true, _) => Err(BotEndpointError::Taken),
            (true, false, false) => Err(BotEndpointError::Full),
            (true, false, true) => Ok(()),
        }
    }

    async fn bot_endpoints(&self) -> Answer<Vec<BotEndpoint>> {
        let mut answers = self.connections.read(&[Statement::new(ALL)]).await?;
        let rows = answers.pop().unwrap_or_default();
        Ok(rows.iter().map(endpoint).collect::<Result<_, _>>()?)
    }

    async fn remove_bot_endpoint(&self, bot: &UserId) -> Answer<()> {
        let remove = Statement::new(REMOVE).text(bot.to_string());
        let rows = self.connections.change(remove).await?;
        if rows.is_empty() {
            return Err(BotEndpointError::Unknown);
        }
        Ok(())
    }
}

fn endpoint(row: &Row) -> Result<BotEndpoint, Trouble> {
    let secrets: String = column::get(row, 2)?;
    let lines: String = column::get(row, 3)?;
    Ok(BotEndpoint {
        bot: column::user_id(row, 0)?,
        url: column::get(row, 1)?,
        secrets: words::split(&secrets),
        commands: commands::parse(&lines),
    })
}

//! [`Webhooks`] for SQLite: a table of a few rows.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidemark_core::{Position, Timestamp};
use uuid::Uuid;

use crate::columns::words::{joined, joined_ids, split, split_ids};
use crate::{Disabled, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookError, Webhooks};

use super::SqliteStore;
use super::fault::{Fault, Heard};

type Answer<T> = Result<T, WebhookError>;
type Step<T> = Result<T, Fault<WebhookError>>;

const COLUMNS: &str = "id, url, description, kinds, conversations, secrets, created_at, disabled_at, disabled_why, told";

impl From<WebhookError> for Fault<WebhookError> {
    fn from(error: WebhookError) -> Self {
        Self::Answer(error)
    }
}

impl Heard for WebhookError {
    type Error = Self;

    fn heard(self) -> Self {
        self
    }

    fn unavailable() -> Self {
        Self::Unavailable
    }
}

impl Webhooks for SqliteStore {
    async fn create_webhook(&self, webhook: Webhook) -> Answer<()> {
        self.writer
            .change(move |connection| {
                let sql = "SELECT count(*) FROM webhook";
                let others: usize = connection.query_row(sql, [], |row| row.get(0))?;
                if others >= WEBHOOKS_MAX {
                    return Err(WebhookError::Full.into());
                }
                keep(connection, &webhook)
            })
            .await
    }

    async fn webhooks(&self) -> Answer<Vec<Webhook>> {
        self.readers
            .read(|connection| {
                let sql = format!("SELECT {COLUMNS} FROM webhook ORDER BY id");
                let mut statement = connection.prepare_cached(&sql)?;
                let webhooks = statement.query_map([], webhook)?;
                Step::Ok(webhooks.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn change_webhook(&self, id: Uuid, change: WebhookChange) -> Answer<Webhook> {
        self.writer
            .change(move |connection| {
                let sql = format!("SELECT {COLUMNS} FROM webhook WHERE id = ?1");
                let mut statement = connection.prepare_cached(&sql)?;
                let found = statement.query_row([id.into_bytes()], webhook);
                let mut changed = found.optional()?.ok_or(WebhookError::Unknown)?;
                change.apply(&mut changed);
                keep(connection, &changed)?;
                Step::Ok(changed)
            })
            .await
    }

    async fn note_told(&self, id: Uuid, told: Position) -> Answer<()> {
        self.writer
            .change(move |connection| {
                let sql = "UPDATE webhook SET told = ?2 WHERE id = ?1";
                found(connection.execute(sql, (id.into_bytes(), told.0))?)
            })
            .await
    }

    async fn delete_webhook(&self, id: Uuid) -> Answer<()> {
        self.writer
            .change(move |connection| {
                let sql = "DELETE FROM webhook WHERE id = ?1";
                found(connection.execute(sql, [id.into_bytes()])?)
            })
            .await
    }
}

fn found(rows: usize) -> Step<()> {
    match rows {
        0 => Err(WebhookError::Unknown.into()),
        _ => Ok(()),
    }
}

fn keep(connection: &Connection, webhook: &Webhook) -> Step<()> {
    let (at, why) = webhook
        .disabled
        .as_ref()
        .map(|it| (it.at.0, &it.reason))
        .unzip();
    let sql = format!(
        "INSERT OR REPLACE INTO webhook ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    );
    connection.execute(
        &sql,
        params![
            webhook.id.into_bytes(),
            webhook.url,
            webhook.description,
            webhook.kinds.as_deref().map(joined),
            webhook.conversations.as_deref().map(joined_ids),
            joined(&webhook.secrets),
            webhook.created_at.0,
            at,
            why,
            webhook.told.0,
        ],
    )?;
    Ok(())
}

fn webhook(row: &Row) -> rusqlite::Result<Webhook> {
    let kinds: Option<String> = row.get(3)?;
    let conversations: Option<String> = row.get(4)?;
    let secrets: String = row.get(5)?;
    let disabled_at: Option<i64> = row.get(7)?;
    Ok(Webhook {
        id: Uuid::from_bytes(row.get(0)?),
        url: row.get(1)?,
        description: row.get(2)?,
        kinds: kinds.as_deref().map(split),
        conversations: conversations.as_deref().map(split_ids),
        secrets: split(&secrets),
        created_at: Timestamp(row.get(6)?),
        disabled: match disabled_at {
            Some(at) => Some(Disabled {
                at: Timestamp(at),
                reason: row.get(8)?,
            }),
            None => None,
        },
        told: Position(row.get(9)?),
    })
}

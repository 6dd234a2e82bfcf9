//! [`Webhooks`] for PostgreSQL: a table of a few rows.

use tidemark_core::{Position, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::columns::words::{joined, joined_ids, split, split_ids};
use crate::{Disabled, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookError, Webhooks};

use super::PostgresStore;
use super::column::{self, page_size, signed};
use super::fault::Trouble;
use super::statement::Statement;
use super::text;

type Answer<T> = Result<T, WebhookError>;

/// Whoever makes one waits for whoever else does, so that both count right.
const LOCK: &str = "LOCK TABLE tidemark.webhook IN SHARE ROW EXCLUSIVE MODE";

const CREATE: &str = "INSERT INTO tidemark.webhook
        (id, url, description, kinds, conversations, secrets, created_at, disabled_at, disabled_why, told)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
    WHERE (SELECT count(*) FROM tidemark.webhook) < $11 RETURNING 1";

const ALL: &str = "SELECT id, url, description, kinds, conversations, secrets, created_at, disabled_at, disabled_why, told
    FROM tidemark.webhook ORDER BY id";

/// A flag before each value says whether it changes.
const CHANGE: &str = "UPDATE tidemark.webhook SET
        url = coalesce($2, url),
        description = CASE WHEN $3 THEN $4 ELSE description END,
        kinds = CASE WHEN $5 THEN $6 ELSE kinds END,
        conversations = CASE WHEN $7 THEN $8 ELSE conversations END,
        secrets = coalesce($9, secrets),
        disabled_at = CASE WHEN $10 THEN $11 ELSE disabled_at END,
        disabled_why = CASE WHEN $10 THEN $12 ELSE disabled_why END
    WHERE id = $1
    RETURNING id, url, description, kinds, conversations, secrets, created_at, disabled_at, disabled_why, told";

const NOTE_TOLD: &str = "UPDATE tidemark.webhook SET told = $2 WHERE id = $1 RETURNING 1";

const DELETE: &str = "DELETE FROM tidemark.webhook WHERE id = $1 RETURNING 1";

impl From<Trouble> for WebhookError {
    fn from(trouble: Trouble) -> Self {
        tracing::error!(%trouble, "what is kept of a webhook could not be read or changed");
        Self::Unavailable
    }
}

impl PostgresStore {
    async fn change_found(&self, statement: Statement) -> Answer<Vec<Row>> {
        let rows = self.connections.change(statement).await?;
        if rows.is_empty() {
            return Err(WebhookError::Unknown);
        }
        Ok(rows)
    }
}

impl Webhooks for PostgresStore {
    async fn create_webhook(&self, webhook: Webhook) -> Answer<()> {
        let (at, why) = webhook.disabled.map(|it| (it.at.0, it.reason)).unzip();
        let create = Statement::new(CREATE)
            .uuid(webhook.id)
            .text(webhook.url)
            .text(webhook.description.as_deref().map(kept))
            .text(webhook.kinds.as_deref().map(joined))
            .text(webhook.conversations.as_deref().map(joined_ids))
            .text(joined(&webhook.secrets))
            .number(webhook.created_at.0)
            .number(at)
            .text(why.as_deref().map(kept))
            .number(signed(webhook.told.0))
            .number(page_size(WEBHOOKS_MAX));
        let in_turn = vec![Statement::new(LOCK), create];
        let mut answers = self.connections.change_in_order(in_turn).await?;
        if answers.pop().is_none_or(|rows| rows.is_empty()) {
            return Err(WebhookError::Full);
        }
        Ok(())
    }

    async fn webhooks(&self) -> Answer<Vec<Webhook>> {
        let mut answers = self.connections.read(&[Statement::new(ALL)]).await?;
        let rows = answers.pop().unwrap_or_default();
        Ok(rows.iter().map(webhook).collect::<Result<_, _>>()?)
    }

    async fn change_webhook(&self, id: Uuid, change: WebhookChange) -> Answer<Webhook> {
        let disabled = change.disabled.clone().flatten();
        let (at, why) = disabled.map(|it| (it.at.0, it.reason)).unzip();
        let conversations = change.conversations.as_ref();
        let conversations = conversations.and_then(|it| it.as_deref().map(joined_ids));
        let change = Statement::new(CHANGE)
            .uuid(id)
            .text(change.url)
            .flag(change.description.is_some())
            .text(change.description.flatten().as_deref().map(kept))
            .flag(change.kinds.is_some())
            .text(change.kinds.flatten().as_deref().map(joined))
            .flag(change.conversations.is_some())
            .text(conversations)
            .text(change.secrets.as_deref().map(joined))
            .flag(change.disabled.is_some())
            .number(at)
            .text(why.as_deref().map(kept));
        let rows = self.change_found(change).await?;
        Ok(webhook(&rows[0])?)
    }

    async fn note_told(&self, id: Uuid, told: Position) -> Answer<()> {
        let note = Statement::new(NOTE_TOLD).uuid(id).number(signed(told.0));
        self.change_found(note).await?;
        Ok(())
    }

    async fn delete_webhook(&self, id: Uuid) -> Answer<()> {
        self.change_found(Statement::new(DELETE).uuid(id)).await?;
        Ok(())
    }
}

fn kept(prose: &str) -> String {
    text::kept(prose).into_owned()
}

fn webhook(row: &Row) -> Result<Webhook, Trouble> {
    let kinds: Option<String> = column::get(row, 3)?;
    let conversations: Option<String> = column::get(row, 4)?;
    let secrets: String = column::get(row, 5)?;
    let disabled_at: Option<i64> = column::get(row, 7)?;
    Ok(Webhook {
        id: column::get(row, 0)?,
        url: column::get(row, 1)?,
        description: column::prose(row, 2)?,
        kinds: kinds.as_deref().map(split),
        conversations: conversations.as_deref().map(split_ids),
        secrets: split(&secrets),
        created_at: column::timestamp(row, 6)?,
        disabled: match disabled_at {
            Some(at) => Some(Disabled {
                at: Timestamp(at),
                reason: column::prose(row, 8)?.unwrap_or_default(),
            }),
            None => None,
        },
        told: column::position(row, 9)?,
    })
}

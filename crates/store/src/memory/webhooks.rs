//! [`Webhooks`] in a plain map.

use std::collections::BTreeMap;

use tidemark_core::Position;
use uuid::Uuid;

use super::{Inner, MemoryStore};
use crate::{Health, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookError, Webhooks};

/// All of them.
pub(super) type KeptWebhooks = BTreeMap<Uuid, Webhook>;

type Answer<T> = Result<T, WebhookError>;

impl Inner {
    fn webhooks(&mut self) -> Answer<&mut KeptWebhooks> {
        match self.health {
            Health::Accepting => Ok(&mut self.webhooks),
            Health::Recovering | Health::Closed => Err(WebhookError::Unavailable),
        }
    }
}

impl Webhooks for MemoryStore {
    async fn create_webhook(&self, webhook: Webhook) -> Answer<()> {
        let mut inner = self.lock();
        let webhooks = inner.webhooks()?;
        if webhooks.len() >= WEBHOOKS_MAX {
            return Err(WebhookError::Full);
        }
        webhooks.insert(webhook.id, webhook);
        Ok(())
    }

    async fn webhooks(&self) -> Answer<Vec<Webhook>> {
        let mut inner = self.lock();
        Ok(inner.webhooks()?.values().cloned().collect())
    }

    async fn change_webhook(&self, id: Uuid, change: WebhookChange) -> Answer<Webhook> {
        let mut inner = self.lock();
        let webhook = inner.webhooks()?.get_mut(&id);
        let webhook = webhook.ok_or(WebhookError::Unknown)?;
        change.apply(webhook);
        Ok(webhook.clone())
    }

    async fn note_told(&self, id: Uuid, told: Position) -> Answer<()> {
        let mut inner = self.lock();
        let webhook = inner.webhooks()?.get_mut(&id);
        webhook.ok_or(WebhookError::Unknown)?.told = told;
        Ok(())
    }

    async fn delete_webhook(&self, id: Uuid) -> Answer<()> {
        let mut inner = self.lock();
        let webhook = inner.webhooks()?.remove(&id);
        webhook.map(drop).ok_or(WebhookError::Unknown)
    }
}

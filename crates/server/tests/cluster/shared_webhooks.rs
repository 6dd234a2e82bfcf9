//! Webhooks and bots of the shared store: handed on as they are.

use tidemark_core::{Position, UserId};
use tidemark_store::{
    BotEndpoint, BotEndpointError, BotEndpoints, Store, Webhook, WebhookChange, WebhookError,
    Webhooks,
};
use uuid::Uuid;

use crate::shared_store::SharedStore;

impl<S: Store> Webhooks for SharedStore<S> {
    async fn create_webhook(&self, webhook: Webhook) -> Result<(), WebhookError> {
        self.store.create_webhook(webhook).await
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, WebhookError> {
        self.store.webhooks().await
    }

    async fn change_webhook(
        &self,
        id: Uuid,
        change: WebhookChange,
    ) -> Result<Webhook, WebhookError> {
        self.store.change_webhook(id, change).await
    }

    async fn note_told(&self, id: Uuid, told: Position) -> Result<(), WebhookError> {
        self.store.note_told(id, told).await
    }

    async fn delete_webhook(&self, id: Uuid) -> Result<(), WebhookError> {
        self.store.delete_webhook(id).await
    }
}

impl<S: Store> BotEndpoints for SharedStore<S> {
    async fn set_bot_endpoint(&self, endpoint: BotEndpoint) -> Result<(), BotEndpointError> {
        self.store.set_bot_endpoint(endpoint).await
    }

    async fn bot_endpoints(&self) -> Result<Vec<BotEndpoint>, BotEndpointError> {
        self.store.bot_endpoints().await
    }

    async fn remove_bot_endpoint(&self, bot: &UserId) -> Result<(), BotEndpointError> {
        self.store.remove_bot_endpoint(bot).await
    }
}

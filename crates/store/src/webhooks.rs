//! The contract for addresses that are told of events.

use std::fmt;
use std::future::Future;

use tidemark_core::{ConversationId, Position, Timestamp};
use uuid::Uuid;

/// The most webhooks that are kept: each follows the feed by itself.
pub const WEBHOOKS_MAX: usize = 100;

/// Somebody else's address that is told of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The id.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it is there for.
    pub description: Option<String>,
    /// Of which kinds of events it is told, in the words of the protocol, which have no spaces; of all of them if `None`.
    pub kinds: Option<Vec<String>>,
    /// Of which conversations; of all of them if `None`.
    pub conversations: Option<Vec<ConversationId>>,
    /// What each call is signed with, the newest first; at least one. Kept as they are, as whoever signs must have them. They have no
    /// spaces.
    pub secrets: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when and why it is not called, if it is not.
    pub disabled: Option<Disabled>,
    /// It was told of everything up to here that is for it.
    pub told: Position,
}

/// Without what nobody is to read.
impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Webhook")
            .field("id", &self.id)
            .field("told", &self.told)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// Since when and why a webhook is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// What is to change in a webhook. What is `None` stays as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where it is.
    pub url: Option<String>,
    /// What it is there for; the inner `None` takes it away.
    pub description: Option<Option<String>>,
    /// Of which kinds of events it is told; the inner `None` means all of them.
    pub kinds: Option<Option<Vec<String>>>,
    /// Of which conversations; the inner `None` means all of them.
    pub conversations: Option<Option<Vec<ConversationId>>>,
    /// What each call is signed with.
    pub secrets: Option<Vec<String>>,
    /// Whether it is called: the inner `None` means that it is.
    pub disabled: Option<Option<Disabled>>,
}

impl fmt::Debug for WebhookChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebhookChange")
            .finish_non_exhaustive()
    }
}

impl WebhookChange {
    /// Makes the change.
    pub fn apply(self, webhook: &mut Webhook) {
        let Self {
            url,
            description,
            kinds,
            conversations,
            secrets,
            disabled,
        } = self;
        set(&mut webhook.url, url);
        set(&mut webhook.description, description);
        set(&mut webhook.kinds, kinds);
        set(&mut webhook.conversations, conversations);
        set(&mut webhook.secrets, secrets);
        set(&mut webhook.disabled, disabled);
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Why something about a webhook is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is none with that id.
    #[error("there is no such webhook")]
    Unknown,
    /// There are as many as are kept.
    #[error("there are {WEBHOOKS_MAX} webhooks, which is the most")]
    Full,
    /// The engine cannot do it now; the cause is in the log. It may have happened or not.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Keeps addresses that are told of events. What changed is durable before the future resolves.
pub trait Webhooks: Send + Sync + 'static {
    /// Keeps one more, [`WEBHOOKS_MAX`] at most.
    fn create_webhook(
        &self,
        webhook: Webhook,
    ) -> impl Future<Output = Result<(), WebhookError>> + Send;

    /// All of them, in the order of their ids.
    fn webhooks(&self) -> impl Future<Output = Result<Vec<Webhook>, WebhookError>> + Send;

    /// Changes one, and returns it as it is then.
    fn change_webhook(
        &self,
        id: Uuid,
        change: WebhookChange,
    ) -> impl Future<Output = Result<Webhook, WebhookError>> + Send;

    /// Keeps up to where one was told, whether that is further than before or not.
    fn note_told(
        &self,
        id: Uuid,
        told: Position,
    ) -> impl Future<Output = Result<(), WebhookError>> + Send;

    /// Takes one away.
    fn delete_webhook(&self, id: Uuid) -> impl Future<Output = Result<(), WebhookError>> + Send;
}

//! `/v1/webhooks`: addresses of others that are told of events, and what they are told.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::FeedEntry;
use crate::wire::{WireConversationId, WirePosition, WireTimestamp, present};

/// `POST /v1/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewWebhook {
    /// Where to call, by HTTP or HTTPS; at most 2,048 bytes.
    pub url: String,
    /// What it is there for; at most 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of which kinds of events to tell; of all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Of which conversations to tell, at most 100; of all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<Vec<WireConversationId>>,
    /// Tell of what comes after this position; 0 for all there is. Of what comes from now on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<WirePosition>,
}

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// The id.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it is there for.
    pub description: Option<String>,
    /// Of which kinds of events it is told; `null` for all of them.
    pub kinds: Option<Vec<String>>,
    /// Of which conversations; `null` for all of them.
    pub conversations: Option<Vec<WireConversationId>>,
    /// When it was made.
    pub created_at: WireTimestamp,
    /// Set while it is not called.
    pub disabled: Option<WebhookDisabled>,
    /// It was told of everything up to here that is for it.
    pub told: WirePosition,
    /// What it is called among the pipelines, where its lag and its troubles are.
    pub pipeline: String,
    /// What its calls are signed with. Only in the answers that make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Since when and why a webhook is not called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookDisabled {
    /// Since when.
    pub at: WireTimestamp,
    /// Why.
    pub reason: String,
}

/// `GET /v1/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Webhooks {
    /// In the order in which they were made; at most 100.
    pub webhooks: Vec<Webhook>,
}

/// `PATCH /v1/webhooks/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookPatch {
    /// Where to call.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub url: Option<String>,
    /// What it is there for; `null` takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub description: Option<Option<String>>,
    /// Of which kinds of events to tell; `null` for all of them.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<String>>))]
    pub kinds: Option<Option<Vec<String>>>,
    /// Of which conversations to tell; `null` for all of them.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<WireConversationId>>))]
    pub conversations: Option<Option<Vec<WireConversationId>>>,
    /// Whether it is called. One that is called again is told of everything that it missed.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub enabled: Option<bool>,
}

/// `POST /v1/webhooks/{id}/secret`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SecretWanted {
    /// Whether the secret of before is of no use at once. If not, calls are signed with both until the next one is made.
    #[serde(default)]
    pub drop_old: bool,
}

/// `POST /v1/webhooks/{id}/test`: what came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookTested {
    /// Whether it was answered with a success.
    pub ok: bool,
    /// What went wrong, if anything did.
    pub problem: Option<String>,
}

/// What is sent to a webhook.
///
/// Of two calls that follow each other, the second one's `after` is the first one's `through`: so whoever keeps the last `through`
/// that they have dealt with notices a call that they have lost, as the next one's `after` is beyond it. Calls may come
/// twice, and may overlap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookCall {
    /// Which webhook.
    pub webhook: Uuid,
    /// Everything that is for the webhook after this position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<WirePosition>,
    /// and up to this one, is in `events`. Both are absent for an event that is told long after those that follow it, as it could
    /// not be told in its turn, and for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<WirePosition>,
    /// The events in commit order, and so in the order of each conversation. Empty for a test.
    pub events: Vec<FeedEntry>,
}

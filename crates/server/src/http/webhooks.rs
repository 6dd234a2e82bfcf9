//! `/v1/webhooks`: addresses of others that are told of events.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tidemark_core::{ConversationId, Position};
use tidemark_protocol::wire::{LogEntry, Wire, WireConversationId};
use tidemark_protocol::{Code, body};
use tidemark_store::{Directory, Disabled, Store, Webhook, WebhookChange, WebhookError};
use uuid::Uuid;

use super::extract::{Administrator, Body, BodyIfAny, Ids};
use super::outward::{checked_url, new_secret};
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::webhooks;

const DESCRIPTION_BYTES_MAX: usize = 500;
const CONVERSATIONS_MAX: usize = 100;

/// Have an address told of events. API keys only.
///
/// Its calls are signed with the `secret` of the answer, which is shown only now, as Standard Webhooks says.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks", request_body = body::NewWebhook,
    responses(
        (status = 201, body = body::Webhook),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 409, description = "there are as many as there may be", body = body::Problem),
    ),
)]
pub(super) async fn make<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Body(wanted): Body<body::NewWebhook>,
) -> Result<(StatusCode, Json<body::Webhook>), Problem> {
    let secret = new_secret()?;
    let told = match wanted.after {
        Some(Wire(after)) => after,
        None => head(&gateway).await?,
    };
    let webhook = Webhook {
        id: Uuid::now_v7(),
        url: checked_url(&gateway, &wanted.url)?,
        description: wanted.description.map(checked_description).transpose()?,
        kinds: wanted.kinds.map(checked_kinds).transpose()?,
        conversations: wanted.conversations.map(checked_ids).transpose()?,
        secrets: vec![secret.clone()],
        created_at: gateway.clock.now(),
        disabled: None,
        told,
    };
    gateway.store.create_webhook(webhook.clone()).await?;
    tracing::info!(id = %webhook.id, "a webhook was made");
    gateway.webhooks_bell.notify_one();
    Ok((StatusCode::CREATED, Json(shown(webhook, Some(secret)))))
}

/// All webhooks. API keys only.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = body::Webhooks), (status = 403, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
) -> Result<Json<body::Webhooks>, Problem> {
    let webhooks = gateway.store.webhooks().await?.into_iter();
    Ok(Json(body::Webhooks {
        webhooks: webhooks.map(|webhook| shown(webhook, None)).collect(),
    }))
}

/// One webhook. API keys only.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = body::Webhook),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn webhook<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(id): Ids<Uuid>,
) -> Result<Json<body::Webhook>, Problem> {
    Ok(Json(shown(kept(&gateway, id).await?, None)))
}

/// Change a webhook. What it is told of from now on follows what is said here. API keys only.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    request_body = body::WebhookPatch,
    responses(
        (status = 200, body = body::Webhook),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn change<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(id): Ids<Uuid>,
    Body(wanted): Body<body::WebhookPatch>,
) -> Result<Json<body::Webhook>, Problem> {
    let is_disabled = kept(&gateway, id).await?.disabled.is_some();
    let url = wanted.url.map(|url| checked_url(&gateway, &url));
    let description = wanted
        .description
        .map(|it| it.map(checked_description).transpose());
    let kinds = wanted.kinds.map(|it| it.map(checked_kinds).transpose());
    let ids = wanted
        .conversations
        .map(|it| it.map(checked_ids).transpose());
    let disabled = match wanted.enabled {
        Some(true) => Some(None),
        Some(false) if !is_disabled => Some(Some(Disabled {
            at: gateway.clock.now(),
            reason: "an administrator said so".to_owned(),
        })),
        Some(false) | None => None,
    };
    let change = WebhookChange {
        url: url.transpose()?,
        description: description.transpose()?,
        kinds: kinds.transpose()?,
        conversations: ids.transpose()?,
        secrets: None,
        disabled,
    };
    let changed = gateway.store.change_webhook(id, change).await?;
    gateway.webhooks_bell.notify_one();
    Ok(Json(shown(changed, None)))
}

/// Tell an address no more, and forget it. API keys only.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "nothing is sent there any more, but for a call that is under way"),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn remove<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(id): Ids<Uuid>,
) -> Result<StatusCode, Problem> {
    gateway.store.delete_webhook(id).await?;
    tracing::info!(%id, "a webhook was removed");
    gateway.webhooks_bell.notify_one();
    // Where it is at work, whoever stops it does the same.
    let _ = gateway.store.forget_consumer(&webhooks::pipeline(id)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a new secret for a webhook. API keys only.
///
/// Calls are signed with the new one and the one before, until the next one is made: so whoever is called can change at their own
/// pace. The answer shows it, this once.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/secret", tag = "webhooks", params(("id" = Uuid, Path)),
    request_body = body::SecretWanted,
    responses(
        (status = 200, body = body::Webhook),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn make_secret<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(id): Ids<Uuid>,
    BodyIfAny(wanted): BodyIfAny<body::SecretWanted>,
) -> Result<Json<body::Webhook>, Problem> {
    let secret = new_secret()?;
    let before = kept(&gateway, id).await?.secrets;
    let mut secrets = vec![secret.clone()];
    if !wanted.drop_old {
        secrets.extend(before.into_iter().next());
    }
    let change = WebhookChange {
        secrets: Some(secrets),
        ..WebhookChange::default()
    };
    let changed = gateway.store.change_webhook(id, change).await?;
    gateway.webhooks_bell.notify_one();
    Ok(Json(shown(changed, Some(secret))))
}

/// Call a webhook now, with no events, and say what came of it. API keys only.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = body::WebhookTested),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn test<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(id): Ids<Uuid>,
) -> Result<Json<body::WebhookTested>, Problem> {
    let webhook = kept(&gateway, id).await?;
    let problem = webhooks::test(&gateway.outward, &webhook).await.err();
    Ok(Json(body::WebhookTested {
        ok: problem.is_none(),
        problem,
    }))
}

async fn kept<S: Store + Directory>(
    gateway: &Gateway<S>,
    id: Uuid,
) -> Result<Webhook, WebhookError> {
    let webhooks = gateway.store.webhooks().await?;
    let found = webhooks.into_iter().find(|webhook| webhook.id == id);
    found.ok_or(WebhookError::Unknown)
}

/// The end of the feed.
async fn head<S: Store + Directory>(gateway: &Gateway<S>) -> Result<Position, Problem> {
    let everything = Position(i64::MAX.unsigned_abs());
    Ok(gateway.store.membership_feed(everything, 1).await?.through)
}

fn checked_description(text: String) -> Result<String, Problem> {
    if text.len() > DESCRIPTION_BYTES_MAX {
        let detail = format!("the description is longer than {DESCRIPTION_BYTES_MAX} bytes");
        return Err(Problem::invalid(detail));
    }
    Ok(text)
}

fn checked_kinds(kinds: Vec<String>) -> Result<Vec<String>, Problem> {
    if kinds.is_empty() {
        return Err(Problem::invalid(
            "kinds is empty: leave it out for all kinds",
        ));
    }
    if let Some(unknown) = kinds.iter().find(|kind| !webhooks::is_kind(kind)) {
        let unknown: String = unknown.chars().take(32).collect();
        let known = LogEntry::KINDS.join(", ");
        let detail = format!("there are no {unknown:?} events; there are {known}");
        return Err(Problem::invalid(detail));
    }
    let mut kinds = kinds;
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn checked_ids(ids: Vec<WireConversationId>) -> Result<Vec<ConversationId>, Problem> {
    if ids.is_empty() || ids.len() > CONVERSATIONS_MAX {
        let detail = format!(
            "conversations names {}: name 1 to {CONVERSATIONS_MAX}, or leave it out for all",
            ids.len()
        );
        return Err(Problem::invalid(detail));
    }
    Ok(ids.into_iter().map(|Wire(id)| id).collect())
}

fn shown(webhook: Webhook, secret: Option<String>) -> body::Webhook {
    body::Webhook {
        id: webhook.id,
        url: webhook.url,
        description: webhook.description,
        kinds: webhook.kinds,
        conversations: webhook
            .conversations
            .map(|ids| ids.into_iter().map(Wire).collect()),
        created_at: Wire(webhook.created_at),
        disabled: webhook.disabled.map(|it| body::WebhookDisabled {
            at: Wire(it.at),
            reason: it.reason,
        }),
        told: Wire(webhook.told),
        pipeline: webhooks::pipeline(webhook.id),
        secret,
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unknown => Self::new(Code::NotFound, "there is no such webhook"),
            WebhookError::Full => Self::new(Code::Conflict, error.to_string()),
            WebhookError::Unavailable => Self::unavailable(),
        }
    }
}

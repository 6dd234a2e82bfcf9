//! `/v1/bots` and `/v1/incoming`: programs that take part.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tidemark_core::ClientId;
use tidemark_core::conversation::Action;
use tidemark_protocol::body;
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_store::{Directory, Store};
use uuid::Uuid;

use super::accepted::perform_send;
use super::extract::{Administrator, Body, Ids};
use super::problem::Problem;
use crate::auth::Scope;
use crate::gateway::Gateway;
use crate::translate;

const BOTS_MAX: usize = 1_000;

/// Make a bot: a user who acts by keys and has no password. API keys only.
#[utoipa::path(
    post, path = "/v1/bots", tag = "bots", request_body = body::NewBot,
    responses(
        (status = 201, body = body::User),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 409, description = "the username is taken", body = body::Problem),
    ),
)]
pub(super) async fn make<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Body(wanted): Body<body::NewBot>,
) -> Result<(StatusCode, Json<body::User>), Problem> {
    let chosen_name = wanted.display_name.as_deref();
    let bot = gateway
        .authenticator
        .make_bot(&wanted.username, chosen_name)
        .await?;
    Ok((StatusCode::CREATED, Json(translate::user(bot))))
}

/// The bots. API keys only.
#[utoipa::path(
    get, path = "/v1/bots", tag = "bots",
    responses((status = 200, body = body::Bots), (status = 403, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
) -> Result<Json<body::Bots>, Problem> {
    let bots = gateway.store.bots(BOTS_MAX).await?.into_iter();
    Ok(Json(body::Bots {
        bots: bots.map(translate::user).collect(),
    }))
}

/// Say something in the conversation of the key in the URL, as whom it acts.
///
/// For programs that know a URL and nothing else. Whoever knows the URL can do this, and nothing but this.
#[utoipa::path(
    post, path = "/v1/incoming/{key}", tag = "bots", params(("key" = String, Path)), security(()),
    request_body = body::IncomingMessage,
    responses(
        (status = 200, description = "it was said before", body = body::MessageAccepted),
        (status = 201, body = body::MessageAccepted),
        (status = 400, body = body::Problem),
        (status = 401, description = "there is no such key", body = body::Problem),
        (status = 403, description = "the key is for something else", body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn incoming<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    Ids(key): Ids<Secret>,
    Body(message): Body<body::IncomingMessage>,
) -> Result<(StatusCode, Json<body::MessageAccepted>), Problem> {
    let identity = gateway.authenticator.authenticate(key.expose()).await?;
    let powers = &identity.powers;
    let conversation = powers
        .conversation()
        .filter(|_| powers.has(Scope::Send) && identity.caller.user().is_some())
        .ok_or_else(|| {
            Problem::forbidden(
                "this takes a key that acts as somebody, for one conversation, with the scope `send`",
            )
        })?;
    let client_id = message
        .client_id
        .map_or_else(|| ClientId(Uuid::now_v7()), |Wire(id)| id);
    let message = body::NewMessage {
        thread: message.thread,
        ..body::NewMessage::of_text(Wire(client_id), message.text)
    };
    let action = Action::Send(message.into());
    let accepted = perform_send(&gateway, identity, conversation, action).await?;
    let status = if accepted.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(accepted)))
}

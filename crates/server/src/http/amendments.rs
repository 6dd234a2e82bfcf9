//! `/v1/conversations/{id}/messages/{seq}` and below: editing, deleting, reacting, pinning.
//!
//! What is so already is answered like what becomes so, with `duplicate: true`: each call may be made again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::conversation::{Action, NewAmendment, Wish};
use tidemark_core::{ClientId, ConversationId, Seq};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireClientId, WireConversationId, WireEmoji, WireSeq};
use tidemark_store::{Directory, Store};

use super::accepted::perform_send;
use super::extract::{Body, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::auth::Identity;
use crate::gateway::Gateway;

type Answer = Result<Json<body::MessageAccepted>, Problem>;

/// A message: its conversation and its place.
type Place = Ids<(Wire<ConversationId>, Wire<Seq>)>;

/// What such a call may say beside its path.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Named {
    /// Names the wish, so that a retry is recognised whatever happened in between.
    #[param(value_type = Option<WireClientId>)]
    client_id: Option<WireClientId>,
}

impl Named {
    fn client_id(&self) -> Option<ClientId> {
        self.client_id.map(|name| name.0)
    }
}

/// Edit a message of one's own.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}/messages/{seq}", tag = "messages",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path)),
    request_body = body::MessageEdit,
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 403, description = "it is somebody else's", body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 409, description = "it was deleted, or the client_id named something else", body = body::Problem),
        (status = 413, body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn edit<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target))): Place,
    Body(edit): Body<body::MessageEdit>,
) -> Answer {
    let new = NewAmendment {
        target,
        client_id: edit.client_id.map(|name| name.0),
        wish: Wish::Edit {
            text: edit.text,
            mentions: edit.mentions.map(|mentions| mentions.0),
        },
    };
    amend(&gateway, identity, id, new).await
}

/// Delete a message: one's own, or anybody's with the role `owner` or `admin`.
///
/// Its place stays; what it said is removed everywhere.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/messages/{seq}", tag = "messages",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path), Named),
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn delete<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target))): Place,
    Parameters(named): Parameters<Named>,
) -> Answer {
    wish(&gateway, identity, id, target, &named, Wish::Delete).await
}

/// React to a message.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/messages/{seq}/reactions/{emoji}", tag = "messages",
    params(
        ("id" = WireConversationId, Path), ("seq" = WireSeq, Path), ("emoji" = WireEmoji, Path),
        Named,
    ),
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 404, body = body::Problem),
        (status = 409, description = "it was deleted", body = body::Problem),
        (status = 413, description = "it has too many different reactions", body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn react<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target), Wire(emoji))): Ids<(Wire<ConversationId>, Wire<Seq>, WireEmoji)>,
    Parameters(named): Parameters<Named>,
) -> Answer {
    let on = Wish::React { emoji, on: true };
    wish(&gateway, identity, id, target, &named, on).await
}

/// Take a reaction back.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/messages/{seq}/reactions/{emoji}", tag = "messages",
    params(
        ("id" = WireConversationId, Path), ("seq" = WireSeq, Path), ("emoji" = WireEmoji, Path),
        Named,
    ),
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 404, body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn take_back<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target), Wire(emoji))): Ids<(Wire<ConversationId>, Wire<Seq>, WireEmoji)>,
    Parameters(named): Parameters<Named>,
) -> Answer {
    let off = Wish::React { emoji, on: false };
    wish(&gateway, identity, id, target, &named, off).await
}

/// Pin a message.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/messages/{seq}/pin", tag = "messages",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path), Named),
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 404, body = body::Problem),
        (status = 409, description = "it was deleted", body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn pin<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target))): Place,
    Parameters(named): Parameters<Named>,
) -> Answer {
    let on = Wish::Pin { on: true };
    wish(&gateway, identity, id, target, &named, on).await
}

/// Pin a message no longer.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/messages/{seq}/pin", tag = "messages",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path), Named),
    responses(
        (status = 200, body = body::MessageAccepted),
        (status = 404, body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn unpin<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(target))): Place,
    Parameters(named): Parameters<Named>,
) -> Answer {
    let off = Wish::Pin { on: false };
    wish(&gateway, identity, id, target, &named, off).await
}

async fn wish<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: Identity,
    id: ConversationId,
    target: Seq,
    named: &Named,
    wish: Wish,
) -> Answer {
    let new = NewAmendment {
        target,
        client_id: named.client_id(),
        wish,
    };
    amend(gateway, identity, id, new).await
}

async fn amend<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: Identity,
    id: ConversationId,
    new: NewAmendment,
) -> Answer {
    perform_send(gateway, identity, id, Action::Amend(new))
        .await
        .map(Json)
}

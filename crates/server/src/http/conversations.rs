//! `/v1/conversations`: the inbox, beginning and changing conversations, coming and going.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemark_core::ConversationId;
use tidemark_core::conversation::{Action, NewConversation, Visibility};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WirePosition, unwrap_all};
use tidemark_store::{Directory, Outcome, Store};
use uuid::Uuid;

use super::accepted::accepted;
use super::extract::{Body, Ids, Parameters, Person, SignedIn};
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::translate;

const INBOX_MAX: usize = 200;
const INBOX_DEFAULT: usize = 50;

/// Which part of the inbox.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InboxPage {
    /// The most conversations; 50 if absent, at most 200.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// `next` of the page before.
    #[param(value_type = Option<WirePosition>)]
    before: Option<WirePosition>,
}

/// The caller's conversations, last active first.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "conversations", params(InboxPage),
    responses((status = 200, body = body::Inbox)),
)]
pub(super) async fn inbox<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Parameters(page): Parameters<InboxPage>,
) -> Result<Json<body::Inbox>, Problem> {
    let limit = page.limit.map_or(INBOX_DEFAULT, NonZeroUsize::get);
    let before = page.before.map(|before| before.0);
    let inbox = gateway
        .store
        .inbox(&person.user, before, limit.min(INBOX_MAX))
        .await?;
    let now = gateway.clock.now();
    Ok(Json(body::Inbox {
        conversations: inbox
            .conversations
            .into_iter()
            .map(|view| translate::conversation(view, now))
            .collect(),
        next: inbox.next.map(Wire),
    }))
}

/// Begin a conversation.
///
/// A direct one that the two have already, and one that was made with the same `client_id` before, is
/// answered with 200.
#[utoipa::path(
    post, path = "/v1/conversations", tag = "conversations", request_body = body::NewConversation,
    responses(
        (status = 201, body = body::Conversation),
        (status = 200, description = "it was there already", body = body::Conversation),
    ),
)]
pub(super) async fn create<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Body(new): Body<body::NewConversation>,
) -> Result<(StatusCode, Json<body::Conversation>), Problem> {
    let members = unwrap_all(new.members);
    gateway.introduce(&members).await?;
    let action = Action::Create(NewConversation {
        kind: new.kind.0,
        visibility: new.visibility.map_or(Visibility::Private, |it| it.0),
        title: new.title,
        members,
        client_id: new.client_id.map(|client_id| client_id.0),
    });
    let id = ConversationId(Uuid::now_v7());
    let (status, id) = match gateway.submit(identity.caller.clone(), id, action).await? {
        Outcome::Existing(existing) => (StatusCode::OK, existing),
        _ => (StatusCode::CREATED, id),
    };
    let view = gateway.store.conversation(&identity.caller, id).await?;
    let now = gateway.clock.now();
    Ok((status, Json(translate::conversation(view, now))))
}

/// One conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "conversations",
    params(("id" = WireConversationId, Path)),
    responses((status = 200, body = body::Conversation), (status = 404, body = body::Problem)),
)]
pub(super) async fn conversation<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
) -> Result<Json<body::Conversation>, Problem> {
    let view = gateway.store.conversation(&identity.caller, id).await?;
    let now = gateway.clock.now();
    Ok(Json(translate::conversation(view, now)))
}

/// Change title, topic or visibility.
///
/// What is absent stays as it is; `null` takes it away.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}", tag = "conversations",
    params(("id" = WireConversationId, Path)), request_body = body::ConversationPatch,
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn change<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(patch): Body<body::ConversationPatch>,
) -> Result<Json<body::Accepted>, Problem> {
    let action = Action::ChangeSettings(patch.into());
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// Become a member of a public channel.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/join", tag = "conversations",
    params(("id" = WireConversationId, Path)),
    responses((status = 200, body = body::Accepted), (status = 404, body = body::Problem)),
)]
pub(super) async fn join<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
) -> Result<Json<body::Accepted>, Problem> {
    accepted(gateway.submit(identity.caller, id, Action::Join).await?)
}

/// Stop being a member.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/leave", tag = "conversations",
    params(("id" = WireConversationId, Path)),
    responses((status = 200, body = body::Accepted), (status = 404, body = body::Problem)),
)]
pub(super) async fn leave<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
) -> Result<Json<body::Accepted>, Problem> {
    accepted(gateway.submit(identity.caller, id, Action::Leave).await?)
}

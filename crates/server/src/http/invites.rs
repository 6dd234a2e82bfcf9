//! `/v1/conversations/{id}/invites` and `/v1/invites/{code}`: letting people in by a secret that is passed on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tidemark_core::conversation::{Action, CodeHash, NewInvite, Role};
use tidemark_core::{ConversationId, InviteId};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Secret, Wire, WireConversationId, WireInviteId};
use tidemark_store::{Directory, Invitation, Outcome, SecretHash, Store};
use uuid::Uuid;

use super::accepted::unexpected;
use super::extract::{Body, Ids, Person, SignedIn};
use super::problem::Problem;
use crate::auth::{Identity, SecretToken, TokenKind, secret_hash};
use crate::gateway::Gateway;
use crate::translate;

/// Make an invite. Takes the role `owner` or `admin`.
///
/// The code is shown here and never again.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/invites", tag = "members",
    params(("id" = WireConversationId, Path)), request_body = body::InviteToMake,
    responses(
        (status = 201, body = body::MadeInvite),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 413, description = "too many invites at the same time", body = body::Problem),
    ),
)]
pub(super) async fn make<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(new): Body<body::InviteToMake>,
) -> Result<(StatusCode, Json<body::MadeInvite>), Problem> {
    let code = SecretToken::generate(TokenKind::Invite);
    let SecretHash(hash) = code.hash;
    let action = Action::Invite(NewInvite {
        id: InviteId(Uuid::now_v7()),
        code: CodeHash(hash),
        role: new.role.map_or(Role::Member, |role| role.0),
        expires_in_ms: new.expires_in_ms,
        uses_max: new.uses_max,
    });
    match gateway.submit(identity.caller, id, action).await? {
        Outcome::Invited(invite) => {
            let code = Secret::new(code.text.expose());
            let made = body::MadeInvite::new(&invite, code);
            Ok((StatusCode::CREATED, Json(made)))
        }
        other => Err(unexpected(&other)),
    }
}

/// The invites of a conversation, without their codes. Takes the role `owner` or `admin`.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/invites", tag = "members",
    params(("id" = WireConversationId, Path)),
    responses(
        (status = 200, body = body::Invites),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn invites<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
) -> Result<Json<body::Invites>, Problem> {
    let invites = gateway.store.invites(&identity.caller, id).await?;
    Ok(Json(body::Invites {
        invites: invites.into_iter().map(Into::into).collect(),
    }))
}

/// End an invite. Takes the role `owner` or `admin`.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/invites/{invite_id}", tag = "members",
    params(("id" = WireConversationId, Path), ("invite_id" = WireInviteId, Path)),
    responses(
        (status = 204, description = "nobody joins by it any more"),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn revoke<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(invite))): Ids<(Wire<ConversationId>, Wire<InviteId>)>,
) -> Result<StatusCode, Problem> {
    let action = Action::RevokeInvite(invite);
    match gateway.submit(identity.caller, id, action).await? {
        Outcome::InviteRevoked => Ok(StatusCode::NO_CONTENT),
        other => Err(unexpected(&other)),
    }
}

/// What an invite is to.
#[utoipa::path(
    get, path = "/v1/invites/{code}", tag = "members",
    params(("code" = String, Path)),
    responses(
        (status = 200, body = body::InvitePreview),
        (status = 403, description = "the caller is banned", body = body::Problem),
        (status = 404, description = "it lets nobody in", body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn preview<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(code): Ids<Secret>,
) -> Result<Json<body::InvitePreview>, Problem> {
    let invitation = look_up(&gateway, &identity, hash_of(&code)).await?;
    Ok(Json(body::InvitePreview {
        title: invitation.conversation.title,
        kind: Wire(invitation.conversation.kind),
        member_count: invitation.conversation.members,
    }))
}

/// Become a member by an invite. A member takes no use of it.
#[utoipa::path(
    post, path = "/v1/invites/{code}/join", tag = "members",
    params(("code" = String, Path)),
    responses(
        (status = 200, body = body::Conversation),
        (status = 403, description = "the caller is banned, or an API key", body = body::Problem),
        (status = 404, description = "it lets nobody in", body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn join<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids(code): Ids<Secret>,
) -> Result<Json<body::Conversation>, Problem> {
    let code = hash_of(&code);
    let invitation = look_up(&gateway, &person.identity, code).await?;
    let id = invitation.conversation.id;
    let caller = person.identity.caller;
    // Whether it still lets anybody in is decided with the joining.
    let action = Action::JoinByInvite(code);
    gateway.submit(caller.clone(), id, action).await?;
    let view = gateway.store.conversation(&caller, id).await?;
    let now = gateway.clock.now();
    Ok(Json(translate::conversation(view, now)))
}

/// What a code is to. Every try counts, so that guessing is no faster than sending.
async fn look_up<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: &Identity,
    code: CodeHash,
) -> Result<Invitation, Problem> {
    gateway
        .allow_send(&identity.caller)
        .map_err(|wait_ms| Problem::rate_limited("too many tries in too short a time", wait_ms))?;
    let now = gateway.clock.now();
    let found = gateway.store.invitation(&identity.caller, code, now);
    Ok(found.await?)
}

fn hash_of(code: &Secret) -> CodeHash {
    let SecretHash(hash) = secret_hash(code.expose());
    CodeHash(hash)
}

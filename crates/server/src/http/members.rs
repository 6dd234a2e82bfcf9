//! `/v1/conversations/{id}/members`: who is in it, and as what.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::conversation::{Action, Joined, Role};
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WireUserId, unwrap_all};
use tidemark_store::{Directory, Member, Store};

use super::accepted::accepted;
use super::extract::{Body, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::gateway::Gateway;

const MEMBERS_MAX: usize = 1_000;
const MEMBERS_DEFAULT: usize = 100;

/// Which members.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MembersPage {
    /// The most members; 100 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The last id of the page before.
    #[param(value_type = Option<WireUserId>)]
    after: Option<WireUserId>,
}

/// The members, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/members", tag = "members",
    params(("id" = WireConversationId, Path), MembersPage),
    responses((status = 200, body = body::Members), (status = 404, body = body::Problem)),
)]
pub(super) async fn members<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Parameters(page): Parameters<MembersPage>,
) -> Result<Json<body::Members>, Problem> {
    let limit = page.limit.map_or(MEMBERS_DEFAULT, NonZeroUsize::get);
    let after = page.after.map(|after| after.0);
    let page = gateway
        .store
        .members(&identity.caller, id, after.as_ref(), limit.min(MEMBERS_MAX))
        .await?;
    Ok(Json(body::Members {
        members: page.members.into_iter().map(shown).collect(),
        more: page.more,
    }))
}

/// Make people members. Takes the role `owner` or `admin`.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/members", tag = "members",
    params(("id" = WireConversationId, Path)), request_body = body::MembersToAdd,
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn add<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(body): Body<body::MembersToAdd>,
) -> Result<Json<body::Accepted>, Problem> {
    let users = unwrap_all(body.users);
    gateway.introduce(&users).await?;
    let role = body.role.map_or(Role::Member, |role| role.0);
    let people = users
        .into_iter()
        .map(|user| Joined { user, role })
        .collect();
    let action = Action::AddMembers(people);
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// End somebody's membership, or the caller's own.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/members/{user}", tag = "members",
    params(("id" = WireConversationId, Path), ("user" = WireUserId, Path)),
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn remove<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(user))): Ids<(Wire<ConversationId>, Wire<UserId>)>,
) -> Result<Json<body::Accepted>, Problem> {
    let action = if identity.caller.user() == Some(&user) {
        Action::Leave
    } else {
        Action::RemoveMember(user)
    };
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// Give a member another role. Takes the role `owner` or `admin`.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}/members/{user}", tag = "members",
    params(("id" = WireConversationId, Path), ("user" = WireUserId, Path)),
    request_body = body::RolePatch,
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn change_role<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(user))): Ids<(Wire<ConversationId>, Wire<UserId>)>,
    Body(patch): Body<body::RolePatch>,
) -> Result<Json<body::Accepted>, Problem> {
    let action = Action::ChangeRole(user, patch.role.0);
    accepted(gateway.submit(identity.caller, id, action).await?)
}

fn shown(member: Member) -> body::Member {
    body::Member {
        user: Wire(member.user),
        role: Wire(member.role),
        joined_seq: Wire(member.joined),
        read_seq: Wire(member.read),
    }
}

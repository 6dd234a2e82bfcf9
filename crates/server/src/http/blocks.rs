//! `/v1/users/{id}/block` and `/v1/blocks`: whom the caller wants to be left alone by.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemark_core::UserId;
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireUserId};
use tidemark_store::{Blocked, Directory, Store};

use super::extract::{Ids, Parameters, Person};
use super::problem::Problem;
use crate::gateway::Gateway;

const BLOCKS_MAX: usize = 1_000;
const BLOCKS_DEFAULT: usize = 100;

/// Block somebody.
///
/// Neither of the two writes to the other in their direct conversation any more, and whoever is blocked cannot begin
/// one, nor add the caller to a conversation. Blocking again changes nothing.
#[utoipa::path(
    put, path = "/v1/users/{id}/block", tag = "users", params(("id" = WireUserId, Path)),
    responses(
        (status = 204, description = "they are blocked"),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 413, body = body::Problem),
    ),
)]
pub(super) async fn block<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids(Wire(user)): Ids<Wire<UserId>>,
) -> Result<StatusCode, Problem> {
    gateway.introduce(std::slice::from_ref(&user)).await?;
    change(&gateway, &person, &user, true).await
}

/// Block somebody no longer. Whoever is not blocked stays so.
#[utoipa::path(
    delete, path = "/v1/users/{id}/block", tag = "users", params(("id" = WireUserId, Path)),
    responses(
        (status = 204, description = "they are not blocked"),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn unblock<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids(Wire(user)): Ids<Wire<UserId>>,
) -> Result<StatusCode, Problem> {
    change(&gateway, &person, &user, false).await
}

async fn change<S: Store + Directory>(
    gateway: &Gateway<S>,
    person: &Person,
    other: &UserId,
    on: bool,
) -> Result<StatusCode, Problem> {
    let (user, at) = (&person.user, gateway.clock.now());
    if gateway.store.change_block(user, other, on, at).await? {
        gateway.hub.publish_block(user, other, on);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Which blocks.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BlocksAfter {
    /// The most users; 100 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The last user of the page before.
    #[param(value_type = Option<WireUserId>)]
    after: Option<WireUserId>,
}

/// Whom the caller blocks, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "users", params(BlocksAfter),
    responses((status = 200, body = body::Blocks), (status = 403, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Parameters(of): Parameters<BlocksAfter>,
) -> Result<Json<body::Blocks>, Problem> {
    let limit = of.limit.map_or(BLOCKS_DEFAULT, NonZeroUsize::get);
    let after = of.after.map(|after| after.0);
    let page = gateway
        .store
        .blocks(&person.user, after.as_ref(), limit.min(BLOCKS_MAX))
        .await?;
    Ok(Json(body::Blocks {
        users: page.users.into_iter().map(shown).collect(),
        more: page.more,
    }))
}

fn shown(blocked: Blocked) -> body::Block {
    body::Block {
        user: Wire(blocked.user),
        at: Wire(blocked.at),
    }
}

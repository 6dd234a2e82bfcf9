//! `/v1/users`: profiles.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::UserId;
use tidemark_core::names;
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireUserId};
use tidemark_store::{Directory, ProfileChange, Store};

use super::extract::{Body, Ids, Parameters, Person, SignedIn};
use super::problem::Problem;
use crate::auth::{check_avatar, display_name};
use crate::gateway::Gateway;
use crate::translate;

const FOUND_MAX: usize = 100;
const FOUND_DEFAULT: usize = 20;

/// The caller's own profile.
#[utoipa::path(get, path = "/v1/users/me", tag = "users", responses((status = 200, body = body::User)))]
pub(super) async fn me<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
) -> Result<Json<body::User>, Problem> {
    let user = gateway.profile(&identity.caller).await?;
    Ok(Json(translate::own_profile(user)))
}

/// Change the caller's own profile.
///
/// What is absent stays as it is; `null` takes it away.
#[utoipa::path(
    patch, path = "/v1/users/me", tag = "users", request_body = body::ProfilePatch,
    responses((status = 200, body = body::User)),
)]
pub(super) async fn change_me<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Body(mut patch): Body<body::ProfilePatch>,
) -> Result<Json<body::User>, Problem> {
    if let Some(Some(name)) = &mut patch.display_name {
        *name = display_name(name).map_err(Problem::invalid)?;
    }
    if let Some(Some(url)) = &patch.avatar {
        check_avatar(url).map_err(Problem::invalid)?;
    }
    let change = ProfileChange {
        display_name: patch.display_name,
        avatar: patch.avatar,
        shows_last_seen: patch.show_last_seen,
    };
    let concerns_presence = change.shows_last_seen.is_some();
    let user = gateway.store.update_profile(&person.user, change).await?;
    if concerns_presence {
        gateway.hub.publish_privacy(&person.user);
    }
    Ok(Json(translate::own_profile(user)))
}

/// Somebody's profile.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "users", params(("id" = WireUserId, Path)),
    responses((status = 200, body = body::User), (status = 404, body = body::Problem)),
)]
pub(super) async fn user<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: SignedIn,
    Ids(Wire(user)): Ids<Wire<UserId>>,
) -> Result<Json<body::User>, Problem> {
    Ok(Json(translate::user(gateway.store.user(&user).await?)))
}

/// Which users.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// How the id or the display name begins, without regard to ASCII case.
    #[serde(default)]
    prefix: String,
    /// The most users; 20 if absent, at most 100.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// Users whose id or display name begins like this.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", params(Search),
    responses((status = 200, body = body::Users)),
)]
pub(super) async fn search<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: SignedIn,
    Parameters(search): Parameters<Search>,
) -> Result<Json<body::Users>, Problem> {
    let limit = search.limit.map_or(FOUND_DEFAULT, NonZeroUsize::get);
    let users = gateway
        .store
        .users_by_prefix(&names::composed(&search.prefix), limit.min(FOUND_MAX))
        .await?;
    Ok(Json(body::Users {
        users: users.into_iter().map(translate::user).collect(),
    }))
}

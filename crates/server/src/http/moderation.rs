//! Keeping order: bans, handing a conversation over, what messages said before.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::conversation::Action;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WireSeq, WireUserId};
use tidemark_store::{Banned, Directory, Store};

use super::accepted::accepted;
use super::extract::{Body, BodyIfAny, Ids, Parameters, SignedIn};
use super::messages::page_limits;
use super::problem::Problem;
use crate::gateway::Gateway;

const BANS_MAX: usize = 1_000;
const BANS_DEFAULT: usize = 100;
const VERSIONS_MAX: usize = 1_000;
const VERSIONS_DEFAULT: usize = 100;

/// Which bans.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BansPage {
    /// The most bans; 100 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The last user of the page before.
    #[param(value_type = Option<WireUserId>)]
    after: Option<WireUserId>,
}

/// Who is kept out, in the order of their ids. Takes the role `moderator`, `admin` or `owner`.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/bans", tag = "members",
    params(("id" = WireConversationId, Path), BansPage),
    responses(
        (status = 200, body = body::Bans),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn bans<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Parameters(page): Parameters<BansPage>,
) -> Result<Json<body::Bans>, Problem> {
    let limit = page.limit.map_or(BANS_DEFAULT, NonZeroUsize::get);
    let after = page.after.map(|after| after.0);
    let page = gateway
        .store
        .bans(&identity.caller, id, after.as_ref(), limit.min(BANS_MAX))
        .await?;
    Ok(Json(body::Bans {
        bans: page.bans.into_iter().map(shown).collect(),
        more: page.more,
    }))
}

/// Keep somebody out, and end their membership if they have one. For those below the caller, from `moderator` on.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/bans/{user}", tag = "members",
    params(("id" = WireConversationId, Path), ("user" = WireUserId, Path)),
    request_body = Option<body::BanToMake>,
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn ban<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(user))): Ids<(Wire<ConversationId>, Wire<UserId>)>,
    BodyIfAny(ban): BodyIfAny<body::BanToMake>,
) -> Result<Json<body::Accepted>, Problem> {
    gateway.introduce(std::slice::from_ref(&user)).await?;
    let action = Action::Ban(user, ban.reason);
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// Keep somebody out no longer. Takes the role `moderator`, `admin` or `owner`.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/bans/{user}", tag = "members",
    params(("id" = WireConversationId, Path), ("user" = WireUserId, Path)),
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn unban<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(user))): Ids<(Wire<ConversationId>, Wire<UserId>)>,
) -> Result<Json<body::Accepted>, Problem> {
    let action = Action::Unban(user);
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// Make a member owner in one's own place, and become an admin. Takes the role `owner`.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/owner", tag = "members",
    params(("id" = WireConversationId, Path)), request_body = body::NewOwner,
    responses(
        (status = 200, body = body::Accepted),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn hand_over<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(new): Body<body::NewOwner>,
) -> Result<Json<body::Accepted>, Problem> {
    let action = Action::HandOver(new.user.0);
    accepted(gateway.submit(identity.caller, id, action).await?)
}

/// Which versions.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionsPage {
    /// The most versions; 100 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The `seq` of the last version of the page before.
    #[serde(default)]
    #[param(value_type = Option<WireSeq>)]
    after: WireSeq,
}

/// What a message said over time, oldest first. For its author, and from `moderator` on.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{seq}/history", tag = "messages",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path), VersionsPage),
    responses(
        (status = 200, body = body::MessageHistory),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn history<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(seq))): Ids<(Wire<ConversationId>, Wire<Seq>)>,
    Parameters(page): Parameters<VersionsPage>,
) -> Result<Json<body::MessageHistory>, Problem> {
    let limit = page.limit.map_or(VERSIONS_DEFAULT, NonZeroUsize::get);
    let limits = page_limits(limit, VERSIONS_MAX);
    let page = gateway
        .store
        .versions(&identity.caller, id, seq, page.after.0, limits)
        .await?;
    Ok(Json(body::MessageHistory {
        versions: page.versions.into_iter().map(Into::into).collect(),
        more: page.more,
    }))
}

fn shown(ban: Banned) -> body::Ban {
    body::Ban {
        user: Wire(ban.user),
        seq: Wire(ban.seq),
        at: Wire(ban.at),
        by: Wire(ban.by),
        reason: ban.reason,
    }
}

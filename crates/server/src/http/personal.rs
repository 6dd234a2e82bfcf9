//! `/v1/personal`, `/v1/conversations/{id}/personal` and `/v1/mentions`: what belongs to one user.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::ConversationId;
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WirePosition};
use tidemark_store::{Directory, Store};

use super::extract::{Body, Ids, Parameters, Person};
use super::messages::page_limits;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::translate;

const CHANGES_MAX: usize = 1_000;
const MENTIONS_MAX: usize = 200;
const MENTIONS_DEFAULT: usize = 50;

/// Change what the caller keeps of a conversation for themselves.
///
/// What is absent stays as it is; `null` takes it away. The caller's other devices hear of it by a `personal` frame.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/personal", tag = "personal",
    params(("id" = WireConversationId, Path)), request_body = body::PersonalPatch,
    responses(
        (status = 200, description = "all of it", body = body::Personal),
        (status = 400, body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 413, body = body::Problem),
    ),
)]
pub(super) async fn change<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(patch): Body<body::PersonalPatch>,
) -> Result<Json<body::Personal>, Problem> {
    let change = patch.into();
    let done = gateway
        .store
        .change_personal(&person.user, id, change)
        .await?;
    let state = body::Personal::new(id, done.state);
    if done.changed {
        gateway.hub.publish_personal(&person.user, &state);
    }
    Ok(Json(state))
}

/// Which part of the changes.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesAfter {
    /// The version that the device holds; 0, or absent, for everything.
    #[serde(default)]
    after: u64,
    /// The most changes; 1,000 if absent, which is also the most.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// What the caller changed of their own since a version, in any conversation that they are in.
#[utoipa::path(
    get, path = "/v1/personal", tag = "personal", params(ChangesAfter),
    responses((status = 200, body = body::PersonalChanges)),
)]
pub(super) async fn changes<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Parameters(of): Parameters<ChangesAfter>,
) -> Result<Json<body::PersonalChanges>, Problem> {
    let limits = page_limits(of.limit.map_or(CHANGES_MAX, NonZeroUsize::get), CHANGES_MAX);
    let page = gateway
        .store
        .personal_changes(&person.user, of.after, limits)
        .await?;
    let changes = page.changes.into_iter();
    Ok(Json(body::PersonalChanges {
        changes: changes
            .map(|(id, state)| body::Personal::new(id, state))
            .collect(),
        version: page.version,
        more: page.more,
    }))
}

/// Which part of the mentions.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MentionsBefore {
    /// The most messages; 50 if absent, at most 200.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// `next` of the page before.
    #[param(value_type = Option<WirePosition>)]
    before: Option<WirePosition>,
}

/// The messages that mention the caller, by name or with everybody, newest first.
///
/// Of all conversations that the caller is in, each from where they joined it.
#[utoipa::path(
    get, path = "/v1/mentions", tag = "personal", params(MentionsBefore),
    responses((status = 200, body = body::MentionsPage)),
)]
pub(super) async fn mentions<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Parameters(of): Parameters<MentionsBefore>,
) -> Result<Json<body::MentionsPage>, Problem> {
    let limits = page_limits(
        of.limit.map_or(MENTIONS_DEFAULT, NonZeroUsize::get),
        MENTIONS_MAX,
    );
    let before = of.before.map(|before| before.0);
    let page = gateway.store.mentions(&person.user, before, limits).await?;
    Ok(Json(body::MentionsPage {
        mentions: page.mentions.into_iter().map(translate::mention).collect(),
        next: page.next.map(Wire),
    }))
}

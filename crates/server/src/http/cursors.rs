//! `/v1/conversations/{id}/read` and `…/readers`: how far people have read.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::ConversationId;
use tidemark_core::conversation::{Action, Delivery};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WireSeq};
use tidemark_store::{Directory, Outcome, Store};

use super::accepted::unexpected;
use super::extract::{Body, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::gateway::Gateway;

const READERS_MAX: usize = 1_000;

/// Say how far the caller has read. The cursor never moves back.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/read", tag = "cursors",
    params(("id" = WireConversationId, Path)), request_body = body::MoveCursor,
    responses((status = 200, body = body::Cursor), (status = 404, body = body::Problem)),
)]
pub(super) async fn move_cursor<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(body): Body<body::MoveCursor>,
) -> Result<Json<body::Cursor>, Problem> {
    let action = Action::MoveCursor(body.seq.0);
    match gateway.submit(identity.caller, id, action).await? {
        Outcome::Cursor { cursor, .. } => Ok(Json(body::Cursor {
            read_seq: Wire(cursor.read),
            unread: cursor.counts.unread,
            mentions: cursor.counts.mentions,
        })),
        other => Err(unexpected(&other)),
    }
}

/// Say up to where one of the caller's devices has fetched. It never moves back.
///
/// In conversations of more than `limits.receipt_members_max` members, as the `welcome` says, it is not kept, as nobody
/// is shown it.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/delivered", tag = "cursors",
    params(("id" = WireConversationId, Path)), request_body = body::MoveCursor,
    responses(
        (status = 200, body = body::DeliveredCursor),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn move_delivered<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(body): Body<body::MoveCursor>,
) -> Result<Json<body::DeliveredCursor>, Problem> {
    let action = Action::MoveDelivered(Delivery {
        seq: body.seq.0,
        members_max: gateway.config.fanout.receipt_members,
    });
    match gateway.submit(identity.caller, id, action).await? {
        Outcome::Delivered { delivered, .. } => Ok(Json(body::DeliveredCursor {
            delivered_seq: Wire(delivered),
        })),
        other => Err(unexpected(&other)),
    }
}

/// Whose cursors to show.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadersOf {
    /// The place that they have read up to, or beyond.
    #[param(value_type = WireSeq)]
    seq: WireSeq,
    /// The most members; 1,000 if absent, which is also the most.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// The members who have read up to a place, and those whose devices have only fetched it, each in the order of
/// their ids.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/readers", tag = "cursors",
    params(("id" = WireConversationId, Path), ReadersOf),
    responses((status = 200, body = body::Readers), (status = 404, body = body::Problem)),
)]
pub(super) async fn readers<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Parameters(of): Parameters<ReadersOf>,
) -> Result<Json<body::Readers>, Problem> {
    let limit = of.limit.map_or(READERS_MAX, NonZeroUsize::get);
    let receipts = gateway
        .store
        .readers(&identity.caller, id, of.seq.0, limit.min(READERS_MAX))
        .await?;
    let shown = |reader: tidemark_store::Reader| body::Reader {
        user: Wire(reader.user),
        read_seq: Wire(reader.read),
    };
    let fetched = |member: tidemark_store::Delivered| body::DeliveredTo {
        user: Wire(member.user),
        delivered_seq: Wire(member.delivered),
    };
    Ok(Json(body::Readers {
        readers: receipts.readers.into_iter().map(shown).collect(),
        delivered: receipts.delivered.into_iter().map(fetched).collect(),
    }))
}

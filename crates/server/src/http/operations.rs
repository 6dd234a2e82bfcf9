//! `/health`, `/ready` and `/metrics`: what probes and dashboards ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use tidemark_protocol::Code;
use tidemark_store::{Directory, Health, Store};

use super::problem::Problem;
use crate::gateway::Gateway;

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the process runs.
#[utoipa::path(get, path = "/health", tag = "operations", security(()), responses((status = 200)))]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether the server takes messages now: not while it stops, nor while its store recovers.
#[utoipa::path(
    get, path = "/ready", tag = "operations", security(()),
    responses((status = 200), (status = 503, body = tidemark_protocol::body::Problem)),
)]
pub(super) async fn ready<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
) -> Result<&'static str, Problem> {
    if gateway.is_draining() {
        return Err(Problem::new(Code::Unavailable, "the server is stopping"));
    }
    match gateway.store.health() {
        Health::Accepting => Ok("ready\n"),
        Health::Recovering => Err(Problem::new(
            Code::Unavailable,
            "a flush failed; the store is opening its files anew",
        )),
        Health::Closed => Err(Problem::new(Code::Unavailable, "the store is closed")),
    }
}

/// Everything that the server counts, in the `OpenMetrics` text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()), responses((status = 200)))]
pub(super) async fn metrics<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
) -> Result<impl IntoResponse, Problem> {
    let page = gateway
        .metrics
        .encode()
        .map_err(|_| Problem::new(Code::Internal, "the metrics cannot be written"))?;
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], page))
}

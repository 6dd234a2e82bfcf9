//! `/v1/feed`: the durable log of everything, for a consumer of one's own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::Position;
use tidemark_core::access::Caller;
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WirePosition};
use tidemark_store::{Directory, Store};
use tokio::time::{Instant, timeout_at};

use super::extract::{Parameters, SignedIn};
use super::messages::page_limits;
use super::problem::Problem;
use crate::gateway::Gateway;

/// The longest that a call waits for something new, so that proxies do not cut it.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// From where, and how patiently.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedFrom {
    /// The last position that the consumer has dealt with; 0, or absent, for everything.
    #[serde(default)]
    #[param(value_type = Option<WirePosition>)]
    after: WirePosition,
    /// The most events; 1,000 if absent, which is also the most.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// How long to wait for something new if there is nothing, in milliseconds; at most 60,000.
    #[serde(default)]
    wait_ms: u64,
}

/// The events of all conversations in commit order. API keys only.
///
/// A consumer that keeps `next` once it has dealt with the events, and asks from there, misses nothing.
#[utoipa::path(
    get, path = "/v1/feed", tag = "feed", params(FeedFrom),
    responses((status = 200, body = body::FeedPage), (status = 403, body = body::Problem)),
)]
pub(super) async fn feed<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Parameters(from): Parameters<FeedFrom>,
) -> Result<Json<body::FeedPage>, Problem> {
    if identity.caller != Caller::Administrator {
        return Err(Problem::forbidden("the feed is for API keys only"));
    }
    let most = gateway.config.limits.page_events;
    let limits = page_limits(from.limit.map_or(most, NonZeroUsize::get), most);
    let Wire(after): Wire<Position> = from.after;
    let patience = Duration::from_millis(from.wait_ms).min(WAIT_MAX);
    let until = Instant::now() + patience;
    // Asked for before the store is, so that what is committed in between ends the wait.
    let mut news = gateway.hub.news();
    loop {
        let events = gateway.store.feed(after, limits).await?;
        let waited_enough = !events.is_empty() || Instant::now() >= until;
        let more_may_come = async {
            tokio::select! {
                changed = timeout_at(until, news.changed()) => matches!(changed, Ok(Ok(()))),
                () = gateway.going_away() => false,
            }
        };
        if waited_enough || !more_may_come.await {
            return Ok(Json(body::FeedPage {
                next: Wire(events.last().map_or(after, |last| last.position)),
                events: events
                    .into_iter()
                    .map(|it| body::FeedEntry {
                        position: Wire(it.position),
                        entry: it.event.into(),
                    })
                    .collect(),
            }));
        }
    }
}

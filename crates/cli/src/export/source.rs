//! Where the events come from: the store, or the server.

use std::time::Duration;

use tidemark_core::Position;
use tidemark_protocol::body::FeedEntry;
use tidemark_protocol::wire::Wire;
use tidemark_store::{Directory, PageLimits, Store};

use crate::admin::office::Office;
use crate::failure::Failure;

const EVENTS_MAX: u32 = 1_000;
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The events that follow a position; none at the end.
pub(super) async fn page<S: Store + Directory>(
    office: &Office<S>,
    after: Position,
) -> Result<Vec<FeedEntry>, Failure> {
    match office {
        Office::Remote(http) => Ok(http.feed(after, EVENTS_MAX, Duration::ZERO).await?.events),
        Office::Local(local) => {
            let limits = PageLimits {
                entries_max: EVENTS_MAX as usize,
                text_bytes_max: TEXT_BYTES_MAX,
            };
            let events = local.store.feed(after, limits).await;
            let events = events.map_err(|error| Failure::failed(error.to_string()))?;
            let shown = events.into_iter().map(|it| FeedEntry {
                position: Wire(it.position),
                entry: it.event.into(),
            });
            Ok(shown.collect())
        }
    }
}

/// The end of the feed, where it can be asked for: a server says it of its pipelines.
pub(super) async fn head<S: Store + Directory>(
    office: &Office<S>,
) -> Result<Option<Position>, Failure> {
    match office {
        Office::Remote(http) => {
            let pipelines = http.pipelines().await?.pipelines;
            Ok(pipelines.first().map(|pipeline| pipeline.head.0))
        }
        Office::Local(local) => {
            let everything = Position(i64::MAX.unsigned_abs());
            let feed = local.store.membership_feed(everything, 1).await;
            let feed = feed.map_err(|error| Failure::failed(error.to_string()))?;
            Ok(Some(feed.through))
        }
    }
}

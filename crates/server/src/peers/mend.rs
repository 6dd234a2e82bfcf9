//! Reads from the store what a room is missing, and pushes it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tidemark_core::ConversationId;
use tidemark_core::access::Caller;
use tidemark_core::conversation::EventBody;
use tidemark_store::{Directory, PageLimits, ReadError, Store};

use crate::gateway::Gateway;

/// Rooms that are mended at the same time.
pub(super) const MENDED_AT_ONCE: usize = 8;
/// How long to wait before reading again from a store that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(200);

/// Mends every room in which something is missing for too long. Never returns.
pub(crate) async fn mend_gaps<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let hub = &gateway.hub;
    loop {
        let due = hub.gaps.take_due().await;
        stream::iter(due)
            .for_each_concurrent(MENDED_AT_ONCE, async |gap| {
                let conversation = gap.conversation;
                match hub.gap(conversation) {
                    None => {}
                    // That one closed, and another is open.
                    Some(other) if other != gap => hub.note_gap(other),
                    Some(_) => {
                        if let Err(ReadError::Unavailable) = mend(&gateway, conversation).await {
                            hub.gaps.note(gap, STORE_RETRY);
                        }
                    }
                }
            })
            .await;
    }
}

/// Pushes to a room all that the store has and the room has not been given.
pub(super) async fn mend<S: Store + Directory>(
    gateway: &Gateway<S>,
    conversation: ConversationId,
) -> Result<(), ReadError> {
    let Gateway { store, hub, .. } = gateway;
    let limits = PageLimits {
        entries_max: gateway.config.limits.page_events,
        text_bytes_max: gateway.config.limits.outbox_bytes,
    };
    let view = store
        .conversation(&Caller::Administrator, conversation)
        .await?;
    let members = view.conversation.members;
    let mut history = view.conversation.rules.history;
    let mut missed = 0;
    while let Some(pushed) = hub.pushed(conversation) {
        let page = store
            .events_after(&Caller::Administrator, conversation, pushed, limits)
            .await?;
        for event in &page.events {
            if let EventBody::Settings { change, .. } = &event.body {
                history = change.rules.history.unwrap_or(history);
            }
            missed += u64::from(hub.push_missed(event, members, history));
        }
        if !page.more {
            break;
        }
    }
    gateway.metrics.repaired("event", missed);
    Ok(())
}

//! Takes what other nodes tell.

use std::sync::Arc;

use tidemark_store::{Directory, Store};

use crate::bus::{Hint, decode};
use crate::gateway::Gateway;

/// Never returns.
pub(crate) async fn listen<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let hub = &gateway.hub;
    loop {
        let message = hub.bus.next().await;
        let Some((node, hint)) = decode(message) else {
            tracing::debug!("a message of the bus cannot be read; its node is of another version");
            continue;
        };
        if node == hub.node() {
            continue;
        }
        gateway.metrics.bus_received();
        match hint {
            Hint::Revoked { user, session } => gateway.end_session(&user, session),
            Hint::Event { .. } => {
                hub.hear(node, hint);
                hub.note_news();
            }
            hint => hub.hear(node, hint),
        }
    }
}

//! Telling the person when there is no connection.

use tidemark_client::{Connection, StopReason};
use tokio::sync::watch;

use crate::output;

/// Resolves when the client gives up for good. Tells the person when it is offline meanwhile.
pub(crate) async fn stopped(mut connection: watch::Receiver<Connection>) -> StopReason {
    let mut is_told = false;
    loop {
        match &*connection.borrow_and_update() {
            Connection::Stopped(reason) => return reason.clone(),
            Connection::Waiting { .. } if !is_told => {
                output::error("there is no connection; trying until there is");
                is_told = true;
            }
            Connection::Online if is_told => {
                output::error("connected");
                is_told = false;
            }
            Connection::Waiting { .. } | Connection::Online | Connection::Connecting => {}
        }
        if connection.changed().await.is_err() {
            return StopReason::Closed;
        }
    }
}

//! The stream of what is new.

use tidemark_protocol::session::client::Update;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// What is new, as it happens. Each reader has a bounded queue of its own.
#[derive(Debug)]
pub struct Updates {
    receiver: broadcast::Receiver<Update>,
}

/// A reader was too slow: the oldest updates are gone. Timelines, counts and states are not affected;
/// read them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} updates were missed")]
pub struct Missed {
    /// How many.
    pub count: u64,
}

impl Updates {
    pub(crate) fn new(receiver: broadcast::Receiver<Update>) -> Self {
        Self { receiver }
    }

    /// The next update; nothing once the client is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Update, Missed>> {
        match self.receiver.recv().await {
            Ok(update) => Some(Ok(update)),
            Err(RecvError::Lagged(count)) => Some(Err(Missed { count })),
            Err(RecvError::Closed) => None,
        }
    }
}

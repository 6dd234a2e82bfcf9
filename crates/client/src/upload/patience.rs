//! Waiting for a connection that broke.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::TransferError;
use crate::{Backoff, HttpError};

/// How long nothing may go on before it is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(10);
/// The pauses between tries.
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(10),
};

/// How often nothing went on, and since when.
#[derive(Debug)]
pub(super) struct Patience {
    failures: u32,
    since: Instant,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            failures: 0,
            since: Instant::now(),
        }
    }
}

impl Patience {
    /// Something went on.
    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    /// Waits before the next try. Whether there is to be one.
    pub(super) async fn wait(&mut self) -> bool {
        self.failures += 1;
        sleep(PAUSES.pause(self.failures, rand::random())).await;
        self.since.elapsed() < GIVEN_UP_AFTER
    }

    /// Asks the server until it answers.
    pub(super) async fn ask<T, F>(&mut self, ask: impl Fn() -> F) -> Result<T, TransferError>
    where
        F: Future<Output = Result<T, HttpError>>,
    {
        loop {
            match ask().await {
                Err(error) if is_passing(&error) => {
                    if !self.wait().await {
                        return Err(error.into());
                    }
                }
                settled => return Ok(settled?),
            }
        }
    }
}

/// Whether the same may be answered later.
fn is_passing(error: &HttpError) -> bool {
    match error {
        HttpError::Unreachable(_) => true,
        HttpError::Refused { retry_after, .. } => retry_after.is_some(),
        HttpError::Unexpected { status } => *status >= 500,
    }
}

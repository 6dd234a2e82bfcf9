//! The one place where the server looks at a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidemark_core::Timestamp;
use tokio::time::Instant;

/// The wall clock, for what people see, and a monotonic one, for what waits.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The wall clock; a time before 1970 reads as 1970.
    pub fn now(self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since this clock was started; never goes back.
    pub fn monotonic_ms(self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant at which [`monotonic_ms`](Self::monotonic_ms) is `ms`.
    pub(crate) fn instant_of(self, ms: u64) -> Instant {
        self.started + Duration::from_millis(ms)
    }
}

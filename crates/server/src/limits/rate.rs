//! A rate for each key, in bounded memory.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// After so many checks, keys that have their whole allowance again are dropped. There are never more keys
/// than this beside those that were in use not long ago.
const CHECKS_PER_SWEEP: u32 = 1 << 16;

/// A rate for each key; without a quota everything passes.
pub(super) struct Rate<K: Clone + Eq + Hash> {
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl<K: Clone + Eq + Hash> Rate<K> {
    pub(super) fn new(quota: Option<Quota>) -> Self {
        Self {
            limiter: quota.map(RateLimiter::keyed),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// Counts one more; the error is after how many milliseconds it would pass, at least 1.
    pub(super) fn check(&self, key: &K) -> Result<(), u64> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_SWEEP == CHECKS_PER_SWEEP - 1 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        limiter
            .check_key(key)
            .map_err(|not_until| wait_ms(not_until.wait_time_from(self.clock.now())))
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.limiter
            .as_ref()
            .map_or(0, DefaultKeyedRateLimiter::len)
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Rate<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rate").finish_non_exhaustive()
    }
}

/// In whole milliseconds, at least 1.
pub(super) fn wait_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1)
}

/// A number that is not 0, which stands for no limit.
pub(super) fn positive(number: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(number)
}

//! How often: sends of a user, sign-ins from an address, signals of a socket.
//!
//! The limits are of this node and of memory only; a restart forgives, and whoever spreads over several nodes has as
//! many allowances. That is enough to protect a node, and costs no round trip. Sizes are limited elsewhere, where
//! things are read.

mod address;
mod rate;

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tidemark_core::UserId;

use crate::config::LimitsConfig;
use rate::{Rate, positive};

/// How often users may send, over HTTP and sockets together.
#[derive(Debug)]
pub struct SendLimiter(Rate<UserId>);

impl SendLimiter {
    /// With the configured rate and burst; a rate of 0 lets everything pass.
    pub fn new(limits: &LimitsConfig) -> Self {
        let quota = positive(limits.sends_per_second).zip(positive(limits.sends_burst));
        Self(Rate::new(quota.map(|(rate, burst)| {
            Quota::per_second(rate).allow_burst(burst)
        })))
    }

    /// Counts a send.
    ///
    /// # Errors
    ///
    /// After how many milliseconds the next one would pass. What is refused is not counted.
    pub fn check(&self, user: &UserId) -> Result<(), u64> {
        self.0.check(user)
    }
}

/// How often one socket may say what nobody keeps.
#[derive(Debug)]
pub(crate) struct SignalLimiter {
    limiter: Option<DefaultDirectRateLimiter>,
    burst: u32,
}

/// Signals that may come at once, for each that may come in a second.
const SIGNALS_BURST: u32 = 10;
/// A `watch` counts once more for each so many users.
const WATCHED_USERS_PER_SIGNAL: usize = 25;

impl SignalLimiter {
    /// With the configured rate; 0 lets everything pass.
    pub(crate) fn new(limits: &LimitsConfig) -> Self {
        let burst = limits.signals_per_second.saturating_mul(SIGNALS_BURST);
        let quota = positive(limits.signals_per_second).zip(positive(burst));
        let quota = quota.map(|(rate, burst)| Quota::per_second(rate).allow_burst(burst));
        Self {
            limiter: quota.map(RateLimiter::direct),
            burst,
        }
    }

    /// Counts a signal that names so many users.
    ///
    /// # Errors
    ///
    /// After how many milliseconds it would pass. What is refused is not counted.
    pub(crate) fn check(&self, users: usize) -> Result<(), u64> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let weight = u32::try_from(1 + users / WATCHED_USERS_PER_SIGNAL).unwrap_or(u32::MAX);
        // What weighs more than may ever come at once takes all there is.
        let weight = NonZeroU32::new(weight.min(self.burst)).unwrap_or(NonZeroU32::MIN);
        match limiter.check_n(weight) {
            Ok(Err(not_until)) => Err(rate::wait_ms(
                not_until.wait_time_from(DefaultClock::default().now()),
            )),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// How often an address may sign in or register, right or wrong.
#[derive(Debug)]
pub struct LoginLimiter(Rate<IpAddr>);

impl LoginLimiter {
    /// With the configured rate; 0 lets everything pass.
    pub fn new(limits: &LimitsConfig) -> Self {
        Self(Rate::new(
            positive(limits.logins_per_minute).map(Quota::per_minute),
        ))
    }

    /// Counts a try.
    ///
    /// # Errors
    ///
    /// After how many milliseconds the next one would pass.
    pub fn check(&self, address: IpAddr) -> Result<(), u64> {
        self.0.check(&address::group(address))
    }
}

#[cfg(test)]
mod tests;

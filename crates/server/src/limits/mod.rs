//! How often: sends of a user, sign-ins from an address.
//!
//! The limits are of this node and of memory only; a restart forgives, and whoever spreads over several nodes has as
//! many allowances. That is enough to protect a node, and costs no round trip. Sizes are limited elsewhere, where
//! things are read.

mod address;
mod rate;

use std::net::IpAddr;

use governor::Quota;
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

//! The promises of the rules, checked over random histories in a world that keeps everything in memory.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod access;
mod amending;
mod blocking;
mod counting;
mod history;
mod idempotency;
mod invites;
mod limits;
mod log;
mod membership;
mod moderation;
mod outsiders;
mod personal;
mod taking_part;
mod threads;
mod timeline;
mod world;

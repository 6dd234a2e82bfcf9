//! Every request on a socket gets its answer, and every ack its place in the log.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod order;
mod refusals;
mod world;

//! Consumers as a server runs them, on the engines themselves.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod kills;
mod nodes;
mod operators;
mod setbacks;
mod world;

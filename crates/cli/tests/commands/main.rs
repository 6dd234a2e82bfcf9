//! The commands as a person or a script runs them: the real program against a real server.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod administering;
mod administering_a_database;
mod feeding;
mod following;
mod help;
mod pipelines;
mod sending;
mod serving;
mod signing_in;
mod world;

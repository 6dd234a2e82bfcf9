//! The socket, and bad input everywhere, as a program in another language meets them: raw JSON over
//! real connections, no types of ours.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod amendments;
mod bad_frames;
mod bad_http;
mod blocking;
mod client;
mod cursors;
mod drain;
mod hello;
mod keys;
mod large;
mod membership;
mod personal;
mod presence;
mod resume;
mod roles;
mod send;
mod slow;
mod threads;
mod typing;
mod world;

//! The calls over HTTP, as a program in another language makes them: raw JSON, no types of ours.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod accounts;
mod amendments;
mod blocking;
mod bots;
mod commands;
mod conversations;
mod cursors;
mod document;
mod feed;
mod invites;
mod members;
mod messages;
mod moderation;
mod operations;
mod permissions;
mod personal;
mod pipelines;
mod sync;
mod threads;
mod uploads;
mod users;
mod webhooks;
mod world;

//! Several servers with one store: what happens on one of them reaches the sockets of all, whatever becomes of the bus
//! between them.

#![allow(dead_code)]
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

#[path = "../socket/client.rs"]
mod client;
#[path = "../socket/world.rs"]
mod world;

mod busy;
mod live;
mod lost;
mod nats;
mod network;
mod personal;
mod pipelines;
mod presence;
mod servers;
mod shared_consumers;
mod shared_store;
mod shared_uploads;
mod shared_webhooks;
mod uploads;

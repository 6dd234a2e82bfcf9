//! Connections as state machines, without sockets and without a clock.

pub mod client;

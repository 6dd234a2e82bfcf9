//! What only PostgreSQL can do wrong: servers that die, connections that break, poolers, other nodes.

#![expect(
    clippy::unwrap_used,
    reason = "what stands beside the tests is of the tests as well"
)]

mod crashes;
mod failover;
mod leases;
mod pooled;
mod relay;
mod unanswered;
mod world;

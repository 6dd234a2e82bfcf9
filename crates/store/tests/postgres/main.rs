//! What only PostgreSQL can do wrong: servers that die, connections that break, poolers, other nodes.

mod crashes;
mod failover;
mod pooled;
mod relay;
mod unanswered;
mod world;

//! Tidemark's server.

pub mod auth;
mod clock;
pub mod config;
mod limits;
mod telemetry;

pub use clock::Clock;
pub use limits::{LoginLimiter, SendLimiter};
pub use telemetry::Metrics;

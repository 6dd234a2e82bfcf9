//! Tidemark's server.

mod telemetry;

pub use telemetry::Metrics;

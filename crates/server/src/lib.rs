//! Tidemark's server.

pub mod config;
mod telemetry;

pub use telemetry::Metrics;

//! What the operator sees from outside: numbers and logs.

mod metrics;

pub use metrics::Metrics;

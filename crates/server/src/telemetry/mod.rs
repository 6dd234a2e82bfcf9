//! What the operator sees from outside: numbers and logs.

mod logs;
mod metrics;

pub use logs::{LogError, start_log};
pub use metrics::{BusDrops, Metrics};

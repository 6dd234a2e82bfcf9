//! What the operator sees from outside: numbers and logs.

mod logs;
mod metrics;
mod uploads;

pub use logs::{LogError, start_log};
pub use metrics::{BusDrops, Metrics};
pub use uploads::UploadMetrics;

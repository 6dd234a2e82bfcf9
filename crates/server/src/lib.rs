//! Tidemark's server.

pub mod auth;
mod background;
pub mod bus;
mod clock;
mod committer;
pub mod config;
mod crowd;
mod feed_sink;
mod gateway;
mod http;
mod hub;
mod limits;
mod listen;
mod peers;
mod presence;
mod server;
mod sharded;
mod socket;
mod telemetry;
mod translate;
mod uploads;
mod webhooks;

pub use clock::Clock;
pub use gateway::Gateway;
pub use http::openapi_json;
pub use limits::{LoginLimiter, SendLimiter};
pub use server::{Server, StartError};
pub use telemetry::{BusDrops, LogError, Metrics, UploadMetrics, start_log};
pub use uploads::UploadsSetupError;

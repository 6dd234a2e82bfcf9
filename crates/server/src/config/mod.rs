//! What the operator decides.
//!
//! Layers lie over each other: built-in defaults, then a TOML file, then environment variables, then
//! flags. `layers` merges them without understanding any of it; `settings` turns the result into
//! typed, checked values. Nothing else in the server reads a file or a variable to find out how to
//! behave, and a configuration that loads is one that makes sense.

mod background;
mod bus;
mod feed;
mod layers;
mod mistakes;
mod reader;
mod secret;
mod settings;
mod uploads;
mod validate;
mod webhooks;

pub use background::{AuditConfig, BackgroundConfig};
pub use bus::{BusConfig, BusEngine, NatsAuth, NatsConfig, NatsTls};
pub use feed::{FeedConfig, NatsFeedConfig};
pub use layers::Sources;
pub use mistakes::{ConfigError, Mistake, Origin};
pub use secret::Secret;
pub use settings::{
    AuthConfig, Config, FanoutConfig, HttpConfig, JwtAlgorithm, JwtConfig, JwtKeys, LimitsConfig,
    LogConfig, LogFormat, PostgresConfig, PresenceConfig, Registration, SocketConfig, StoreEngine,
};

pub use uploads::{
    BlobEngine, BlobsConfig, MediaConfig, S3BlobsConfig, ScannerConfig, Unscanned, UploadsConfig,
};

pub use webhooks::WebhooksConfig;

#[cfg(test)]
mod tests;

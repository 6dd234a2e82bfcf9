//! What the program says while it runs: one line on stderr for each thing that matters.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Why the log cannot be written as configured.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter names no level or target that there could be.
    #[error("log.level cannot be used: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Sends the events of this process to stderr, in the configured form and from the configured level on.
///
/// # Errors
///
/// [`LogError`] when the filter makes no sense or somebody else listens already.
pub fn start_log(config: &LogConfig) -> Result<(), LogError> {
    let lines = fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_new(&config.level)?);
    match config.format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

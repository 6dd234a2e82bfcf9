//! Why a file was not examined.

use serde::{Deserialize, Serialize};

/// Why a file was not examined. The text says more for the log; it is nothing to show to whoever uploaded the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MediaError {
    /// The file asks for more than the [`Limits`](crate::Limits) allow: pixels, frames, memory, bytes to write.
    /// It will ask for as much the next time.
    #[error("the file asks for too much: {0}")]
    TooMuch(String),
    /// The file is not what it begins like: cut short, damaged, or made to break whoever reads it. Also when the
    /// worker died of it or answered nonsense. It will be as broken the next time.
    #[error("the file is broken: {0}")]
    Broken(String),
    /// It took longer than [`Limits::time`](crate::Limits::time), or more of the processor than
    /// [`Limits::cpu`](crate::Limits::cpu). On a machine with less to do it may not.
    #[error("the file took too long")]
    TimedOut,
    /// It is not the file: the worker cannot be started, the file cannot be read, or what is made cannot be written.
    /// Worth trying again.
    #[error("no file can be examined: {0}")]
    Unavailable(String),
}

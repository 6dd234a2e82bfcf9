//! Why work on a connection ended early.

use tidemark_core::Refusal;

use crate::{DirectoryError, OpenError, ReadError};

/// Either an answer for the caller, or trouble of the engine that only the log hears of.
pub(crate) enum Fault<Answer> {
    Answer(Answer),
    Engine(rusqlite::Error),
}

impl<Answer> From<rusqlite::Error> for Fault<Answer> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Refusal> for Fault<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Answer(refusal)
    }
}

impl From<DirectoryError> for Fault<DirectoryError> {
    fn from(error: DirectoryError) -> Self {
        Self::Answer(error)
    }
}

/// What the caller hears of a fault.
pub(crate) trait Heard {
    /// The error of the contract.
    type Error;
    /// The answer, in the contract's words.
    fn heard(self) -> Self::Error;
    /// The engine cannot answer.
    fn unavailable() -> Self::Error;
}

impl Heard for Refusal {
    type Error = ReadError;

    fn heard(self) -> ReadError {
        ReadError::Refused(self)
    }

    fn unavailable() -> ReadError {
        ReadError::Unavailable
    }
}

impl Heard for DirectoryError {
    type Error = DirectoryError;

    fn heard(self) -> DirectoryError {
        self
    }

    fn unavailable() -> DirectoryError {
        DirectoryError::Unavailable
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

//! What can go wrong, by layer: what the caller hears, and what only the log hears.

use tidemark_core::Refusal;

/// Why a command of a batch has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The rules said no. Nothing happened.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The engine is not sure that the command is durable: it may have happened or not. Sending it
    /// again with the same client id is safe and finds out.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Why a read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The caller may not read this, or it does not exist.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The engine cannot answer now; the cause is in the log.
    #[error("the store cannot answer now")]
    Unavailable,
}

/// What a change was read for and could not be, it is not done either.
impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => Self::Refused(refusal),
            ReadError::Unavailable => Self::Unavailable,
        }
    }
}

/// Why a change to people, passwords, sessions or keys did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The name or id is taken.
    #[error("the name is taken")]
    Taken,
    /// There is no such user, session or key.
    #[error("there is no such entry")]
    NotFound,
    /// The engine cannot do it now; the cause is in the log.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Why an engine did not open. Written for the operator who reads it at start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("{path} is in use by another process; stop it first, or choose another --data")]
    Locked {
        /// The directory.
        path: std::path::PathBuf,
    },
    /// The files are of a version that this program does not know.
    #[error(
        "the store has schema version {found}, this program knows up to {known}: use a newer one"
    )]
    TooNew {
        /// What the files say.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// The operating system said no.
    #[error("cannot open the store in {path}: {source}")]
    Io {
        /// The directory.
        path: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The database said no.
    #[error("cannot open the store: {0}")]
    Engine(String),
}

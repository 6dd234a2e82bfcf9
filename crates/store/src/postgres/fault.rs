//! Why work ended early.

use std::error::Error as _;
use std::fmt;

use tidemark_core::Refusal;
use tokio_postgres::error::SqlState;

use crate::{DirectoryError, OpenError, ReadError};

/// Trouble of the engine, which only the log hears of.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server, or the way to it.
    Server(tokio_postgres::Error),
    /// A row that was never written so.
    Damaged(String),
    /// No connection was to be had.
    NoConnection(String),
    /// It took longer than anybody waits.
    TooLate,
    /// The store is closed.
    Closed,
}

impl Trouble {
    /// Whether the server itself ended the transaction, so that nothing of it is there.
    pub(crate) fn is_answer_of_server(&self) -> bool {
        matches!(self, Self::Server(error) if error.as_db_error().is_some())
    }

    /// Whether the same transaction may go through if it is tried again on this connection: another one
    /// wrote the same, or stood in its way.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Server(error) = self else {
            return false;
        };
        [
            SqlState::UNIQUE_VIOLATION,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::LOCK_NOT_AVAILABLE,
        ]
        .iter()
        .any(|state| error.code() == Some(state))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => match error.as_db_error() {
                // Not its detail: that quotes values of rows.
                Some(said) => write!(formatter, "{} ({})", said.message(), said.code().code()),
                None => write_way_error(formatter, error),
            },
            Self::Damaged(what) => write!(formatter, "the database holds {what}"),
            Self::NoConnection(why) => write!(formatter, "no connection: {why}"),
            Self::TooLate => formatter.write_str("it took too long"),
            Self::Closed => formatter.write_str("the store is closed"),
        }
    }
}

/// The error says only what was being done; its source says what went wrong.
fn write_way_error(
    formatter: &mut fmt::Formatter<'_>,
    error: &tokio_postgres::Error,
) -> fmt::Result {
    /// How the TLS library begins what it has to say about a certificate.
    const CERTIFICATE: &str = "invalid peer certificate";

    write!(formatter, "{error}")?;
    let Some(source) = error.source().map(ToString::to_string) else {
        return Ok(());
    };
    write!(formatter, ": {source}")?;
    if source.starts_with(CERTIFICATE) {
        formatter.write_str(
            "; what signed it has to be among the certificates that this system trusts, or in the file that \
             SSL_CERT_FILE names, and the certificate has to be for the host in the URL",
        )?;
    }
    Ok(())
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Trouble> for OpenError {
    fn from(trouble: Trouble) -> Self {
        Self::Engine(trouble.to_string())
    }
}

/// Either an answer for the caller, or trouble of the engine.
pub(crate) enum Fault<Answer> {
    Answer(Answer),
    Engine(Trouble),
}

impl<Answer> From<Trouble> for Fault<Answer> {
    fn from(trouble: Trouble) -> Self {
        Self::Engine(trouble)
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

impl From<Fault<Refusal>> for ReadError {
    fn from(fault: Fault<Refusal>) -> Self {
        match fault {
            Fault::Answer(refusal) => Self::Refused(refusal),
            Fault::Engine(trouble) => {
                tracing::error!(%trouble, "a read failed");
                Self::Unavailable
            }
        }
    }
}

impl From<Fault<DirectoryError>> for DirectoryError {
    fn from(fault: Fault<DirectoryError>) -> Self {
        match fault {
            Fault::Answer(error) => error,
            Fault::Engine(trouble) => {
                tracing::error!(%trouble, "a look into the directory, or a change to it, failed");
                Self::Unavailable
            }
        }
    }
}

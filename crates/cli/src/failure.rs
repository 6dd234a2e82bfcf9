//! How a command ends when it could not do its work.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::output;

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
  0  done
  1  it did not work, for a reason that is none of the following
  2  the command line is wrong
  3  the token, key or password was not accepted
  4  the server refused: not allowed, not found, in conflict or over a limit
  5  the server cannot be reached, or cannot accept now";

/// Why a command could not do its work, and what the person at the terminal can do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    sentence: String,
}

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// None of the others.
    Failed,
    /// The command line is wrong in a way that clap cannot see.
    Usage,
    /// The token, key or password was not accepted.
    Unauthorized,
    /// The server said no, and would again.
    Refused,
    /// The server cannot be reached, or cannot accept now.
    Unreachable,
    /// Whoever read stdout has gone, as `head` does; nobody is left to complain to.
    OutputClosed,
}

impl Failure {
    /// A failure of this kind. `sentence` says what happened and what to do.
    pub(crate) fn new(kind: FailureKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
        }
    }

    /// A failure that has no exit code of its own.
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, sentence)
    }

    /// What the exit code tells.
    pub(crate) fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Writes the sentence to stderr and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self.kind {
            FailureKind::OutputClosed => return ExitCode::SUCCESS,
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
            FailureKind::Unauthorized => 3,
            FailureKind::Refused => 4,
            FailureKind::Unreachable => 5,
        };
        output::error(&self.sentence);
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

//! What a server's no, or its silence, means for the command.

use std::error::Error;

use tidemark_client::{ConnectError, HttpError, StopReason};
use tidemark_protocol::{ByeCode, Code};

use crate::failure::{Failure, FailureKind};

/// How a command ends for a refusal with this code.
fn kind_of(code: Code) -> FailureKind {
    match code {
        Code::Unauthorized => FailureKind::Unauthorized,
        Code::Unavailable => FailureKind::Unreachable,
        Code::Internal => FailureKind::Failed,
        Code::Invalid
        | Code::Forbidden
        | Code::NotFound
        | Code::Conflict
        | Code::TooLarge
        | Code::RateLimited => FailureKind::Refused,
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Refused {
                code,
                detail,
                retry_after,
            } => {
                let again = retry_after
                    .map(|pause| format!("; try again in {} s", pause.as_secs().max(1)))
                    .unwrap_or_default();
                Self::new(kind_of(code), format!("{detail} ({code}){again}"))
            }
            HttpError::Unreachable(cause) => {
                let place = cause.url().map_or_else(
                    || "the server".to_owned(),
                    |url| url.origin().ascii_serialization(),
                );
                let why = if cause.is_timeout() {
                    "it does not answer in time".to_owned()
                } else {
                    root_of(&cause)
                };
                Self::new(
                    FailureKind::Unreachable,
                    format!("cannot reach {place}: {why}. Does the server run there? See --url"),
                )
            }
            HttpError::Unexpected { .. } => {
                Self::new(FailureKind::Unreachable, format!("{error}; see --url"))
            }
        }
    }
}

impl From<StopReason> for Failure {
    fn from(reason: StopReason) -> Self {
        let kind = match &reason {
            StopReason::Closed => FailureKind::Failed,
            StopReason::Unauthorized { .. } => FailureKind::Unauthorized,
            StopReason::Dismissed(ByeCode::Overloaded | ByeCode::GoingAway) => {
                FailureKind::Unreachable
            }
            StopReason::Dismissed(_) => FailureKind::Refused,
        };
        Self::new(kind, reason.to_string())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Http(error) => error.into(),
            ConnectError::Snapshot(_) => Self::failed(error.to_string()),
        }
    }
}

/// What is at the bottom of an error, which is all that a person can act upon.
fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

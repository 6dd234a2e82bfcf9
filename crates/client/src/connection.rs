//! Whether the client is connected, and why not.

use std::fmt;

use tidemark_protocol::ByeCode;
use tidemark_protocol::session::client::Ending;
use tokio::time::Instant;

/// How the client stands to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A connection is being made.
    Connecting,
    /// The server let us in; what was missed is on its way.
    Online,
    /// The last try failed or the connection was lost; the next try is at `until`.
    Waiting {
        /// When.
        until: Instant,
    },
    /// There will be no further try.
    Stopped(StopReason),
}

/// Why the client does not try to connect any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The app closed it.
    Closed,
    /// The token is not accepted, or no longer.
    Unauthorized {
        /// Why, in words.
        detail: String,
    },
    /// The server asked not to be called again.
    Dismissed(ByeCode),
}

impl fmt::Display for StopReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the client was closed"),
            Self::Unauthorized { detail } => {
                write!(formatter, "the server does not accept the token: {detail}")
            }
            Self::Dismissed(code) => write!(formatter, "the server closed for good: {code}"),
        }
    }
}

impl std::error::Error for StopReason {}

impl StopReason {
    /// Why this ending of a connection is the last one, if it is.
    pub(crate) fn of(ending: &Ending) -> Option<Self> {
        match ending {
            Ending::Unauthorized { detail } => Some(Self::Unauthorized {
                detail: detail.clone(),
            }),
            Ending::Bye {
                code: ByeCode::Unauthorized,
                ..
            } => Some(Self::Unauthorized {
                detail: "it is unknown or has expired".to_owned(),
            }),
            Ending::Bye {
                code: ByeCode::Revoked,
                ..
            } => Some(Self::Unauthorized {
                detail: "the session was revoked".to_owned(),
            }),
            Ending::Bye {
                code,
                reconnect: false,
                ..
            } => Some(Self::Dismissed(*code)),
            Ending::Bye { .. }
            | Ending::TurnedAway { .. }
            | Ending::Silent
            | Ending::Malformed { .. } => None,
        }
    }
}

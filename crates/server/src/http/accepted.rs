//! What calls answer that make an event and have nothing else to say.

use axum::Json;
use tidemark_core::conversation::Action;
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::wire::Wire;
use tidemark_protocol::{Code, body};
use tidemark_store::{Directory, Outcome, Store};

use super::problem::Problem;
use crate::auth::Identity;
use crate::gateway::Gateway;
use crate::translate;

/// The place of the last event that a command made.
///
/// # Errors
///
/// `internal` for the outcome of a command that makes no event: the handler and the rules disagree.
pub(super) fn accepted(outcome: Outcome) -> Result<Json<body::Accepted>, Problem> {
    let (seq, at) = match outcome {
        Outcome::Appended { events, .. } => match events.last() {
            Some(event) => (event.seq, Some(event.at)),
            None => (Seq::ZERO, None),
        },
        Outcome::Unchanged { head } => (head, None),
        other => return Err(unexpected(&other)),
    };
    Ok(Json(body::Accepted {
        seq: Wire(seq),
        at: at.map(Wire),
    }))
}

/// Performs what a client may name and the rate of sends counts: a message, or a change of one. The place of its event,
/// or of the one that was there already.
///
/// # Errors
///
/// `rate_limited`, what the rules refuse, and `internal` as [`accepted`].
pub(super) async fn perform_send<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: Identity,
    id: ConversationId,
    action: Action,
) -> Result<body::MessageAccepted, Problem> {
    gateway
        .allow_send(&identity.caller)
        .map_err(|wait_ms| Problem::rate_limited(translate::RATE_LIMITED_DETAIL, wait_ms))?;
    let (seq, at, duplicate) = match gateway.submit(identity.caller, id, action).await? {
        Outcome::Repeated { seq, at } => (seq, at, true),
        Outcome::Appended { events, .. } if !events.is_empty() => {
            (events[0].seq, events[0].at, false)
        }
        other => return Err(unexpected(&other)),
    };
    Ok(body::MessageAccepted {
        seq: Wire(seq),
        at: Wire(at),
        duplicate,
    })
}

/// A command had an outcome that it cannot have.
pub(super) fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "a command had an outcome of another kind");
    Problem::new(Code::Internal, "the server did something else than asked")
}

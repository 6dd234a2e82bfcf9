//! What calls answer that make an event and have nothing else to say.

use axum::Json;
use tidemark_core::Seq;
use tidemark_protocol::wire::Wire;
use tidemark_protocol::{Code, body};
use tidemark_store::Outcome;

use super::problem::Problem;

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

/// A command had an outcome that it cannot have.
pub(super) fn unexpected(outcome: &Outcome) -> Problem {
    tracing::error!(?outcome, "a command had an outcome of another kind");
    Problem::new(Code::Internal, "the server did something else than asked")
}

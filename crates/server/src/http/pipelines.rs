//! `/v1/pipelines`: those who follow the feed, for whoever runs the server.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemark_core::access::Caller;
use tidemark_pipeline::desk::{self, Condition, RewindError, Standing};
use tidemark_protocol::wire::{Wire, WirePosition};
use tidemark_protocol::{Code, body};
use tidemark_store::{ConsumerError, DeadLetter, Directory, Paused, Store};

use super::extract::{Body, BodyIfAny, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::auth::Identity;
use crate::gateway::Gateway;

/// The longest reason of a pause, in bytes.
const REASON_BYTES_MAX: usize = 500;
/// The most dead letters in a page.
const PAGE_MAX: usize = 1_000;

/// Those who follow the feed, and how far each is. API keys only.
#[utoipa::path(
    get, path = "/v1/pipelines", tag = "pipelines",
    responses((status = 200, body = body::Pipelines), (status = 403, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
) -> Result<Json<body::Pipelines>, Problem> {
    check(&identity)?;
    let standings = desk::standings(&*gateway.store, gateway.clock.now()).await?;
    Ok(Json(body::Pipelines {
        pipelines: standings.into_iter().map(shown).collect(),
    }))
}

/// One of those who follow the feed. API keys only.
#[utoipa::path(
    get, path = "/v1/pipelines/{name}", tag = "pipelines", params(("name" = String, Path)),
    responses(
        (status = 200, body = body::Pipeline),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn pipeline<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
) -> Result<Json<body::Pipeline>, Problem> {
    check(&identity)?;
    show(&gateway, &name).await
}

/// Have one do nothing, until it is resumed. What it is about to finish, it finishes. API keys only.
#[utoipa::path(
    post, path = "/v1/pipelines/{name}/pause", tag = "pipelines", params(("name" = String, Path)),
    request_body = body::PauseWanted,
    responses(
        (status = 200, body = body::Pipeline),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn pause<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
    BodyIfAny(wanted): BodyIfAny<body::PauseWanted>,
) -> Result<Json<body::Pipeline>, Problem> {
    check(&identity)?;
    let reason = wanted.reason;
    if reason
        .as_ref()
        .is_some_and(|it| it.len() > REASON_BYTES_MAX)
    {
        let detail = format!("the reason is longer than {REASON_BYTES_MAX} bytes");
        return Err(Problem::invalid(detail));
    }
    let paused = Paused {
        at: gateway.clock.now(),
        reason,
    };
    gateway.store.pause_consumer(&name, Some(paused)).await?;
    gateway.pipelines.ring(&name);
    show(&gateway, &name).await
}

/// Let a paused one go on from where it is. API keys only.
#[utoipa::path(
    post, path = "/v1/pipelines/{name}/resume", tag = "pipelines", params(("name" = String, Path)),
    responses(
        (status = 200, body = body::Pipeline),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn resume<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
) -> Result<Json<body::Pipeline>, Problem> {
    check(&identity)?;
    gateway.store.pause_consumer(&name, None).await?;
    gateway.pipelines.ring(&name);
    show(&gateway, &name).await
}

/// Have one do all events after a position again. It only goes back. API keys only.
///
/// Dead letters of after that position go away: their events are done again, too.
#[utoipa::path(
    post, path = "/v1/pipelines/{name}/rewind", tag = "pipelines", params(("name" = String, Path)),
    request_body = body::RewindWanted,
    responses(
        (status = 200, body = body::Pipeline),
        (status = 400, description = "that is not behind where it is", body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn rewind<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
    Body(wanted): Body<body::RewindWanted>,
) -> Result<Json<body::Pipeline>, Problem> {
    check(&identity)?;
    let Wire(to) = wanted.to;
    match desk::rewind(&*gateway.store, &name, to).await {
        Ok(()) => {}
        Err(ahead @ RewindError::Ahead(_)) => return Err(Problem::invalid(ahead.to_string())),
        Err(RewindError::Store(error)) => return Err(error.into()),
    }
    tracing::info!(name, to = to.0, "rewound");
    gateway.pipelines.ring(&name);
    show(&gateway, &name).await
}

/// Forget one that no node runs any more, with its dead letters. API keys only.
#[utoipa::path(
    delete, path = "/v1/pipelines/{name}", tag = "pipelines", params(("name" = String, Path)),
    responses(
        (status = 204, description = "should one with this name come again, it begins at the beginning"),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
        (status = 409, description = "a node runs it", body = body::Problem),
    ),
)]
pub(super) async fn forget<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
) -> Result<StatusCode, Problem> {
    check(&identity)?;
    gateway.store.forget_consumer(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// From where.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadFrom {
    /// The position of the last one of the page before; absent for the first page.
    #[serde(default)]
    #[param(value_type = Option<WirePosition>)]
    after: WirePosition,
    /// The most dead letters; 100 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// The events that one could not do, in the order of their positions. API keys only.
#[utoipa::path(
    get, path = "/v1/pipelines/{name}/dead", tag = "pipelines",
    params(("name" = String, Path), DeadFrom),
    responses(
        (status = 200, body = body::DeadLetters),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn dead<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
    Parameters(from): Parameters<DeadFrom>,
) -> Result<Json<body::DeadLetters>, Problem> {
    check(&identity)?;
    let limit = from.limit.map_or(100, NonZeroUsize::get).min(PAGE_MAX);
    let Wire(after) = from.after;
    let letters = gateway.store.dead_letters(&name, false, after, limit + 1);
    let mut letters = letters.await?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    Ok(Json(body::DeadLetters {
        dead_letters: letters.into_iter().map(letter).collect(),
        more,
    }))
}

/// Have what one could not do tried again, once each. API keys only.
#[utoipa::path(
    post, path = "/v1/pipelines/{name}/dead/replay", tag = "pipelines",
    params(("name" = String, Path)), request_body = body::DeadLettersWanted,
    responses(
        (status = 200, body = body::DeadLettersChanged),
        (status = 403, body = body::Problem),
        (status = 404, description = "no such name, or no dead letter there", body = body::Problem),
    ),
)]
pub(super) async fn replay<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
    BodyIfAny(which): BodyIfAny<body::DeadLettersWanted>,
) -> Result<Json<body::DeadLettersChanged>, Problem> {
    check(&identity)?;
    let position = which.position.map(|Wire(position)| position);
    let count = gateway.store.replay_dead_letters(&name, position).await?;
    gateway.pipelines.ring(&name);
    Ok(Json(body::DeadLettersChanged { count }))
}

/// Take what one could not do away, for good. API keys only.
#[utoipa::path(
    post, path = "/v1/pipelines/{name}/dead/drop", tag = "pipelines",
    params(("name" = String, Path)), request_body = body::DeadLettersWanted,
    responses(
        (status = 200, body = body::DeadLettersChanged),
        (status = 403, body = body::Problem),
        (status = 404, description = "no such name, or no dead letter there", body = body::Problem),
    ),
)]
pub(super) async fn drop_dead<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(name): Ids<String>,
    BodyIfAny(which): BodyIfAny<body::DeadLettersWanted>,
) -> Result<Json<body::DeadLettersChanged>, Problem> {
    check(&identity)?;
    let position = which.position.map(|Wire(position)| position);
    let count = gateway.store.drop_dead_letters(&name, position).await?;
    Ok(Json(body::DeadLettersChanged { count }))
}

fn check(identity: &Identity) -> Result<(), Problem> {
    if identity.caller == Caller::Administrator {
        return Ok(());
    }
    Err(Problem::forbidden("pipelines are for API keys only"))
}

async fn show<S: Store + Directory>(
    gateway: &Gateway<S>,
    name: &str,
) -> Result<Json<body::Pipeline>, Problem> {
    let standing = desk::standing(&*gateway.store, name, gateway.clock.now()).await?;
    Ok(Json(shown(standing)))
}

fn shown(standing: Standing) -> body::Pipeline {
    let state = match standing.condition() {
        Condition::Running => body::PipelineCondition::Running,
        Condition::Troubled => body::PipelineCondition::Troubled,
        Condition::Paused => body::PipelineCondition::Paused,
        Condition::Absent => body::PipelineCondition::Absent,
    };
    let node = standing.node().map(str::to_owned);
    let kept = standing.state;
    body::Pipeline {
        name: kept.name,
        state,
        position: Wire(kept.position),
        head: Wire(standing.head),
        lag_events: standing.lag_events,
        lag_seconds: standing.lag_ms / 1_000,
        node,
        paused: kept.paused.map(|it| body::PipelinePause {
            at: Wire(it.at),
            reason: it.reason,
        }),
        trouble: kept.trouble.map(|it| body::PipelineTrouble {
            since: Wire(it.since),
            attempts: it.attempts,
            reason: it.reason,
        }),
        failures: kept.failures,
        dead_letters: kept.dead_letters,
        replays: kept.replays,
    }
}

fn letter(letter: DeadLetter) -> body::DeadLetter {
    body::DeadLetter {
        position: Wire(letter.position),
        conversation: Wire(letter.conversation),
        seq: Wire(letter.seq),
        at: Wire(letter.at),
        attempts: letter.attempts,
        reason: letter.reason,
        replay: letter.replay,
    }
}

impl From<ConsumerError> for Problem {
    fn from(error: ConsumerError) -> Self {
        match error {
            ConsumerError::Unknown => Self::new(
                Code::NotFound,
                "there is no such pipeline, or no such dead letter",
            ),
            ConsumerError::AtWork => Self::new(
                Code::Conflict,
                "a node runs it: take it out of the configuration first",
            ),
            ConsumerError::Lost | ConsumerError::Full | ConsumerError::Unavailable => {
                Self::unavailable()
            }
        }
    }
}

//! What the commands do: in the store, or at the server.

use tidemark_core::Position;
use tidemark_pipeline::desk::{self, RewindError};
use tidemark_protocol::body::{DeadLettersWanted, PauseWanted, RewindWanted};
use tidemark_protocol::wire::Wire;
use tidemark_store::{ConsumerError, Directory, Paused, Store};

use super::rows::{ListedLetter, ListedPipeline};
use crate::admin::local::Local;
use crate::admin::office::Office;
use crate::failure::{Failure, FailureKind};

type Done<T> = Result<T, Failure>;

pub(super) async fn list<S: Store + Directory>(office: &Office<S>) -> Done<Vec<ListedPipeline>> {
    match office {
        Office::Local(local) => {
            let standings = desk::standings(&*local.store, local.clock.now()).await;
            let standings = standings.map_err(explain)?;
            Ok(standings.into_iter().map(Into::into).collect())
        }
        Office::Remote(http) => {
            let pipelines = http.pipelines().await?.pipelines;
            Ok(pipelines.into_iter().map(Into::into).collect())
        }
    }
}

pub(super) async fn pause<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
    reason: Option<String>,
) -> Done<ListedPipeline> {
    match office {
        Office::Local(local) => {
            let paused = Paused {
                at: local.clock.now(),
                reason,
            };
            let done = local.store.pause_consumer(name, Some(paused)).await;
            done.map_err(explain)?;
            show(local, name).await
        }
        Office::Remote(http) => {
            let pause = PauseWanted { reason };
            Ok(http.pause_pipeline(name, &pause).await?.into())
        }
    }
}

pub(super) async fn resume<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
) -> Done<ListedPipeline> {
    match office {
        Office::Local(local) => {
            let done = local.store.pause_consumer(name, None).await;
            done.map_err(explain)?;
            show(local, name).await
        }
        Office::Remote(http) => Ok(http.resume_pipeline(name).await?.into()),
    }
}

pub(super) async fn rewind<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
    to: Position,
) -> Done<ListedPipeline> {
    match office {
        Office::Local(local) => {
            match desk::rewind(&*local.store, name, to).await {
                Ok(()) => {}
                Err(RewindError::Store(error)) => return Err(explain(error)),
                Err(ahead @ RewindError::Ahead(_)) => {
                    return Err(Failure::new(FailureKind::Refused, ahead.to_string()));
                }
            }
            show(local, name).await
        }
        Office::Remote(http) => {
            let rewind = RewindWanted { to: Wire(to) };
            Ok(http.rewind_pipeline(name, &rewind).await?.into())
        }
    }
}

pub(super) async fn forget<S: Store + Directory>(office: &Office<S>, name: &str) -> Done<()> {
    match office {
        Office::Local(local) => local.store.forget_consumer(name).await.map_err(explain),
        Office::Remote(http) => Ok(http.forget_pipeline(name).await?),
    }
}

pub(super) async fn dead_letters<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
    after: Position,
    limit: u32,
) -> Done<Vec<ListedLetter>> {
    match office {
        Office::Local(local) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let letters = local.store.dead_letters(name, false, after, limit).await;
            let letters = letters.map_err(explain)?;
            Ok(letters.into_iter().map(Into::into).collect())
        }
        Office::Remote(http) => {
            let letters = http.dead_letters(name, after, limit).await?.dead_letters;
            Ok(letters.into_iter().map(Into::into).collect())
        }
    }
}

pub(super) async fn replay<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
    position: Option<Position>,
) -> Done<u64> {
    match office {
        Office::Local(local) => {
            let replayed = local.store.replay_dead_letters(name, position).await;
            replayed.map_err(explain)
        }
        Office::Remote(http) => Ok(http
            .replay_dead_letters(name, &which(position))
            .await?
            .count),
    }
}

pub(super) async fn drop_dead<S: Store + Directory>(
    office: &Office<S>,
    name: &str,
    position: Option<Position>,
) -> Done<u64> {
    match office {
        Office::Local(local) => {
            let dropped = local.store.drop_dead_letters(name, position).await;
            dropped.map_err(explain)
        }
        Office::Remote(http) => Ok(http.drop_dead_letters(name, &which(position)).await?.count),
    }
}

async fn show<S: Store + Directory>(local: &Local<S>, name: &str) -> Done<ListedPipeline> {
    let standing = desk::standing(&*local.store, name, local.clock.now()).await;
    Ok(standing.map_err(explain)?.into())
}

fn which(position: Option<Position>) -> DeadLettersWanted {
    DeadLettersWanted {
        position: position.map(Wire),
    }
}

fn explain(error: ConsumerError) -> Failure {
    match error {
        ConsumerError::Unknown => Failure::new(
            FailureKind::Refused,
            "there is no such pipeline, or no such dead letter",
        ),
        ConsumerError::AtWork => Failure::new(
            FailureKind::Refused,
            "a node runs it: take it out of the configuration first",
        ),
        ConsumerError::Lost | ConsumerError::Full | ConsumerError::Unavailable => {
            Failure::failed("the store cannot do this now")
        }
    }
}

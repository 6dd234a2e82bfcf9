//! What a consumer could not do: tried again later, or given up.

use tidemark_core::Position;
use tidemark_store::{ConsumerError, DeadLetter, FeedEvent, Store, Trouble};
use tokio::time::sleep;

use super::{Course, Over, STORE_RETRY, Surroundings};
use crate::guarded::Mishap;
use crate::{Consumer, Setback, backoff};

/// The longest reason that is kept, in bytes.
const REASON_BYTES_MAX: usize = 500;

impl<S: Store, C: Consumer> Course<'_, S, C> {
    pub(super) async fn set_back(
        &mut self,
        mishap: Mishap,
        batch: &[FeedEvent],
    ) -> Result<(), Over> {
        let culprit = |position: Position| batch.iter().find(|it| it.position == position);
        match mishap {
            Mishap::Setback(Setback::Poison { position, reason }) => {
                self.around.metrics.failed("poison");
                match culprit(position) {
                    Some(entry) => self.bury(entry, 1, &reason).await,
                    None => self.hold_off(not_offered(position)).await,
                }
            }
            Mishap::Setback(Setback::Failed { position, reason }) => {
                self.around.metrics.failed("failed");
                match culprit(position) {
                    Some(entry) => self.fail(entry, reason).await,
                    None => self.hold_off(not_offered(position)).await,
                }
            }
            Mishap::Panicked(said) => {
                self.around.metrics.failed("panic");
                match batch {
                    [entry] => self.fail(entry, said).await?,
                    // One of them does it: which one is found out.
                    _ => self.one_by_one = batch.last().map_or(self.after, |it| it.position),
                }
                self.begin().await
            }
            mishap => {
                let reason = self.count(mishap);
                self.hold_off(reason).await
            }
        }
    }

    /// Counts what concerns no single event; why it was.
    pub(super) fn count(&self, mishap: Mishap) -> String {
        let metrics = &self.around.metrics;
        let (why, reason) = match mishap {
            Mishap::Setback(setback) => ("outage", setback.to_string()),
            Mishap::Panicked(said) => ("panic", said),
            Mishap::Slow => {
                let patience = self.around.spec.patience;
                ("slow", format!("it took longer than {patience:?}"))
            }
        };
        metrics.failed(why);
        reason
    }

    /// The event failed; after too many times it is given up.
    async fn fail(&mut self, entry: &FeedEvent, reason: String) -> Result<(), Over> {
        let times = match self.failing {
            Some((position, times)) if position == entry.position => times + 1,
            _ => 1,
        };
        self.failing = Some((entry.position, times));
        if times >= self.around.spec.retries.attempts_max {
            return self.bury(entry, times, &reason).await;
        }
        self.hold_off(reason).await
    }

    pub(super) async fn bury(
        &mut self,
        entry: &FeedEvent,
        attempts: u32,
        reason: &str,
    ) -> Result<(), Over> {
        let letter = DeadLetter {
            position: entry.position,
            conversation: entry.event.conversation,
            seq: entry.event.seq,
            at: (self.around.now)(),
            attempts,
            reason: shortened(reason),
            replay: false,
        };
        let Surroundings {
            store, name, turn, ..
        } = &self.around;
        tracing::error!(
            name,
            position = entry.position.0,
            reason,
            "an event is given up"
        );
        match store.bury(name, turn.token, letter).await {
            Ok(()) => {
                self.buried.insert(entry.position);
                self.around.metrics.buried();
                Ok(())
            }
            Err(ConsumerError::Full) => {
                let full = "there are as many dead letters as are kept; replay or drop some";
                self.hold_off(format!("{full}: {reason}")).await
            }
            // The consumer says it again.
            Err(ConsumerError::Unavailable) => {
                sleep(STORE_RETRY).await;
                Ok(())
            }
            Err(_) => Err(Over),
        }
    }

    /// Notes what is in the way, and waits before the next try.
    pub(super) async fn hold_off(&mut self, reason: String) -> Result<(), Over> {
        let attempts = self.trouble.as_ref().map_or(0, |it| it.attempts) + 1;
        let since = self.trouble.as_ref().map(|it| it.since);
        let trouble = Trouble {
            since: since.unwrap_or_else(|| (self.around.now)()),
            attempts,
            reason: shortened(&reason),
        };
        let Surroundings {
            store, name, turn, ..
        } = &self.around;
        tracing::warn!(name, attempts, reason, "a consumer cannot go on");
        self.around.metrics.troubled(true);
        let noted = store.note_trouble(name, turn.token, Some(trouble.clone()));
        match noted.await {
            Ok(()) | Err(ConsumerError::Unavailable) => {}
            Err(_) => return Err(Over),
        }
        self.trouble = Some(trouble);
        let pause = backoff::pause(&self.around.spec.retries, attempts, rand::random());
        self.rest(pause).await;
        Ok(())
    }

    /// It goes on: what was in the way is no longer.
    pub(super) async fn recover(&mut self) -> Result<(), Over> {
        self.failing = None;
        self.around.metrics.troubled(false);
        if self.trouble.is_none() {
            return Ok(());
        }
        let Surroundings {
            store, name, turn, ..
        } = &self.around;
        match store.note_trouble(name, turn.token, None).await {
            Ok(()) => self.trouble = None,
            // After the next batch, then.
            Err(ConsumerError::Unavailable) => {}
            Err(_) => return Err(Over),
        }
        Ok(())
    }
}

fn not_offered(position: Position) -> String {
    format!(
        "the consumer gave up the event at position {}, which it was not offered",
        position.0
    )
}

/// What is kept of a reason.
fn shortened(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

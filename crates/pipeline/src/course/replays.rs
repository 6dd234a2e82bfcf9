//! Dead letters that are to be tried again.

use tidemark_core::Position;
use tidemark_store::{ConsumerError, DeadLetter, FeedEvent, Store};

use super::{Course, ONE, Over, Surroundings};
use crate::guarded::{Mishap, guarded};
use crate::{Consumer, Progress, Setback};

/// How many dead letters are tried again between two looks.
const REPLAYS_AT_ONCE: usize = 16;

impl<S: Store, C: Consumer> Course<'_, S, C> {
    /// Tries dead letters again; whether the consumer may go on with the feed at once.
    pub(super) async fn replay(&mut self) -> Result<bool, Over> {
        let Surroundings { store, name, .. } = &self.around;
        let letters = store.dead_letters(name, true, Position(0), REPLAYS_AT_ONCE);
        let Ok(letters) = letters.await else {
            return Ok(true);
        };
        if letters.len() == REPLAYS_AT_ONCE {
            self.looked = None;
        }
        for letter in letters {
            let before = Position(letter.position.0.saturating_sub(1));
            let Ok(entry) = self.around.store.feed(before, ONE).await else {
                return Ok(true);
            };
            let is_it = |entry: &FeedEvent| entry.position == letter.position;
            if entry.first().is_some_and(is_it) {
                let aside = Progress::from(before);
                let handled = self.consumer.handle(&entry, &aside);
                let handled = guarded(self.around.spec.patience, handled).await;
                match handled {
                    Ok(()) => self.around.metrics.done(1),
                    Err(mishap) => {
                        self.replay_failed(mishap, &entry[0], &letter).await?;
                        self.looked = None;
                        return Ok(false);
                    }
                }
            }
            let Surroundings {
                store, name, turn, ..
            } = &self.around;
            match store.settle(name, turn.token, letter.position).await {
                Ok(()) => tracing::info!(name, position = letter.position.0, "replayed"),
                // It is replayed once more.
                Err(ConsumerError::Unavailable) => return Ok(true),
                Err(_) => return Err(Over),
            }
        }
        Ok(true)
    }

    async fn replay_failed(
        &mut self,
        mishap: Mishap,
        entry: &FeedEvent,
        letter: &DeadLetter,
    ) -> Result<(), Over> {
        let attempts = letter.attempts.saturating_add(1);
        match mishap {
            Mishap::Setback(Setback::Poison { reason, .. } | Setback::Failed { reason, .. }) => {
                self.around.metrics.failed("poison");
                self.bury_again(entry, attempts, &reason).await
            }
            Mishap::Panicked(said) => {
                self.around.metrics.failed("panic");
                self.bury_again(entry, attempts, &said).await?;
                self.begin().await
            }
            mishap => {
                let reason = self.count(mishap);
                self.hold_off(reason).await
            }
        }
    }

    async fn bury_again(
        &mut self,
        entry: &FeedEvent,
        attempts: u32,
        reason: &str,
    ) -> Result<(), Over> {
        self.bury(entry, attempts, reason).await?;
        // It lies behind what is offered.
        self.buried.retain(|position| *position > self.after);
        Ok(())
    }
}

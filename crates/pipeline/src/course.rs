//! What a consumer goes through in one turn: offered, done, tried again, given up, replayed.

mod replays;
mod setbacks;

use std::collections::BTreeSet;
use std::time::Duration;

use tidemark_core::{Position, Timestamp};
use tidemark_store::{ConsumerError, ConsumerState, FeedEvent, PageLimits, Store, Trouble};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::guarded::{Mishap, guarded};
use crate::metrics::ConsumerMetrics;
use crate::{Consumer, Progress, Spec, Turn};

/// How often to look what the store says about the consumer, and for events that nobody told of.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait before asking a store again that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// A single event.
const ONE: PageLimits = PageLimits {
    entries_max: 1,
    text_bytes_max: usize::MAX,
};

/// Somebody else has the lease, or an operator rewound the consumer: this turn is over.
struct Over;

/// What a turn of a consumer has around it.
pub(crate) struct Surroundings<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    pub(crate) metrics: ConsumerMetrics<'a>,
    pub(crate) spec: &'a Spec,
    pub(crate) name: String,
    pub(crate) bell: &'a Notify,
    pub(crate) turn: Turn,
    pub(crate) progress: &'a Progress,
}

/// One turn of a consumer.
pub(crate) struct Course<'a, S, C> {
    around: Surroundings<'a, S>,
    consumer: &'a mut C,
    news: watch::Receiver<u64>,
    /// All up to here is done.
    after: Position,
    /// What is behind that and was given up.
    buried: BTreeSet<Position>,
    /// The event that failed last, and how often.
    failing: Option<(Position, u32)>,
    /// Up to here events are offered one by one, as one of them makes the consumer panic.
    one_by_one: Position,
    trouble: Option<Trouble>,
    /// When the store was last asked about the consumer; never, where it has to be now.
    looked: Option<Instant>,
    is_behind: bool,
}

impl<'a, S: Store, C: Consumer> Course<'a, S, C> {
    pub(crate) fn new(
        around: Surroundings<'a, S>,
        consumer: &'a mut C,
        news: watch::Receiver<u64>,
    ) -> Self {
        Self {
            after: around.turn.position,
            around,
            consumer,
            news,
            buried: BTreeSet::new(),
            failing: None,
            one_by_one: Position(0),
            trouble: None,
            looked: None,
            is_behind: true,
        }
    }

    /// Works until the turn is over.
    pub(crate) async fn run(mut self) {
        let Err(Over) = self.work().await;
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, Over> {
        self.enrol().await?;
        self.begin().await?;
        loop {
            let is_due = self.looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL);
            if is_due {
                let state = self.look().await?;
                if state.replays > 0 && !self.replay().await? {
                    continue;
                }
                self.measure().await;
            }
            self.step().await?;
        }
    }

    async fn enrol(&mut self) -> Result<(), Over> {
        let Surroundings {
            store, name, turn, ..
        } = &self.around;
        loop {
            match store.enrol_consumer(name, turn.token).await {
                Ok(()) => return Ok(()),
                Err(ConsumerError::Unavailable) => sleep(STORE_RETRY).await,
                Err(_) => return Err(Over),
            }
        }
    }

    /// What the store says about the consumer, as soon as it is to do something.
    async fn look(&mut self) -> Result<ConsumerState, Over> {
        loop {
            let asked = self.around.store.consumer(&self.around.name).await;
            self.looked = Some(Instant::now());
            let state = match asked {
                Ok(state) => state,
                Err(ConsumerError::Unavailable) => {
                    sleep(STORE_RETRY).await;
                    continue;
                }
                Err(_) => return Err(Over),
            };
            if state.token != self.around.turn.token {
                return Err(Over);
            }
            self.around.metrics.paused(state.paused.is_some());
            if state.paused.is_none() {
                return Ok(state);
            }
            self.is_behind = true;
            self.measure().await;
            self.rest(LOOK_INTERVAL).await;
        }
    }

    /// Lets the consumer say where it goes on.
    async fn begin(&mut self) -> Result<(), Over> {
        loop {
            let state = self.look().await?;
            self.trouble.clone_from(&state.trouble);
            let begun = self.begin_from(&state).await;
            match begun {
                Ok(after) => {
                    self.after = after;
                    self.around.progress.begin_at(after);
                    self.around.metrics.reached(after);
                    if after < state.position {
                        self.go_back(after).await?;
                    }
                    return Ok(());
                }
                Err(mishap) => {
                    let reason = self.count(mishap);
                    self.hold_off(reason).await?;
                }
            }
        }
    }

    async fn begin_from(&mut self, state: &ConsumerState) -> Result<Position, Mishap> {
        let patience = self.around.spec.patience;
        let turn = Turn {
            position: self.after,
            token: state.token,
        };
        if let Some(to) = state.rewound {
            guarded(patience, self.consumer.rewind(to)).await?;
            let Surroundings { store, name, .. } = &self.around;
            // If that is not kept, it is rewound again in its next turn, to the same place.
            let _ = store.note_rewound(name, turn.token).await;
        }
        guarded(patience, self.consumer.begin(turn)).await
    }

    /// The consumer is not as far as the store believes: its effects were lost.
    async fn go_back(&mut self, to: Position) -> Result<(), Over> {
        let Surroundings {
            store, name, turn, ..
        } = &self.around;
        tracing::warn!(name, position = to.0, "going back to where its effects end");
        let back = store.rewind_consumer(name, Some(turn.token), to).await;
        match back {
            // The position is for lists only, where the consumer has its own.
            Ok(()) | Err(ConsumerError::Unavailable) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Offers what comes next, and deals with the answer.
    async fn step(&mut self) -> Result<(), Over> {
        let mut limits = self.around.spec.batch;
        if self.after < self.one_by_one {
            limits.entries_max = 1;
        }
        // What is committed from here on ends the wait.
        self.news.borrow_and_update();
        let Ok(mut batch) = self.around.store.feed(self.after, limits).await else {
            sleep(STORE_RETRY).await;
            return Ok(());
        };
        let Some(last) = batch.last() else {
            self.catch_up().await?;
            return Ok(());
        };
        let (through, read) = (last.position, batch.len());
        self.is_behind = true;
        self.lag_behind(batch.first());
        batch.retain(|entry| !self.buried.contains(&entry.position));
        if !batch.is_empty() {
            let reached = Progress::from(self.after);
            let handled = self.consumer.handle(&batch, &reached);
            let handled = guarded(self.around.spec.patience, handled).await;
            if let Err(mishap) = handled {
                self.reach(reached.reached().min(through));
                return self.set_back(mishap, &batch).await;
            }
            self.around.metrics.done(batch.len());
        }
        self.reach(through);
        self.recover().await?;
        self.pause_after(read, limits.entries_max).await;
        Ok(())
    }

    /// There is nothing more.
    async fn catch_up(&mut self) -> Result<(), Over> {
        self.is_behind = false;
        self.around.metrics.lags(Duration::ZERO);
        self.around.metrics.lags_by(0);
        self.consumer.caught_up();
        // A consumer that begins in trouble and finds nothing to do is not in trouble.
        self.recover().await?;
        tokio::select! {
            told = timeout(LOOK_INTERVAL, self.news.changed()) => {
                // Whoever tells of news has gone, and the server with it.
                if let Ok(Err(_)) = told {
                    sleep(LOOK_INTERVAL).await;
                }
            }
            () = self.around.bell.notified() => self.looked = None,
        }
        Ok(())
    }

    fn reach(&mut self, position: Position) {
        if position <= self.after {
            return;
        }
        self.after = position;
        self.buried.retain(|buried| *buried > position);
        self.around.progress.reach(position);
        self.around.metrics.reached(position);
    }

    /// How far the consumer is behind.
    async fn measure(&mut self) {
        if !self.is_behind {
            return;
        }
        let store = self.around.store;
        let everything = Position(i64::MAX.unsigned_abs());
        if let Ok(head) = store.membership_feed(everything, 1).await {
            let behind = head.through.0.saturating_sub(self.after.0);
            self.around.metrics.lags_by(behind);
        }
        if let Ok(next) = store.feed(self.after, ONE).await {
            self.lag_behind(next.first());
        }
    }

    /// The next event to do is this one.
    fn lag_behind(&self, next: Option<&FeedEvent>) {
        let age_ms = next.map_or(0, |next| (self.around.now)().0 - next.event.at.0);
        let lag = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
        self.around.metrics.lags(lag);
    }

    /// Waits as long as the pace asks for after a batch. While others commit, it is their turn.
    async fn pause_after(&mut self, events: usize, entries_max: usize) {
        let pace = self.around.spec.pace;
        let is_busy = self.news.has_changed().is_ok_and(|changed| changed);
        let turns = if is_busy { pace.turns_of_others } else { 1 };
        let events_read = u32::try_from(events).unwrap_or(u32::MAX);
        let paced = pace.events_per_second_max.map_or(Duration::ZERO, |most| {
            Duration::from_secs(1) * events_read / most.max(1) * turns
        });
        let pause = if events < entries_max {
            paced.max(pace.calm)
        } else {
            paced
        };
        if !pause.is_zero() {
            self.rest(pause).await;
        }
    }

    /// Waits, unless an operator decides something meanwhile.
    async fn rest(&mut self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.around.bell.notified() => self.looked = None,
        }
    }
}

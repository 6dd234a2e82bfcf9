//! The contract of a consumer: what it is offered, and what it answers.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tidemark_core::Position;
use tidemark_store::{FeedEvent, LeaseToken};

/// Why a batch is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Setback {
    /// Nothing can be done now, whatever the events say: what the consumer writes to is away. The batch is offered again,
    /// after a pause that grows up to [`Retries::pause_max`](crate::Retries::pause_max), for as long as it takes. Nothing goes to the dead letters.
    #[error("{0}")]
    Outage(String),
    /// This event could not be done, and may be the next time. It is offered again as after an outage, but only
    /// [`Retries::attempts_max`](crate::Retries::attempts_max) times; then it is taken to be poison.
    #[error("{reason}")]
    Failed {
        /// Which event of the batch.
        position: Position,
        /// What an operator reads.
        reason: String,
    },
    /// This event can never be done as things are. It goes to the dead letters, and the batch is offered again at once, without
    /// it.
    #[error("{reason}")]
    Poison {
        /// Which event of the batch.
        position: Position,
        /// What an operator reads.
        reason: String,
    },
}

/// The time for which a consumer works here, from a grant of its lease to the loss of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How far the consumer is, as the store has it.
    pub position: Position,
    /// Newer than that of every turn before, on any node: what an effect outside of the store can carry, so that whoever takes it refuses
    /// those of a former turn.
    pub token: LeaseToken,
}

/// How far work is done.
#[derive(Debug)]
pub struct Progress {
    position: AtomicU64,
    /// How often it began elsewhere than where it was.
    restarts: AtomicU32,
}

impl Progress {
    /// Nothing is done behind `position`.
    pub fn from(position: Position) -> Self {
        Self {
            position: AtomicU64::new(position.0),
            restarts: AtomicU32::new(0),
        }
    }

    /// All up to here is done, durably. It is kept soon. A position behind the last one changes nothing.
    pub fn reach(&self, position: Position) {
        self.position.fetch_max(position.0, Ordering::Relaxed);
    }

    /// It begins elsewhere after all.
    pub(crate) fn begin_at(&self, position: Position) {
        let before = self.position.swap(position.0, Ordering::Relaxed);
        if before != position.0 {
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How far it is.
    pub fn reached(&self) -> Position {
        Position(self.position.load(Ordering::Relaxed))
    }

    /// How far it is, told from having been there before.
    pub(crate) fn mark(&self) -> (u32, Position) {
        (self.restarts.load(Ordering::Relaxed), self.reached())
    }
}

/// Makes something of every event. See the [crate](crate) for what it can rely on.
///
/// Every method may be dropped at any point where it waits: when the lease is lost, when the server stops, when it
/// takes longer than [`Spec::patience`](crate::Spec::patience). What comes next is [`begin`](Self::begin).
pub trait Consumer: Send {
    /// A turn begins, or begins anew after a panic: says after which position to go on. What the store kept, unless the consumer keeps its position
    /// with its effect, in the same transaction, as an index does: then that one counts, whether it is ahead of the store's or behind.
    ///
    /// Only [`Setback::Outage`] makes sense here.
    fn begin(&mut self, turn: Turn) -> impl Future<Output = Result<Position, Setback>> + Send {
        async move { Ok(turn.position) }
    }

    /// Does what is to be done for these events, which follow each other in commit order, and returns when that is
    /// durable. They may have been offered before, all of them or some.
    ///
    /// Of a batch that ends in a [`Setback`] all is offered again, except what `progress` was said to
    /// [reach](Progress::reach) meanwhile: useful where each event has an effect of its own that others notice.
    ///
    /// An event that an operator lets [replay](crate) from the dead letters comes in a batch of its own, long after those that follow it; `progress`
    /// means nothing then. What it says may have been edited or deleted since.
    fn handle(
        &mut self,
        batch: &[FeedEvent],
        progress: &Progress,
    ) -> impl Future<Output = Result<(), Setback>> + Send;

    /// An operator has all events after `to` done again, a former effect of them or not. A consumer that keeps its own position
    /// makes it `to`, durably; [`begin`](Self::begin) comes next. Any other need not do anything.
    fn rewind(&mut self, to: Position) -> impl Future<Output = Result<(), Setback>> + Send {
        let _ = to;
        async { Ok(()) }
    }

    /// There is nothing more at the moment.
    fn caught_up(&mut self) {}

    /// It does not work here any more, or not for now.
    fn stopped(&mut self) {}
}

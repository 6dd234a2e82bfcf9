//! The model: a store in plain maps, written to be read, that other engines are compared to.
//!
//! It is also the store of seeded worlds, so what can go wrong with a disk can be set up here.
//!
//! # The fault model
//!
//! There are two copies of the state. Commands are decided against, and change, what is *applied*;
//! a flush makes the same changes *durable*. Reads answer from what is durable. Whatever waits when
//! a flush begins is flushed together and atomically, like one transaction.
//!
//! - **Flushes can be held** ([`FaultControl::hold_flushes`]): commands are decided, and nobody is
//!   answered until [`FaultControl::release_flushes`]. No flush ever looks at a clock.
//! - **Flushes can fail** ([`FaultControl::fail_flushes`]): every command in it is answered
//!   [`Unavailable`](crate::CommitError::Unavailable), and so is every later one, until
//!   [`FaultControl::recover`]. Whether the changes are there after recovery is a setting
//!   ([`Survival`]), because a real disk may have written them before it reported the error.
//! - **A crash** ([`MemoryStore::crash`]) loses what is applied but not durable. Whoever waits for an
//!   answer hears `Unavailable`.
//!
//! Not modelled: a torn or rotten write (the log of a real engine has checksums for that), a slow or
//! full disk, and failing reads. Changes of the directory, of leases, of blocks, of uploads, and of what people keep for themselves, are durable at once and
//! never fail for a flush; they are refused while the store recovers. How long a lease lasts is the one thing here that a
//! clock decides: a monotonic one, which a test may pause.

mod answers;
mod blocks;
mod bot_endpoints;
mod consumers;
mod faults;
mod leases;
mod moderation;
mod people;
mod perform;
mod personal;
mod state;
mod threads;
mod uploads;
mod webhooks;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tidemark_core::Limits;
use tokio::sync::oneshot;
use uuid::Uuid;

use self::blocks::Blocks;
use self::bot_endpoints::KeptBotEndpoints;
use self::consumers::KeptConsumers;
use self::leases::KeptLeases;
use self::people::People;
use self::personal::Affairs;
use self::state::{Change, State};
use self::threads::ThreadCursors;
use self::webhooks::KeptWebhooks;
use crate::lease_terms::LeaseTerms;
use crate::{Batch, CommitError, DirectoryError, Health, Outcome, ReadError};

pub use self::faults::{FaultControl, Faults, Survival};

type Outcomes = Vec<Result<Outcome, CommitError>>;

/// A store that forgets everything with its last handle.
pub struct MemoryStore {
    epoch: Uuid,
    inner: Arc<Mutex<Inner>>,
}

/// What the store and its [`FaultControl`]s share.
struct Inner {
    limits: Limits,
    faults: Faults,
    health: Health,
    people: People,
    leases: KeptLeases,
    lease_terms: LeaseTerms,
    consumers: KeptConsumers,
    webhooks: KeptWebhooks,
    bot_endpoints: KeptBotEndpoints,
    affairs: Affairs,
    thread_cursors: ThreadCursors,
    blocks: Blocks,
    durable: State,
    applied: State,
    /// Batches that are applied and wait for a flush. As many as there are callers waiting.
    waiting: Vec<Waiting>,
    /// What a failed flush left on the disk all the same; seen after recovery.
    left_by_failed_flush: Vec<Change>,
}

/// A batch whose changes are not durable yet.
struct Waiting {
    changes: Vec<Change>,
    outcomes: Outcomes,
    answer: oneshot::Sender<Outcomes>,
}

impl MemoryStore {
    /// An empty store without faults.
    pub fn new(limits: Limits) -> Self {
        Self::with_faults(limits, Faults::default())
    }

    /// An empty store that begins with these faults.
    pub fn with_faults(limits: Limits, faults: Faults) -> Self {
        let inner = Inner {
            limits,
            faults,
            health: Health::Accepting,
            people: People::default(),
            leases: KeptLeases::default(),
            lease_terms: LeaseTerms::default(),
            consumers: KeptConsumers::default(),
            webhooks: KeptWebhooks::default(),
            bot_endpoints: KeptBotEndpoints::default(),
            affairs: Affairs::default(),
            thread_cursors: ThreadCursors::default(),
            blocks: Blocks::default(),
            durable: State::default(),
            applied: State::default(),
            waiting: Vec::new(),
            left_by_failed_flush: Vec::new(),
        };
        Self {
            epoch: Uuid::new_v4(),
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// What makes this store fail. Outlives no crash: ask the store that a crash returned.
    pub fn faults(&self) -> FaultControl {
        FaultControl::of(Arc::clone(&self.inner))
    }

    /// Pulls the plug, and returns the store as it is after the restart: with everything durable, the
    /// same history, and no faults. This one is closed from now on.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut inner = self.inner.lock();
        inner.health = Health::Closed;
        inner.waiting.clear();
        inner.reload();
        let restarted = Inner {
            limits: inner.limits.clone(),
            faults: Faults::default(),
            health: Health::Accepting,
            people: inner.people.clone(),
            leases: inner.leases.clone(),
            // Whoever had one is gone.
            lease_terms: LeaseTerms::default(),
            consumers: inner.consumers.clone(),
            webhooks: inner.webhooks.clone(),
            bot_endpoints: inner.bot_endpoints.clone(),
            affairs: inner.affairs.clone(),
            thread_cursors: inner.thread_cursors.clone(),
            blocks: inner.blocks.clone(),
            durable: inner.durable.clone(),
            applied: inner.applied.clone(),
            waiting: Vec::new(),
            left_by_failed_flush: Vec::new(),
        };
        Self {
            epoch: self.epoch,
            inner: Arc::new(Mutex::new(restarted)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl Inner {
    /// Decides and applies a batch; the receiver is answered by the flush that it is in.
    fn submit(&mut self, batch: Batch) -> oneshot::Receiver<Outcomes> {
        let (answer, answered) = oneshot::channel();
        if self.health == Health::Accepting {
            let mut changes = Vec::new();
            let outcomes = batch
                .into_iter()
                .map(|command| {
                    let limits = &self.limits;
                    let people = (&self.people, &self.blocks);
                    let outcome = self.applied.perform(people, limits, command, &mut changes);
                    outcome.map_err(CommitError::from)
                })
                .collect();
            self.waiting.push(Waiting {
                changes,
                outcomes,
                answer,
            });
            if !self.faults.flushes_held {
                self.flush();
            }
        }
        answered
    }

    /// Makes everything that waits durable and answers it, or fails to. An answer that is dropped
    /// instead of sent says "unavailable".
    fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() && self.faults.take_flush_failure() {
            self.health = Health::Recovering;
            if self.faults.survival == Survival::Kept {
                let changes = waiting.into_iter().flat_map(|batch| batch.changes);
                self.left_by_failed_flush.extend(changes);
            }
            return;
        }
        for batch in waiting {
            for change in &batch.changes {
                self.keep(change);
            }
            // Whoever asked may have gone; the batch happened all the same.
            let _ = batch.answer.send(batch.outcomes);
        }
    }

    /// Reads the disk anew: what it holds is the truth from now on.
    fn reload(&mut self) {
        for change in std::mem::take(&mut self.left_by_failed_flush) {
            self.keep(&change);
        }
        self.applied = self.durable.clone();
    }

    fn readable(&self) -> Result<&State, ReadError> {
        match self.health {
            Health::Accepting | Health::Recovering => Ok(&self.durable),
            Health::Closed => Err(ReadError::Unavailable),
        }
    }

    fn people(&self) -> Result<&People, DirectoryError> {
        match self.health {
            Health::Accepting | Health::Recovering => Ok(&self.people),
            Health::Closed => Err(DirectoryError::Unavailable),
        }
    }

    fn people_mut(&mut self) -> Result<&mut People, DirectoryError> {
        match self.health {
            Health::Accepting => Ok(&mut self.people),
            Health::Recovering | Health::Closed => Err(DirectoryError::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests;

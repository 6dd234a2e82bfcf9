//! What can be made to go wrong; the model is described in the [parent module](super).

use std::sync::Arc;

use parking_lot::Mutex;

use super::Inner;
use crate::Health;

/// Whether the changes of a failed flush are there after recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survival {
    /// They are gone.
    #[default]
    Lost,
    /// The disk had written them before it reported the error.
    Kept,
}

/// The faults that a store begins with; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many of the next flushes fail, one recovery after another.
    pub flush_failures: u32,
    /// What becomes of the changes in them.
    pub survival: Survival,
    /// Whether flushes wait until they are released.
    pub flushes_held: bool,
}

impl Faults {
    /// Whether the flush that begins now is to fail; counts it.
    pub(crate) fn take_flush_failure(&mut self) -> bool {
        let fails = self.flush_failures > 0;
        self.flush_failures = self.flush_failures.saturating_sub(1);
        fails
    }
}

/// Makes a [`MemoryStore`](super::MemoryStore) fail, while others use it.
#[derive(Clone)]
pub struct FaultControl {
    inner: Arc<Mutex<Inner>>,
}

impl FaultControl {
    pub(super) fn of(inner: Arc<Mutex<Inner>>) -> Self {
        Self { inner }
    }

    /// The next `flushes` fail. After each, the store takes nothing until [`recover`](Self::recover).
    pub fn fail_flushes(&self, flushes: u32, survival: Survival) {
        let mut inner = self.inner.lock();
        inner.faults.flush_failures = flushes;
        inner.faults.survival = survival;
    }

    /// From now on commands wait for [`release_flushes`](Self::release_flushes).
    pub fn hold_flushes(&self) {
        self.inner.lock().faults.flushes_held = true;
    }

    /// Flushes everything that waits, together, and holds nothing from now on.
    pub fn release_flushes(&self) {
        let mut inner = self.inner.lock();
        inner.faults.flushes_held = false;
        inner.flush();
    }

    /// How many batches are decided and wait for a flush.
    pub fn batches_waiting(&self) -> usize {
        self.inner.lock().waiting.len()
    }

    /// Ends [`Health::Recovering`]: reads the disk anew and takes commands again. Does nothing
    /// to a store that accepts or is closed.
    pub fn recover(&self) {
        let mut inner = self.inner.lock();
        if inner.health == Health::Recovering {
            inner.reload();
            inner.health = Health::Accepting;
        }
    }
}

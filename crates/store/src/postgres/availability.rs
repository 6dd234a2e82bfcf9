//! Whether commands are taken, as everybody may know at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Health;

/// How many writers have no way to the server now.
#[derive(Default)]
pub(crate) struct Availability(AtomicUsize);

impl Availability {
    pub(crate) fn health(&self) -> Health {
        match self.0.load(Ordering::Acquire) {
            0 => Health::Accepting,
            _ => Health::Recovering,
        }
    }

    /// One more has none, until the return value is dropped.
    pub(crate) fn lose(self: &Arc<Self>) -> Lost {
        self.0.fetch_add(1, Ordering::AcqRel);
        Lost(Arc::clone(self))
    }
}

pub(crate) struct Lost(Arc<Availability>);

impl Drop for Lost {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

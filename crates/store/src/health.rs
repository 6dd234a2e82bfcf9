//! What everybody may know of the writer at any moment.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::Health;

/// The present [`Health`]; only the writer changes it.
pub(crate) struct HealthCell(AtomicU8);

impl HealthCell {
    pub(crate) fn new(health: Health) -> Self {
        Self(AtomicU8::new(health as u8))
    }

    pub(crate) fn get(&self) -> Health {
        match self.0.load(Ordering::Acquire) {
            value if value == Health::Accepting as u8 => Health::Accepting,
            value if value == Health::Recovering as u8 => Health::Recovering,
            _ => Health::Closed,
        }
    }

    pub(crate) fn set(&self, health: Health) {
        self.0.store(health as u8, Ordering::Release);
    }
}

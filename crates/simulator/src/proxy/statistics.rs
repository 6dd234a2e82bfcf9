//! What the network did, in numbers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::faults::Cut;

/// What a proxy has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that clients made.
    pub connections: u64,
    /// Bytes that arrived, in both directions.
    pub bytes: u64,
    /// Chunks that were held back.
    pub delays: u64,
    /// Connections that were reset.
    pub resets: u64,
    /// Connections that were closed in the middle.
    pub finishes: u64,
    /// Connections that swallowed bytes for a while and were reset then.
    pub stalls: u64,
    /// Connections that found no server.
    pub unreachable: u64,
}

impl Statistics {
    /// Connections that the network itself ended.
    pub fn cuts(&self) -> u64 {
        self.resets + self.finishes + self.stalls
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} connections ({} found no server), {} cuts ({} reset, {} closed, {} stalled), {} delays, {} KiB",
            self.connections,
            self.unreachable,
            self.cuts(),
            self.resets,
            self.finishes,
            self.stalls,
            self.delays,
            self.bytes / 1024,
        )
    }
}

/// [`Statistics`] that every connection adds to.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) delays: AtomicU64,
    pub(super) unreachable: AtomicU64,
    resets: AtomicU64,
    finishes: AtomicU64,
    stalls: AtomicU64,
}

impl Counters {
    pub(super) fn count_cut(&self, cut: Cut) {
        let counter = match cut {
            Cut::Reset => &self.resets,
            Cut::Finish => &self.finishes,
            Cut::Stall(_) => &self.stalls,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            connections: read(&self.connections),
            bytes: read(&self.bytes),
            delays: read(&self.delays),
            resets: read(&self.resets),
            finishes: read(&self.finishes),
            stalls: read(&self.stalls),
            unreachable: read(&self.unreachable),
        }
    }
}

//! Pages of threads and of their replies, as every engine that speaks SQL puts them together.

use tidemark_core::Position;

use crate::log_page::Entry;
use crate::{PageLimits, ThreadStanding, ThreadView, ThreadsPage};

/// Entries in the order in which they come, as long as they fit; at least one.
pub(crate) struct Taken {
    limits: PageLimits,
    text_bytes: usize,
    pub(crate) entries: Vec<Entry>,
    /// Whether one found no room.
    pub(crate) more: bool,
}

impl Taken {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            limits,
            text_bytes: 0,
            entries: Vec::new(),
            more: false,
        }
    }

    /// How many entries to look for: one more than the page holds says whether there are others.
    pub(crate) fn wanted(limits: PageLimits) -> usize {
        limits.entries_max.max(1).saturating_add(1)
    }

    /// Whether another entry needs no look, because there is no room for any.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.limits.entries_max.max(1)
    }

    /// Takes an entry as it stands by now; false if it found no room, and then none after it does.
    pub(crate) fn take(&mut self, entry: Entry) -> bool {
        self.text_bytes += entry.text_bytes();
        let fits = !self.is_full() && self.text_bytes <= self.limits.text_bytes_max;
        if self.more || (!fits && !self.entries.is_empty()) {
            self.more = true;
            return false;
        }
        self.entries.push(entry);
        true
    }
}

/// A page of threads that takes them, last active first, as long as they fit.
pub(crate) struct Threads {
    limits: PageLimits,
    text_bytes: usize,
    taken: Vec<ThreadView>,
    is_full: bool,
}

impl Threads {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            limits,
            text_bytes: 0,
            taken: Vec::new(),
            is_full: false,
        }
    }

    /// Takes a thread with its first message as it stands; false if it found no room.
    pub(crate) fn take(&mut self, active: Position, root: Entry, standing: ThreadStanding) -> bool {
        self.text_bytes += root.text_bytes();
        let held = self.taken.len();
        let fits = held < self.limits.entries_max && self.text_bytes <= self.limits.text_bytes_max;
        if self.is_full || (!fits && held > 0) {
            self.is_full = true;
            return false;
        }
        let conversation = root.event.conversation;
        self.taken
            .extend(root.into_message().map(|root| ThreadView {
                conversation,
                root,
                active,
                standing,
            }));
        true
    }

    pub(crate) fn finish(self) -> ThreadsPage {
        let last = self.taken.last().map(|thread| thread.active);
        ThreadsPage {
            next: last.filter(|_| self.is_full),
            threads: self.taken,
        }
    }
}

//! Pages of threads and of their replies, as every engine that speaks SQL puts them together.

use tidemark_core::Position;

use crate::log_page::{Entry, Part};
use crate::page_room::PageRoom;
use crate::{PageLimits, ThreadStanding, ThreadView, ThreadsPage};

/// Entries in the order in which they come, as long as they fit; at least one.
pub(crate) struct Taken {
    room: PageRoom,
    entries: Vec<Entry>,
}

impl Taken {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            room: PageRoom::of(limits),
            entries: Vec::new(),
        }
    }

    /// Takes an entry as it stands by now; false if it found no room, and then none after it does.
    pub(crate) fn take(&mut self, entry: Entry) -> bool {
        let fits = self.room.take(entry.text_bytes());
        if fits {
            self.entries.push(entry);
        }
        fits
    }

    /// What was taken, in that order.
    pub(crate) fn finish(self) -> Part {
        Part {
            more: self.room.is_full(),
            entries: self.entries,
        }
    }
}

/// A page of threads that takes them, last active first, as long as they fit.
pub(crate) struct Threads {
    room: PageRoom,
    taken: Vec<ThreadView>,
}

impl Threads {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            room: PageRoom::of(limits),
            taken: Vec::new(),
        }
    }

    /// Takes a thread with its first message as it stands; false if it found no room.
    pub(crate) fn take(&mut self, active: Position, root: Entry, standing: ThreadStanding) -> bool {
        if !self.room.take(root.text_bytes()) {
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
            next: last.filter(|_| self.room.is_full()),
            threads: self.taken,
        }
    }
}

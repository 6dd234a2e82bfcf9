//! How much a page still holds, for every page that is put together entry by entry.

use crate::PageLimits;

/// The room in a page: by entries and by the text that they bring. The first entry always finds some.
pub(crate) struct PageRoom {
    limits: PageLimits,
    entries: usize,
    text_bytes: usize,
    is_full: bool,
}

impl PageRoom {
    /// An empty page.
    pub(crate) fn of(limits: PageLimits) -> Self {
        Self {
            limits,
            entries: 0,
            text_bytes: 0,
            is_full: false,
        }
    }

    /// How many entries to look for: one more than the page holds says whether there are others.
    pub(crate) fn wanted(limits: PageLimits) -> usize {
        limits.entries_max.max(1).saturating_add(1)
    }

    /// Takes an entry with so much text; false if it found no room, and then none after it does.
    pub(crate) fn take(&mut self, text_bytes: usize) -> bool {
        self.text_bytes += text_bytes;
        let fits =
            self.entries < self.limits.entries_max && self.text_bytes <= self.limits.text_bytes_max;
        self.is_full |= !fits && self.entries > 0;
        self.entries += usize::from(!self.is_full);
        !self.is_full
    }

    /// Whether an entry found no room.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}

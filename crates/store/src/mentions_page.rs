//! Pages of mentions, as every engine that speaks SQL puts them together.

use crate::log_page::Entry;
use crate::{Mentioned, MentionsPage, PageLimits};

/// A page that takes entries, newest first, as long as they fit.
pub(crate) struct Mentions {
    limits: PageLimits,
    text_bytes: usize,
    page: MentionsPage,
    is_full: bool,
}

impl Mentions {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            limits,
            text_bytes: 0,
            page: MentionsPage {
                mentions: Vec::new(),
                next: None,
            },
            is_full: false,
        }
    }

    /// How many entries to look for: one more than the page holds says whether there are others.
    pub(crate) fn wanted(limits: PageLimits) -> usize {
        limits.entries_max.max(1).saturating_add(1)
    }

    /// Takes an entry as it stands by now; false if it found no room, and then none after it does.
    pub(crate) fn take(&mut self, entry: Entry) -> bool {
        self.text_bytes += entry.text_bytes();
        let held = self.page.mentions.len();
        let fits = held < self.limits.entries_max.max(1)
            && (held == 0 || self.text_bytes <= self.limits.text_bytes_max);
        if self.is_full || !fits {
            self.is_full = true;
            return false;
        }
        let (position, conversation) = (entry.position, entry.event.conversation);
        self.page.next = Some(position);
        let message = entry.into_message();
        self.page.mentions.extend(message.map(|message| Mentioned {
            position,
            conversation,
            message,
        }));
        true
    }

    pub(crate) fn finish(self) -> MentionsPage {
        let next = self.page.next.filter(|_| self.is_full);
        MentionsPage { next, ..self.page }
    }
}

//! Pages of mentions, as every engine that speaks SQL puts them together.

use crate::log_page::Entry;
use crate::page_room::PageRoom;
use crate::{Mentioned, MentionsPage, PageLimits};

/// A page that takes entries, newest first, as long as they fit.
pub(crate) struct Mentions {
    room: PageRoom,
    page: MentionsPage,
}

impl Mentions {
    pub(crate) fn new(limits: PageLimits) -> Self {
        Self {
            room: PageRoom::of(limits),
            page: MentionsPage {
                mentions: Vec::new(),
                next: None,
            },
        }
    }

    /// Takes an entry as it stands by now; false if it found no room, and then none after it does.
    pub(crate) fn take(&mut self, entry: Entry) -> bool {
        if !self.room.take(entry.text_bytes()) {
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
        let next = self.page.next.filter(|_| self.room.is_full());
        MentionsPage { next, ..self.page }
    }
}

//! Pages of what a user changed of their own, as every engine puts them together.

use tidemark_core::ConversationId;
use tidemark_core::conversation::Membership;
use tidemark_core::personal::Kept;

use crate::page_room::PageRoom;
use crate::{PageLimits, PersonalPage};

/// A page that takes what is kept, in the order of versions, as long as it fits.
pub(crate) struct Changes {
    room: PageRoom,
    page: PersonalPage,
}

impl Changes {
    /// An empty page of a user whose last change has this version.
    pub(crate) fn new(limits: PageLimits, last: u64) -> Self {
        let page = PersonalPage {
            changes: Vec::new(),
            version: last,
            more: false,
        };
        let room = PageRoom::of(limits);
        Self { room, page }
    }

    /// Takes the next one; false if it found no room. What is left of an earlier membership is passed over.
    pub(crate) fn take(
        &mut self,
        conversation: ConversationId,
        kept: Kept,
        membership: &Membership,
    ) -> bool {
        let state = kept.seen_by(membership);
        if state.version == 0 {
            return true;
        }
        let draft = state.personal.draft.as_ref();
        if !self.room.take(draft.map_or(0, |draft| draft.text.len())) {
            if let Some((_, last)) = self.page.changes.last() {
                self.page.version = last.version;
            }
            self.page.more = true;
            return false;
        }
        self.page.changes.push((conversation, state));
        true
    }

    pub(crate) fn finish(self) -> PersonalPage {
        self.page
    }
}

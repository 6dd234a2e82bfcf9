//! What of other people's cursors a caller is shown.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Conversation, shows_cursor};

use crate::{MembersPage, Receipts};

/// Rows to ask for where one of a pair may be left out, so that the other is among them.
pub(crate) fn entries_of_pair(entries_max: usize) -> usize {
    entries_max.max(2)
}

impl Receipts {
    /// Those that the caller is shown, of each at most `entries_max`.
    pub(crate) fn seen_by(
        mut self,
        caller: &Caller,
        conversation: &Conversation,
        entries_max: usize,
    ) -> Self {
        self.readers
            .retain(|reader| shows_cursor(conversation, caller, &reader.user));
        self.readers.truncate(entries_max);
        self.delivered
            .retain(|one| shows_cursor(conversation, caller, &one.user));
        self.delivered.truncate(entries_max);
        self
    }
}

impl MembersPage {
    /// The same, where a cursor that is hidden stands as if its user had read nothing since they came.
    pub(crate) fn seen_by(mut self, caller: &Caller, conversation: &Conversation) -> Self {
        for member in &mut self.members {
            if !shows_cursor(conversation, caller, &member.user) {
                member.read = member.joined;
            }
        }
        self
    }
}

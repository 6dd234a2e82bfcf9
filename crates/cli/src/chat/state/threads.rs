//! What is unread in the threads of a conversation.

use std::collections::BTreeMap;

use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{Seq, UserId};

use super::OpenRoom;

/// Up to where the person has read threads, by the places of their first messages.
#[derive(Debug, Default)]
pub(super) struct ThreadCursors {
    known: BTreeMap<Seq, Seq>,
    /// The head when the server named the threads that the person takes part in. Others began, or were joined, since.
    as_of: Option<Seq>,
}

impl ThreadCursors {
    /// Takes over what the server said of the threads that the person takes part in, at the head `as_of`.
    pub(super) fn learn(&mut self, cursors: &[(Seq, Seq)], as_of: Seq) {
        self.as_of.get_or_insert(as_of);
        for (root, read) in cursors {
            self.read(*root, *read);
        }
    }

    /// A cursor moved; it never moves back.
    pub(super) fn read(&mut self, root: Seq, read: Seq) {
        let known = self.known.entry(root).or_default();
        *known = read.max(*known);
    }

    /// Up to where the person has read the thread below a message, if that is to be counted from.
    fn of(&self, root: &TimelineMessage, me: &UserId) -> Option<Seq> {
        let takes_part = || {
            let mut people = root.replies.iter().flat_map(|below| &below.participants);
            root.message.sender == *me || people.any(|user| user == me)
        };
        let known = self.known.get(&root.seq).copied();
        known.or_else(|| self.as_of.filter(|_| takes_part()))
    }
}

impl OpenRoom {
    /// How many replies below a message somebody else sent that the person has not read; none in threads that they
    /// have nothing to do with. All replies are at hand where the first message is.
    pub(in crate::chat) fn unread_below(&self, root: &TimelineMessage, me: &UserId) -> usize {
        let last = root.replies.as_ref().map(|below| below.last.seq);
        let Some(read) = self.threads.of(root, me).filter(|read| last > Some(*read)) else {
            return 0;
        };
        let is_unread = |message: &&TimelineMessage| {
            let is_below = message.message.thread.is_some_and(|it| it.root == root.seq);
            is_below && message.message.sender != *me && !message.deleted
        };
        self.messages_after(read).filter(is_unread).count()
    }
}

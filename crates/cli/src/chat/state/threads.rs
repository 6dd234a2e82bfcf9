//! Threads: the one on screen, and what is unread in all.

use std::collections::BTreeMap;

use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq, UserId};

use super::{Effect, Entry, OpenRoom, Scroll, State};

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

    /// A cursor moved; it never moves back. Whether it did.
    pub(super) fn read(&mut self, root: Seq, read: Seq) -> bool {
        let known = self.known.insert(root, read);
        match known.filter(|known| *known >= read) {
            Some(further) => {
                self.known.insert(root, further);
                false
            }
            None => true,
        }
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

/// The thread that is on screen instead of its conversation.
#[derive(Debug)]
pub(in crate::chat) struct OpenThread {
    /// The place of its first message.
    pub(in crate::chat) root: Seq,
    /// Whether all that can be shown of it is at hand, and it is known what was read.
    pub(in crate::chat) is_loaded: bool,
    /// Up to where we said that the person has read.
    pub(super) told_read: Seq,
    /// Where the person was in the conversation.
    left: Place,
}

/// Where a person is in what is shown.
#[derive(Debug)]
struct Place {
    scroll: Scroll,
    new_after: Option<Seq>,
    selected: Option<Seq>,
}

impl OpenRoom {
    fn enter_thread(&mut self, root: Seq) {
        let left = Place {
            scroll: std::mem::replace(&mut self.scroll, Scroll::Bottom),
            new_after: self.new_after.take(),
            selected: self.selected.take(),
        };
        self.thread = Some(OpenThread {
            root,
            is_loaded: false,
            told_read: Seq::ZERO,
            left,
        });
        self.show_again();
    }

    fn leave_thread(&mut self) {
        if let Some(OpenThread { left, .. }) = self.thread.take() {
            self.scroll = left.scroll;
            self.new_after = left.new_after;
            self.selected = left.selected;
            self.show_again();
            // What was new may have been in threads only.
            let last = self.entries.last().map(Entry::seq);
            self.new_after = self.new_after.filter(|after| last > Some(*after));
        }
    }

    /// The person looks at a thread while more happens in the conversation, of which all was read.
    pub(super) fn remember_new(&mut self, read: Seq) {
        if let Some(thread) = &mut self.thread {
            thread.left.new_after = Some(read);
        }
    }

    /// Whether what is on screen was loaded.
    pub(in crate::chat) fn is_view_loaded(&self) -> bool {
        let thread = self.thread.as_ref();
        thread.map_or(self.is_loaded, |thread| thread.is_loaded)
    }
}

impl State {
    /// The thread on screen.
    pub(super) fn thread_here(&self) -> Option<Seq> {
        let thread = self.open.as_ref()?.thread.as_ref()?;
        Some(thread.root)
    }

    /// Shows the thread below a message, and nothing else of the conversation.
    pub(super) fn enter_thread(&mut self, root: Seq) -> Result<(), String> {
        if self.thread_here() == Some(root) {
            return Err("this is that thread; Esc leads back".to_owned());
        }
        // The line that asked for it is no draft.
        self.draft.composer.take();
        self.leave_thread();
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let id = open.id;
        open.enter_thread(root);
        let draft = self.drafts.remove(&(id, Some(root))).unwrap_or_default();
        let left = std::mem::replace(&mut self.draft, draft);
        self.keep_draft((id, None), left);
        self.effects.push(Effect::LoadThread(id, root));
        Ok(())
    }

    /// Back to the conversation, to where the person was in it. Whether there was a thread to leave.
    pub(super) fn leave_thread(&mut self) -> bool {
        let Some(root) = self.thread_here() else {
            return false;
        };
        let Some(open) = &mut self.open else {
            return false;
        };
        let id = open.id;
        open.leave_thread();
        open.find_last_own(&self.me);
        let draft = self.drafts.remove(&(id, None)).unwrap_or_default();
        let left = std::mem::replace(&mut self.draft, draft);
        self.keep_draft((id, Some(root)), left);
        true
    }

    pub(super) fn thread_loaded(
        &mut self,
        id: ConversationId,
        root: Seq,
        outcome: Result<Seq, String>,
    ) {
        let is_it = |open: &&mut OpenRoom| {
            let thread = open.thread.as_ref().map(|thread| thread.root);
            open.id == id && thread == Some(root)
        };
        let Some(open) = self.open.as_mut().filter(is_it) else {
            return;
        };
        let read = match outcome {
            Ok(read) => read,
            Err(sentence) => {
                self.leave_thread();
                return self.complain(&sentence);
            }
        };
        open.threads.read(root, read);
        if let Some(thread) = &mut open.thread {
            thread.is_loaded = true;
        }
        let is_new =
            |message: &TimelineMessage| message.seq > read && message.message.sender != self.me;
        let mut replies = open.entries.iter().filter_map(Entry::message);
        if replies.any(|message| message.seq > root && is_new(message)) {
            open.new_after = Some(read.max(root));
        }
        if open.index_of(root).is_none() {
            self.say("the beginning of this thread is too far back to be shown");
        }
        self.show_new();
    }

    /// What is on screen of a thread, with nothing below it, is read. Whether there is a thread on screen.
    pub(super) fn tell_thread_read(&mut self, is_seen: bool) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        let Some(thread) = &mut open.thread else {
            return false;
        };
        let last = open.entries.last().map(Entry::seq);
        if let Some(last) = last.filter(|last| *last > thread.root.max(thread.told_read))
            && is_seen
            && thread.is_loaded
        {
            thread.told_read = last;
            if open.threads.read(thread.root, last) {
                self.effects
                    .push(Effect::MarkThreadRead(open.id, thread.root, last));
            }
        }
        true
    }
}

//! What is unread in threads, as far as the app asked about them.

use std::collections::BTreeMap;
use std::time::Instant;

use tidemark_core::conversation::{Change, Event, EventBody};
use tidemark_core::{ConversationId, Seq, UserId};

use super::{ClientSession, Update};
use crate::frame::{ReadThread, Request, ThreadRead};

/// How many threads are kept. Of others the app asks again when it shows them.
const THREADS_MAX: usize = 1_000;

/// A thread: its conversation and the place of its first message.
type ThreadId = (ConversationId, Seq);

/// What a user has still to see in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Up to where the user has read it.
    pub read: Seq,
    /// Replies above that which somebody else sent.
    pub unread: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    state: ThreadState,
    /// The last event that `state` takes in.
    counted_to: Seq,
}

/// Threads, and where the user wishes to have read them.
#[derive(Debug, Default)]
pub(super) struct Threads {
    kept: BTreeMap<ThreadId, Kept>,
    wanted: BTreeMap<ThreadId, Seq>,
}

impl Threads {
    pub(super) fn forget(&mut self, id: ConversationId) {
        self.kept.retain(|(conversation, _), _| *conversation != id);
        self.wanted
            .retain(|(conversation, _), _| *conversation != id);
    }

    /// Takes what the server counted when the head was `head`. Whether it is news; nothing if more was counted since.
    fn counted(&mut self, thread: ThreadId, head: Seq, state: ThreadState) -> Option<bool> {
        if self.wanted.get(&thread).is_some_and(|it| *it <= state.read) {
            self.wanted.remove(&thread);
        }
        if let Some(kept) = self.kept.get(&thread) {
            if state.read < kept.state.read {
                return Some(false);
            }
            if head < kept.counted_to {
                return None;
            }
        }
        let counted_to = head;
        let before = self.kept.insert(thread, Kept { state, counted_to });
        while self.kept.len() > THREADS_MAX {
            self.kept.pop_first();
        }
        Some(before.is_none_or(|before| before.state != state))
    }

    /// Counts an event. The thread in which there is more to see by it, or, with `false`, perhaps less.
    fn count(&mut self, event: &Event, me: &UserId) -> Option<(ThreadId, bool)> {
        match &event.body {
            EventBody::Message(message) => {
                let thread = (event.conversation, message.thread?.root);
                let kept = self.kept.get_mut(&thread)?;
                if event.seq <= kept.counted_to {
                    return None;
                }
                kept.counted_to = event.seq;
                // A message without words was deleted; that follows, and takes off what is counted here.
                let is_unread = message.sender != *me && event.seq > kept.state.read;
                kept.state.unread += u64::from(is_unread);
                is_unread.then_some((thread, true))
            }
            EventBody::Amendment(amendment) => {
                let Change::Delete {
                    thread: Some(root), ..
                } = amendment.change
                else {
                    return None;
                };
                let thread = (event.conversation, root);
                let kept = self.kept.get_mut(&thread)?;
                let is_counted = event.seq <= kept.counted_to;
                kept.counted_to = kept.counted_to.max(event.seq);
                let concerns = !is_counted && amendment.target > kept.state.read;
                concerns.then_some((thread, false))
            }
            _ => None,
        }
    }
}

impl ClientSession {
    /// What is known of the thread below the message at `thread`: nothing before a page of it was
    /// [learned](Self::learn_thread) or its cursor moved.
    pub fn thread(&self, conversation: ConversationId, thread: Seq) -> Option<ThreadState> {
        let kept = self.threads.kept.get(&(conversation, thread))?;
        Some(kept.state)
    }

    /// Takes what a page of a thread said when the conversation's head was `head`.
    pub fn learn_thread(
        &mut self,
        conversation: ConversationId,
        thread: Seq,
        head: Seq,
        state: ThreadState,
    ) {
        let id = (conversation, thread);
        if self.threads.counted(id, head, state) == Some(true) {
            self.show_thread(id);
        }
    }

    /// Moves the user's cursor in a thread up to `seq`; told again after a reconnection if need be.
    pub fn mark_thread_read(
        &mut self,
        now: Instant,
        conversation: ConversationId,
        thread: Seq,
        seq: Seq,
    ) {
        let id = (conversation, thread);
        let read = self.thread(conversation, thread).map(|state| state.read);
        let wanted = self.threads.wanted.get(&id).copied();
        if seq <= read.max(wanted).unwrap_or_default() {
            return;
        }
        self.threads.wanted.insert(id, seq);
        while self.threads.wanted.len() > THREADS_MAX {
            self.threads.wanted.pop_first();
        }
        self.tell_thread_read(now, id, seq);
    }

    /// Tells a new connection what the one before may have lost.
    pub(super) fn tell_threads_read(&mut self, now: Instant) {
        for (id, seq) in self.threads.wanted.clone() {
            self.tell_thread_read(now, id, seq);
        }
    }

    pub(super) fn thread_read(&mut self, now: Instant, read: ThreadRead) {
        let id = (read.conversation.0, read.thread.0);
        if !self.tracks.contains_key(&id.0) {
            return;
        }
        let state = ThreadState {
            read: read.read_seq.0,
            unread: read.unread,
        };
        match self.threads.counted(id, read.head_seq.0, state) {
            Some(true) => self.show_thread(id),
            Some(false) => {}
            // An event was faster than this frame: the same wish brings a newer count.
            None => self.tell_thread_read(now, id, state.read),
        }
    }

    /// Counts an event of a followed conversation.
    pub(super) fn count_in_thread(&mut self, now: Instant, event: &Event) {
        let Some(me) = &self.me else { return };
        match self.threads.count(event, me) {
            Some((id, true)) => self.show_thread(id),
            Some((id, false)) => {
                let read = self.thread(id.0, id.1).map(|state| state.read);
                self.tell_thread_read(now, id, read.unwrap_or_default());
            }
            None => {}
        }
    }

    fn tell_thread_read(&mut self, now: Instant, (conversation, thread): ThreadId, seq: Seq) {
        if self.is_online() && seq > Seq::ZERO {
            let read = ReadThread {
                id: None,
                conversation,
                thread,
                seq,
            };
            self.ask(now, Request::ThreadRead(read));
        }
    }

    fn show_thread(&mut self, (conversation, thread): ThreadId) {
        if let Some(state) = self.thread(conversation, thread) {
            self.updates.push_back(Update::Thread {
                conversation,
                thread,
                read: state.read,
                unread: state.unread,
            });
        }
    }
}

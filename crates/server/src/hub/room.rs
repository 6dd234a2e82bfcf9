//! The sockets that one conversation's events go to.

use std::sync::Arc;

use indexmap::IndexMap;
use tidemark_core::Seq;

use super::outbox::{Item, PublishedEvent};
use super::session::Session;

type Sessions = IndexMap<u64, Arc<Session>>;

/// The sockets of one conversation in this process.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Every socket of a member, and of whoever else has it open.
    subscribed: Sessions,
    /// Those that have it on screen: in a large conversation, only they get full events.
    open: Sessions,
    /// What the others have not been told yet, in a large conversation.
    untold_head: Option<Seq>,
}

impl Room {
    pub(super) fn subscribe(&mut self, session: &Arc<Session>) {
        self.subscribed.insert(session.key, Arc::clone(session));
    }

    pub(super) fn unsubscribe(&mut self, key: u64) {
        self.subscribed.swap_remove(&key);
        self.open.swap_remove(&key);
    }

    pub(super) fn open(&mut self, session: &Arc<Session>) {
        self.subscribe(session);
        self.open.insert(session.key, Arc::clone(session));
    }

    pub(super) fn close(&mut self, key: u64) {
        self.open.swap_remove(&key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribed.is_empty()
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.subscribed.values()
    }

    /// Pushes an event to all but `except`, whose answer stands for it. Gives back how many had no
    /// room for it.
    pub(super) fn push(&mut self, event: &Arc<PublishedEvent>, large: bool, except: u64) -> u64 {
        let audience = if large { &self.open } else { &self.subscribed };
        let mut overflows = 0;
        for session in audience.values().filter(|session| session.key != except) {
            if !session.outbox.push(Item::Event(Arc::clone(event))) {
                overflows += 1;
            }
        }
        self.untold_head = large.then_some(event.seq);
        overflows
    }

    /// Tells whoever gets no full events how far the conversation has come.
    pub(super) fn tell_head(&mut self, event_of: impl Fn(Seq) -> Item) {
        let Some(head) = self.untold_head.take() else {
            return;
        };
        for (key, session) in &self.subscribed {
            if !self.open.contains_key(key) {
                session.outbox.push(event_of(head));
            }
        }
    }
}

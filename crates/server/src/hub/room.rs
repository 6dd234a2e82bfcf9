//! The sockets that one conversation's events go to.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use tidemark_core::conversation::Role;
use tidemark_core::typing::Typists;
use tidemark_core::{Seq, UserId};

use super::arrival::Arrival;
use super::order::Order;
use super::outbox::{Item, PublishedEvent};
use super::session::Session;
use super::silence::Silence;

type Sessions = IndexMap<u64, Arc<Session>>;

/// The sockets of one conversation in this process.
#[derive(Debug)]
pub(super) struct Room {
    /// What was pushed, and what waits for what comes before it.
    pub(super) order: Order<Arrival>,
    /// Every socket of a member. Only who knows of a membership puts a socket in or takes it out.
    subscribed: Sessions,
    /// Those that have it on screen: in a large conversation, only they get full events. Whether they may
    /// is for their sockets to say, which write nothing of what they do not follow.
    open: Sessions,
    /// Those of `open` that are no person's, so that no membership puts them among the subscribed.
    guests: Sessions,
    /// What the others have not been told yet, in a large conversation.
    untold_head: Option<Seq>,
    /// How many members the conversation has, as the last event or else the store said.
    pub(super) members: Option<u64>,
    /// Those of the members with a socket here who are guests, and so do not write.
    pub(super) quiet: HashSet<UserId>,
    /// Who is writing, as far as this node told others of it.
    pub(super) typists: Typists,
    /// Whether the two of a direct conversation are kept from seeing each other write; nothing as long as nobody asked.
    pub(super) silence: Silence,
}

impl Room {
    /// An empty room, to which the event after this place is to be pushed next.
    pub(super) fn after(pushed: Option<Seq>) -> Self {
        Self {
            order: Order::after(pushed),
            subscribed: Sessions::default(),
            open: Sessions::default(),
            guests: Sessions::default(),
            untold_head: None,
            members: None,
            quiet: HashSet::new(),
            typists: Typists::default(),
            silence: Silence::default(),
        }
    }

    /// Whether it was not in yet.
    pub(super) fn subscribe(&mut self, session: &Arc<Session>) -> bool {
        let previous = self.subscribed.insert(session.key, Arc::clone(session));
        previous.is_none()
    }

    pub(super) fn unsubscribe(&mut self, key: u64) {
        self.subscribed.swap_remove(&key);
        self.close(key);
    }

    pub(super) fn open(&mut self, session: &Arc<Session>) {
        self.open.insert(session.key, Arc::clone(session));
        if session.caller.user().is_none() {
            self.guests.insert(session.key, Arc::clone(session));
        }
    }

    pub(super) fn close(&mut self, key: u64) {
        self.open.swap_remove(&key);
        self.guests.swap_remove(&key);
    }

    pub(super) fn has(&self, key: u64) -> bool {
        self.subscribed.contains_key(&key) || self.open.contains_key(&key)
    }

    /// Whether it is a member's socket.
    pub(super) fn is_member(&self, key: u64) -> bool {
        self.subscribed.contains_key(&key)
    }

    /// The sockets of members.
    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.subscribed.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribed.is_empty() && self.open.is_empty()
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.subscribed.values().chain(self.guests.values())
    }

    /// Who gets what is pushed.
    pub(super) fn audience(&self, large: bool) -> impl Iterator<Item = &Arc<Session>> {
        let (audience, guests) = if large {
            (&self.open, None)
        } else {
            (&self.subscribed, Some(&self.guests))
        };
        audience
            .values()
            .chain(guests.into_iter().flat_map(Sessions::values))
    }

    /// Pushes an event to all but `except`, whose answer stands for it; after a deletion all of them are told what is
    /// unread. Gives back how many had no
    /// room for it.
    pub(super) fn push(&mut self, event: &Arc<PublishedEvent>, large: bool, except: u64) -> u64 {
        let mut overflows = 0;
        for session in self.audience(large) {
            if event.deletes && session.caller.user().is_some() {
                session.outbox.push(Item::Recount(event.conversation));
            }
            if session.key == except {
                continue;
            }
            if event.veiled && session.caller.user().is_some() {
                session
                    .outbox
                    .push(Item::Head(event.conversation, event.seq));
            } else if !session.outbox.push(Item::Event(Arc::clone(event))) {
                overflows += 1;
            }
        }
        self.untold_head = large.then_some(event.seq);
        overflows
    }

    /// Somebody's role is this one from now on.
    pub(super) fn learn_role(&mut self, user: &UserId, role: Role) {
        if role == Role::Guest {
            self.quiet.insert(user.clone());
        } else {
            self.quiet.remove(user);
        }
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

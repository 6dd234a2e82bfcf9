//! An event comes to this node: from its own commits, from another node, or from the store. All three meet under
//! the lock of the room, which passes each place on once, in order, with what it does to memberships.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tidemark_core::conversation::{Change, Event, EventBody, History, Joined};
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::frame::{Ack, encode_event};

use super::Hub;
use super::order::Offered;
use super::outbox::{Item, PublishedEvent};
use super::peers::gap_in;
use super::room::Room;
use super::session::Session;

/// A key that no session has.
const NOBODY: u64 = 0;

/// An event on its way to the sockets of this node.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) event: Arc<PublishedEvent>,
    /// How many members the conversation has after it.
    pub(super) members: u64,
    pub(super) joined: Vec<UserId>,
    pub(super) left: Vec<UserId>,
    /// Whose role is which one from now on, where that was read from the event.
    pub(super) roles: Vec<Joined>,
    /// Whose message it is, where that was read from the event.
    pub(super) sender: Option<UserId>,
    /// What the socket gets that asked for it, in its place.
    pub(super) answer: Option<(Arc<Session>, Ack)>,
}

impl Arrival {
    /// An event as the store has it; whatever is encoded for sockets is encoded here.
    /// `history` is what newcomers see of the conversation.
    pub(super) fn of(event: &Event, members: u64, history: History, committed: Instant) -> Self {
        let (mut joined, mut left, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        if let EventBody::Members(change) = &event.body {
            joined.extend(change.joined.iter().map(|joined| joined.user.clone()));
            left.extend_from_slice(&change.left);
            roles.extend(change.joined.iter().chain(&change.roles).cloned());
        }
        let amendment = event.body.as_amendment();
        let is_edit = amendment.is_some_and(|it| matches!(it.change, Change::Edit { .. }));
        Self {
            event: Arc::new(PublishedEvent {
                conversation: event.conversation,
                seq: event.seq,
                frame: encode_event(event).into(),
                named: None,
                deletes: event.body.deletes().is_some(),
                veiled: is_edit && history == History::SinceJoined,
                committed,
            }),
            members,
            joined,
            left,
            roles,
            sender: event.body.as_message().map(|it| it.sender.clone()),
            answer: None,
        }
    }

    /// Gives the socket that asked for the event its answer.
    fn acknowledge(&mut self) -> u64 {
        match self.answer.take() {
            Some((session, ack)) => {
                session.outbox.push(Item::Ack(ack));
                session.key
            }
            None => NOBODY,
        }
    }
}

impl Hub {
    /// Pushes an event from the store to whoever has not been given it. Whether anybody had missed it.
    pub(crate) fn push_missed(&self, event: &Event, members: u64, history: History) -> bool {
        let mut arrival = Arrival::of(event, members, history, Instant::now());
        if let Some(published) = Arc::get_mut(&mut arrival.event) {
            published.named = event.body.client_id();
        }
        self.arrive(arrival)
    }

    /// Pushes an event when its turn comes, which mostly is now. Whether it was.
    pub(super) fn arrive(&self, mut arrival: Arrival) -> bool {
        let conversation = arrival.event.conversation;
        let (due, gap) = self.rooms.with(&conversation, |rooms, id| {
            let Some(room) = rooms.get_mut(id) else {
                // Nobody here is in it; whoever joins by this event may be here.
                let mut room = Room::after(Some(arrival.event.seq));
                self.push(&mut room, arrival);
                self.keep(rooms, *id, room);
                return (true, None);
            };
            let (seq, bytes) = (arrival.event.seq, arrival.event.frame.len());
            let pushed_and_held = match room.order.offer(seq, arrival, bytes) {
                Offered::Due(due) => {
                    arrival = due;
                    self.push(room, arrival);
                    while let Some(next) = room.order.next_due() {
                        self.push(room, next);
                    }
                    (true, None)
                }
                Offered::Held { first } => (false, gap_in(*id, room).filter(|_| first)),
                Offered::Refused(mut refused) => {
                    // The socket finds the place of its answer by itself.
                    refused.acknowledge();
                    for user in &refused.joined {
                        self.doubt(room, *id, user);
                    }
                    (false, None)
                }
            };
            if room.is_empty() {
                self.end_if_empty(rooms, *id);
            }
            pushed_and_held
        });
        if let Some(gap) = gap {
            self.metrics.reorder_waits.inc();
            self.note_gap(gap);
        }
        due
    }

    /// Gives the sockets of the room an event whose turn it is.
    fn push(&self, room: &mut Room, mut arrival: Arrival) {
        let conversation = arrival.event.conversation;
        // Who left is out before the event is pushed, who joined is in after: neither sees it live.
        for user in &arrival.left {
            for session in self.sessions_of(user) {
                room.unsubscribe(session.key);
                session.rooms.lock().remove(&conversation);
                session.outbox.push(Item::Left(conversation));
            }
        }
        room.members = Some(arrival.members);
        for changed in &arrival.roles {
            room.learn_role(&changed.user, changed.role);
        }
        if let Some(sender) = &arrival.sender {
            room.typists.end(sender);
        }
        let sender = arrival.acknowledge();
        let large = arrival.members > self.settings.large_members;
        let overflows = room.push(&arrival.event, large, sender);
        if overflows > 0 {
            self.metrics.outbox_overflows.inc_by(overflows);
        }
        if large {
            self.untold.lock().insert(conversation);
        }
        for user in &arrival.joined {
            self.seat(room, conversation, user);
        }
        for (users, have_left) in [(&arrival.left, true), (&arrival.joined, false)] {
            for user in users {
                let sockets = self.sessions_of(user);
                self.presence
                    .acquaintance_changed(user, &sockets, have_left);
            }
        }
    }

    /// A user became a member by the event at `seq`, and perhaps nobody has told this node of the event. Whether
    /// a socket here did not know.
    pub(crate) fn add(&self, user: &UserId, conversation: ConversationId, seq: Seq) -> bool {
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get_mut(id) {
                let is_past = room.order.passed().is_some_and(|passed| passed >= seq);
                if is_past {
                    self.doubt(room, conversation, user);
                }
                return !is_past && self.seat(room, conversation, user);
            }
            let mut room = Room::after(Some(seq));
            let is_news = self.seat(&mut room, conversation, user);
            self.keep(rooms, *id, room);
            if is_news {
                let sockets = self.sessions_of(user);
                self.presence.acquaintance_changed(user, &sockets, false);
            }
            is_news
        })
    }

    /// An event made the user a member, and the room has got past it: it did what the event says, and what later
    /// ones say, too. Or it began only there, with the head that somebody read, and then nobody has done it.
    fn doubt(&self, room: &Room, conversation: ConversationId, user: &UserId) {
        let sockets = self.sessions_of(user);
        let outside = || sockets.iter().filter(|it| !room.is_member(it.key));
        for session in outside() {
            session.outbox.push(Item::Doubt(conversation));
        }
        if outside().next().is_some() {
            self.presence.acquaintance_changed(user, &sockets, false);
        }
    }

    /// Puts the sockets of a new member into the room, from its next event on. Whether there was one that was
    /// not in.
    fn seat(&self, room: &mut Room, conversation: ConversationId, user: &UserId) -> bool {
        self.users.with(user, |users, user| {
            let mut is_news = false;
            // Under the lock of the user, so that a socket that leaves now takes this room along.
            for session in users.get(user).into_iter().flatten() {
                session.rooms.lock().insert(conversation);
                if room.subscribe(session) {
                    session.outbox.push(Item::Joined(conversation));
                    is_news = true;
                }
            }
            is_news
        })
    }

    /// Keeps a new room, unless nobody is in it.
    pub(super) fn keep(
        &self,
        rooms: &mut HashMap<ConversationId, Room>,
        id: ConversationId,
        room: Room,
    ) {
        if !room.is_empty() {
            self.begin_following(id);
            rooms.insert(id, room);
        }
    }

    /// Forgets a room that nobody is in any more.
    pub(super) fn end_if_empty(
        &self,
        rooms: &mut HashMap<ConversationId, Room>,
        id: ConversationId,
    ) {
        if rooms.get(&id).is_none_or(|room| !room.is_empty()) {
            return;
        }
        if let Some(room) = rooms.remove(&id) {
            for mut waiting in room.order.into_held() {
                waiting.acknowledge();
            }
        }
        self.stop_following(id);
    }
}

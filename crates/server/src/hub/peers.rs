//! What this node tells others, what it hears from them, and what it compares with the store.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use tidemark_core::conversation::Role;
use tidemark_core::{ConversationId, Seq, SessionId, UserId};
use tokio::sync::Notify;

use super::Hub;
use super::arrival::Arrival;
use super::outbox::{Item, PublishedEvent};
use super::room::Room;
use crate::bus::{BusHealth, Hint, NodeId, Topic, encode};

/// How long an event that comes early waits for those before it, while the bus works. Nodes are milliseconds
/// apart; a message that takes longer is taken for lost.
pub(super) const REORDER_PATIENCE: Duration = Duration::from_millis(50);

/// Rooms in which something is missing, and when somebody is to look for it.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    queue: Mutex<GapQueue>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct GapQueue {
    due: VecDeque<(Instant, Gap)>,
    /// Each room is there once, however often a gap opens in it.
    rooms: HashSet<ConversationId>,
}

/// What follows a place is missing in a room, while later events are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) conversation: ConversationId,
    pub(crate) after: Seq,
}

impl Gaps {
    /// Somebody is to look after `patience` whether the gap is still there.
    pub(crate) fn note(&self, gap: Gap, patience: Duration) {
        let mut queue = self.queue.lock();
        if queue.rooms.insert(gap.conversation) {
            queue.due.push_back((Instant::now() + patience, gap));
            drop(queue);
            self.noted.notify_one();
        }
    }

    /// Waits until it is time for some, and takes them. One task asks.
    pub(crate) async fn take_due(&self) -> Vec<Gap> {
        loop {
            let now = Instant::now();
            let (due, next) = {
                let mut queue = self.queue.lock();
                let count = queue.due.iter().take_while(|(at, _)| *at <= now).count();
                let due: Vec<_> = queue.due.drain(..count).map(|(_, gap)| gap).collect();
                for gap in &due {
                    queue.rooms.remove(&gap.conversation);
                }
                (due, queue.due.front().map(|(at, _)| *at))
            };
            if !due.is_empty() {
                return due;
            }
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => self.noted.notified().await,
            }
        }
    }
}

impl Hub {
    /// How long what comes early waits for what comes before it.
    fn reorder_patience(&self) -> Duration {
        let may_come = self.bus.reaches_others() && self.bus.health() == BusHealth::Connected;
        if may_come {
            REORDER_PATIENCE
        } else {
            Duration::ZERO
        }
    }

    /// The first socket of a conversation is here.
    pub(super) fn begin_following(&self, conversation: ConversationId) {
        self.bus.follow(&Topic::Conversation(conversation));
        if self.bus.reaches_others() {
            self.fresh.lock().insert(conversation);
        }
    }

    /// The last socket of a conversation is gone.
    pub(super) fn stop_following(&self, conversation: ConversationId) {
        self.bus.unfollow(&Topic::Conversation(conversation));
    }

    /// Tells other nodes of an event, and those that have its new members, of them.
    pub(super) fn tell_event(&self, arrival: &Arrival) {
        if !self.bus.reaches_others() {
            return;
        }
        let (conversation, seq) = (arrival.event.conversation, arrival.event.seq);
        let hint = Hint::Event {
            conversation,
            seq,
            members: arrival.members,
            joined: arrival.joined.clone(),
            left: arrival.left.clone(),
            deletes: arrival.event.deletes,
            veiled: arrival.event.veiled,
            frame: arrival.event.frame.clone(),
        };
        self.tell(&Topic::Conversation(conversation), &hint);
        if !arrival.roles.is_empty() {
            let with = |is_guest: bool| {
                let roles = arrival.roles.iter();
                let some = roles.filter(|one| (one.role == Role::Guest) == is_guest);
                some.map(|one| one.user.clone()).collect()
            };
            let hint = Hint::Roles {
                conversation,
                guests: with(true),
                others: with(false),
            };
            self.tell(&Topic::Conversation(conversation), &hint);
        }
        for user in &arrival.joined {
            let hint = Hint::Added {
                user: user.clone(),
                conversation,
                seq,
            };
            self.tell(&Topic::User(user.clone()), &hint);
        }
    }

    /// Tells other nodes of a cursor: those where its user is, and, if there is a frame for them, those where other
    /// members are.
    pub(super) fn tell_cursor(
        &self,
        conversation: ConversationId,
        user: &UserId,
        own: &Utf8Bytes,
        others: Option<&Utf8Bytes>,
    ) {
        if !self.bus.reaches_others() {
            return;
        }
        let user = user.clone();
        if let Some(frame) = others {
            let hint = Hint::Receipt {
                conversation,
                user: user.clone(),
                frame: frame.clone(),
            };
            self.tell(&Topic::Conversation(conversation), &hint);
        }
        let hint = Hint::Cursor {
            user: user.clone(),
            conversation,
            frame: own.clone(),
        };
        self.tell(&Topic::User(user), &hint);
    }

    /// Tells other nodes that a session was revoked.
    pub(crate) fn tell_revoked(&self, user: &UserId, session: SessionId) {
        if self.bus.reaches_others() {
            let user = user.clone();
            let topic = Topic::User(user.clone());
            self.tell(&topic, &Hint::Revoked { user, session });
        }
    }

    pub(super) fn tell(&self, topic: &Topic, hint: &Hint) {
        self.bus.publish(topic, encode(self.node, hint));
        self.metrics.bus_sent();
    }

    /// Does what another node says.
    pub(crate) fn hear(&self, node: NodeId, hint: Hint) {
        match hint {
            Hint::Event {
                conversation,
                seq,
                members,
                joined,
                left,
                deletes,
                veiled,
                frame,
            } => {
                let event = Arc::new(PublishedEvent {
                    conversation,
                    seq,
                    frame,
                    named: None,
                    deletes,
                    veiled,
                    committed: Instant::now(),
                });
                // Who joins is told by `Added`, so an event of a room that was left meanwhile is no news.
                if self.pushed(conversation).is_some() {
                    self.arrive(Arrival {
                        event,
                        members,
                        joined,
                        left,
                        roles: Vec::new(),
                        sender: None,
                        answer: None,
                    });
                }
            }
            Hint::Receipt {
                conversation,
                user,
                frame,
            } => self.push_receipt(conversation, &user, &frame),
            Hint::Cursor {
                user,
                conversation,
                frame,
            } => {
                for session in self.sessions_of(&user) {
                    let cursor = Item::Cursor(conversation, frame.clone());
                    session.outbox.push(cursor);
                }
            }
            Hint::Personal {
                user,
                conversation,
                version,
                frame,
            } => self.push_personal(&user, conversation, version, &frame),
            Hint::Added {
                user,
                conversation,
                seq,
            } => {
                self.add(&user, conversation, seq);
            }
            Hint::Revoked { user, session } => self.revoke(&user, session),
            Hint::ThreadRead {
                user,
                conversation,
                frame,
            } => self.push_thread_read(&user, None, conversation, &frame),
            Hint::Typing {
                conversation,
                frame,
                ..
            } => self.push_typing(conversation, &frame, None),
            Hint::Roles {
                conversation,
                guests,
                others,
            } => {
                // What only takes away the right to write; above guest they are all the same here.
                let guests = guests.iter().map(|user| (user, Role::Guest));
                let others = others.iter().map(|user| (user, Role::Member));
                for (user, role) in guests.chain(others) {
                    self.learn_role(conversation, user, role);
                }
            }
            Hint::Presence { user, report } => {
                self.presence.hear_presence(node, &user, report);
            }
            Hint::WhoIsThere { user, is_new } => self.presence.answer_who_is_there(&user, is_new),
            Hint::Upload {
                conversation,
                frame,
            } => self.push_upload(conversation, &frame),
            Hint::OwnUpload { user, frame } => self.push_own_upload(&user, &frame),
            Hint::Blocks {
                user,
                has_more,
                other,
            } => self.blocks_changed(&user, &other, has_more),
            Hint::Privacy { user } => self.presence.privacy_changed(&user),
        }
    }

    /// How far each room was pushed; those that have not begun are left out.
    pub(crate) fn all_pushed(&self) -> HashMap<ConversationId, Seq> {
        let mut all = HashMap::new();
        self.rooms.for_each(|id, room| {
            all.extend(room.order.passed().map(|pushed| (*id, pushed)));
        });
        all
    }

    /// How far a room was pushed; nothing where there is no room.
    pub(crate) fn pushed(&self, conversation: ConversationId) -> Option<Seq> {
        self.rooms.with(&conversation, |rooms, id| {
            let room = rooms.get(id)?;
            Some(room.order.passed().unwrap_or(Seq::ZERO))
        })
    }

    /// What is missing in a room, if events wait for it.
    pub(crate) fn gap(&self, conversation: ConversationId) -> Option<Gap> {
        self.rooms
            .with(&conversation, |rooms, id| gap_in(*id, rooms.get(id)?))
    }

    /// Has the gap looked at in a while.
    pub(crate) fn note_gap(&self, gap: Gap) {
        self.gaps.note(gap, self.reorder_patience());
    }

    /// The rooms that came to be since this was asked last.
    pub(crate) fn take_fresh(&self) -> HashSet<ConversationId> {
        std::mem::take(&mut *self.fresh.lock())
    }

    /// The signed-in devices that have a socket here, and whose they are.
    pub(crate) fn devices(&self) -> HashMap<SessionId, UserId> {
        let mut devices = HashMap::new();
        self.users.for_each(|user, sockets| {
            let signed_in = sockets.iter().filter_map(|session| session.device);
            devices.extend(signed_in.map(|device| (device, user.clone())));
        });
        devices
    }
}

pub(super) fn gap_in(conversation: ConversationId, room: &Room) -> Option<Gap> {
    let after = room.order.passed()?;
    room.order.has_gap().then_some(Gap {
        conversation,
        after,
    })
}

//! Who gets what, live: best effort, and never a reason for anybody to wait.
//!
//! The publisher calls [`Hub::publish`] with each outcome in commit order. The hub encodes an event once, tells
//! the other nodes, and puts the same bytes into the outbox of every socket of the conversation. What other nodes
//! tell comes in by [`Hub::hear`], what nobody told and the store has by [`Hub::push_missed`]; all three meet in
//! [`arrival`]. The hub knows nothing of how a socket writes, and nothing here outlives the process: what a
//! socket misses, it reads from the store.

mod arrival;
mod blocks;
mod order;
mod outbox;
mod peers;
mod personal;
mod privacy;
mod publish;
mod room;
mod session;
mod silence;
mod threads;
mod typing;
mod uploads;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::presence::Status;
use tidemark_core::{ConversationId, Seq, SessionId, UserId};
use tidemark_protocol::ByeCode;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

pub(crate) use outbox::Item;
use outbox::Outbox;
use peers::Gaps;
pub(crate) use publish::{Origin, Reply};
pub(crate) use session::Session;

use crate::bus::{Bus, NodeId, Topic};
use crate::clock::Clock;
use crate::presence::{Board, PresenceSettings};
use crate::sharded::Sharded;
use crate::telemetry::Metrics;
use room::Room;
pub(crate) use typing::NotWriting;

/// How often those who get no full events of a large conversation hear how far it has come.
const HEAD_INTERVAL: Duration = Duration::from_secs(1);

/// How conversations of different sizes are served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HubSettings {
    /// Above so many members, full events go only to those who have the conversation open.
    pub(crate) large_members: u64,
    /// Up to so many members, read cursors and typing are shown to the other members.
    pub(crate) receipt_members: u64,
    /// How much may wait for one socket, in bytes.
    pub(crate) outbox_bytes: usize,
    /// How many sockets a user may have.
    pub(crate) sockets_per_user: usize,
    pub(crate) presence: PresenceSettings,
}

/// All open sockets of this process, by conversation and by user.
#[derive(Debug)]
pub(crate) struct Hub {
    rooms: Sharded<ConversationId, Room>,
    users: Sharded<UserId, Vec<Arc<Session>>>,
    /// Large conversations with news for those who do not get full events.
    untold: Mutex<HashSet<ConversationId>>,
    next_key: AtomicU64,
    /// How many batches were pushed: wakes whoever waits for news of any conversation.
    news: watch::Sender<u64>,
    /// Rooms whose next event is missing.
    pub(crate) gaps: Gaps,
    /// Rooms that are followed only since lately: other nodes may have told of an event just before.
    fresh: Mutex<HashSet<ConversationId>>,
    node: NodeId,
    pub(crate) bus: Arc<dyn Bus>,
    /// Who is there.
    pub(crate) presence: Board,
    clock: Clock,
    settings: HubSettings,
    metrics: Arc<Metrics>,
}

/// The user has as many sockets as one may have.
#[derive(Debug)]
pub(crate) struct TooManySockets;

impl Hub {
    pub(crate) fn new(
        settings: HubSettings,
        bus: Arc<dyn Bus>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let node = NodeId(Uuid::new_v4());
        let presence = Board::new(
            settings.presence,
            node,
            Arc::clone(&bus),
            clock,
            Arc::clone(&metrics),
        );
        Self {
            rooms: Sharded::default(),
            users: Sharded::default(),
            untold: Mutex::default(),
            next_key: AtomicU64::new(1),
            news: watch::Sender::default(),
            gaps: Gaps::default(),
            fresh: Mutex::default(),
            node,
            bus,
            presence,
            clock,
            settings,
            metrics,
        }
    }

    /// The name under which this node tells others something.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Changes whenever there may be something new in the log of everything.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// A batch was pushed.
    pub(crate) fn note_news(&self) {
        self.news.send_modify(|batches| *batches += 1);
    }

    /// Lets a socket in. It hears of its user's affairs from now on, and of those conversations that
    /// it [subscribes](Self::subscribe) to.
    pub(crate) fn enter(
        &self,
        caller: Caller,
        device: Option<SessionId>,
    ) -> Result<Arc<Session>, TooManySockets> {
        let session = Arc::new(Session {
            key: self.next_key.fetch_add(1, Ordering::Relaxed),
            outbox: Outbox::new(self.settings.outbox_bytes),
            rooms: Mutex::default(),
            is_away: AtomicBool::new(false),
            watching: Mutex::default(),
            caller,
            device,
        });
        let is_person = session.caller.user().is_some();
        self.users.with(&session.caller.author(), |users, user| {
            let sockets = users.entry(user.clone()).or_default();
            if is_person && sockets.len() >= self.settings.sockets_per_user {
                return Err(TooManySockets);
            }
            if is_person && sockets.is_empty() {
                self.bus.follow(&Topic::User(user.clone()));
            }
            sockets.push(Arc::clone(&session));
            if is_person {
                self.presence.observe(user, status_of(sockets));
            }
            Ok(())
        })?;
        Ok(session)
    }

    /// The socket is gone.
    pub(crate) fn leave(&self, session: &Session) {
        // First the user: from here on the publisher subscribes this socket to nothing new.
        self.users.with(&session.caller.author(), |users, user| {
            if let Some(sockets) = users.get_mut(user) {
                sockets.retain(|other| other.key != session.key);
                if session.caller.user().is_some() {
                    self.presence.observe(user, status_of(sockets));
                }
                if sockets.is_empty() {
                    users.remove(user);
                    if session.caller.user().is_some() {
                        self.bus.unfollow(&Topic::User(user.clone()));
                    }
                }
            }
        });
        let rooms = std::mem::take(&mut *session.rooms.lock());
        for conversation in rooms {
            self.unsubscribe(conversation, session);
        }
        self.presence.forget(session);
    }

    /// The device says whether its user looks at it.
    pub(crate) fn declare(&self, session: &Session, status: Status) {
        let is_away = status == Status::Away;
        self.users.with(&session.caller.author(), |users, user| {
            session.is_away.store(is_away, Ordering::Relaxed);
            if let Some(sockets) = users.get(user) {
                self.presence.observe(user, status_of(sockets));
            }
        });
    }

    /// From now on the socket gets the conversation's events. The conversation has come to `head` at least and has
    /// so many `members`, as the store said before: the first socket makes the room begin there, and whatever
    /// follows is pushed.
    pub(crate) fn subscribe(
        &self,
        conversation: ConversationId,
        head: Seq,
        members: u64,
        session: &Arc<Session>,
    ) {
        self.enter_room(conversation, session, |room| {
            room.order.begin_after(head);
            room.members.get_or_insert(members);
            room.subscribe(session);
        });
    }

    /// Whether the socket gets the conversation's events as a member's.
    pub(crate) fn is_subscribed(&self, conversation: ConversationId, session: &Session) -> bool {
        self.rooms.with(&conversation, |rooms, id| {
            rooms
                .get(id)
                .is_some_and(|room| room.is_member(session.key))
        })
    }

    /// The socket has the conversation on screen. That makes it no member's socket: a socket whose user is
    /// in the conversation is [subscribed](Self::subscribe) as well.
    pub(crate) fn open(&self, conversation: ConversationId, session: &Arc<Session>) {
        self.enter_room(conversation, session, |room| room.open(session));
    }

    /// A conversation that a socket has just opened has come to `head`: from there on nothing is to be missed.
    pub(crate) fn begin(&self, conversation: ConversationId, head: Seq) {
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get_mut(id) {
                room.order.begin_after(head);
            }
        });
    }

    /// The socket has the conversation no longer on screen.
    pub(crate) fn close(&self, conversation: ConversationId, session: &Session) {
        self.leave_room(conversation, session, |room| room.close(session.key));
    }

    /// The socket gets nothing more of the conversation.
    pub(crate) fn unsubscribe(&self, conversation: ConversationId, session: &Session) {
        self.leave_room(conversation, session, |room| room.unsubscribe(session.key));
    }

    fn leave_room(
        &self,
        conversation: ConversationId,
        session: &Session,
        leave: impl FnOnce(&mut Room),
    ) {
        self.rooms.with(&conversation, |rooms, id| {
            let Some(room) = rooms.get_mut(id) else {
                return;
            };
            leave(room);
            if !room.has(session.key) {
                session.rooms.lock().remove(id);
            }
            self.end_if_empty(rooms, *id);
        });
    }

    /// Puts a socket into a room, which may be new.
    fn enter_room(
        &self,
        conversation: ConversationId,
        session: &Session,
        put: impl FnOnce(&mut Room),
    ) {
        self.rooms.with(&conversation, |rooms, id| {
            session.rooms.lock().insert(*id);
            if let Some(room) = rooms.get_mut(id) {
                put(room);
            } else {
                let mut room = Room::after(None);
                put(&mut room);
                self.keep(rooms, *id, room);
            }
        });
    }

    /// Closes every socket of a signed-in device.
    pub(crate) fn revoke(&self, user: &UserId, device: SessionId) {
        for session in self.sessions_of(user) {
            if session.device == Some(device) {
                session.outbox.push(Item::Bye(ByeCode::Revoked));
            }
        }
    }

    /// Closes every socket; clients go elsewhere or come back later.
    pub(crate) fn say_goodbye(&self) {
        self.users.for_each(|_, sockets| {
            for session in sockets {
                session.outbox.push(Item::Bye(ByeCode::GoingAway));
            }
        });
    }

    /// Every second, tells those who get no full events of large conversations where these stand.
    /// Never returns.
    pub(crate) async fn tell_heads(&self) {
        let mut ticks = tokio::time::interval(HEAD_INTERVAL);
        // After a late one the next is a whole interval away, or there would be two in a second.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let untold = std::mem::take(&mut *self.untold.lock());
            for conversation in untold {
                self.rooms.with(&conversation, |rooms, id| {
                    if let Some(room) = rooms.get_mut(id) {
                        room.tell_head(|seq| Item::Head(*id, seq));
                    }
                });
            }
        }
    }

    /// The sockets of a user on this node.
    pub(crate) fn sessions_of(&self, user: &UserId) -> Vec<Arc<Session>> {
        self.users.with(user, |users, user| {
            users.get(user).cloned().unwrap_or_default()
        })
    }
}

/// What a user's sockets say together.
fn status_of(sockets: &[Arc<Session>]) -> Status {
    Status::of_devices(sockets.iter().map(|session| session.status()))
}

#[cfg(test)]
mod tests;

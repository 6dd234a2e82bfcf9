//! Who is there, as far as this node knows, and who hears of it. In memory only, and soft all over: what is lost
//! is said again in a while, or expires.
//!
//! - [`here`]: users with sockets on this node, and those who lately had some. What their devices say together is
//!   shown here, and told to the nodes that follow the user's presence.
//! - [`watched`]: users whom sockets of this node watch, and what other nodes say of them. Their presence is followed
//!   on the bus while somebody here may see it, and asked for every few seconds: a node that stops answering is
//!   believed a little longer.
//! - [`watching`]: whom one socket watches, whether it may see them, and what it was told.
//! - [`privacy`]: who hides when they were last there.
//! - [`acquaint`]: asks the store who shares a conversation with whom.
//!
//! Everything that may have to be told goes over the [`agenda`], where one task takes it, so that what changes often
//! is told at most once in a while, and the last of it always.
//!
//! Locks are taken in this order: a room, a user's sockets, `here`, `watched`, what a socket watches, the agenda.

mod acquaint;
mod agenda;
mod here;
mod privacy;
mod watched;
mod watching;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tidemark_core::UserId;
use tokio::sync::Notify;

pub(crate) use acquaint::acquaint;
use agenda::Agenda;
use here::Here;
use watched::Watched;
pub(crate) use watching::Watching;

use crate::bus::{Bus, Hint, NodeId, Topic, encode};
use crate::clock::Clock;
use crate::hub::Session;
use crate::sharded::Sharded;
use crate::telemetry::Metrics;

/// Changes of one user are told at most so often.
const INTERVAL_MS: u64 = 1_000;
/// Users who are gone and of whom it is kept since when.
const DEPARTED_MAX: usize = 65_536;
/// Users that are looked at before others get a turn.
const LOOKS_AT_ONCE: usize = 256;

/// How patient presence is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PresenceSettings {
    /// How long somebody without a socket is still shown as before.
    pub(crate) linger: Duration,
    /// How often other nodes are asked who is there. One that has not answered for two and a half of these has
    /// nobody.
    pub(crate) heartbeat: Duration,
}

/// Who is there, and who wants to know.
#[derive(Debug)]
pub(crate) struct Board {
    here: Sharded<UserId, Here>,
    watched: Sharded<UserId, Watched>,
    agenda: Agenda,
    /// Those whose acquaintances are to be looked up.
    doubts: Mutex<HashMap<UserId, Doubt>>,
    doubted: Notify,
    /// Those who are gone, longest first.
    departed: Mutex<VecDeque<UserId>>,
    /// How often somebody's privacy was supposed to be something.
    privacy_changes: Mutex<u64>,
    node: NodeId,
    bus: Arc<dyn Bus>,
    clock: Clock,
    settings: PresenceSettings,
    metrics: Arc<Metrics>,
}

/// Whose acquaintance with a user is to be looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Doubt {
    /// Of those whom the user's sockets watch.
    of_watched: bool,
    /// Of those whose sockets watch the user.
    of_watchers: bool,
    /// What the user hides from all of them.
    of_privacy: bool,
}

impl Board {
    pub(crate) fn new(
        settings: PresenceSettings,
        node: NodeId,
        bus: Arc<dyn Bus>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            here: Sharded::default(),
            watched: Sharded::default(),
            agenda: Agenda::default(),
            doubts: Mutex::default(),
            doubted: Notify::new(),
            departed: Mutex::default(),
            privacy_changes: Mutex::default(),
            node,
            bus,
            clock,
            settings,
            metrics,
        }
    }

    /// Tells what is to be told, when it is to be told. Never returns.
    pub(crate) async fn keep(&self) {
        loop {
            let mut looks = 0;
            for user in self.agenda.take(self.clock).await {
                self.look(&user);
                looks += 1;
                if looks % LOOKS_AT_ONCE == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Tells of a user what is new, and notes when to look again.
    fn look(&self, user: &UserId) {
        let now_ms = self.clock.monotonic_ms();
        let here = self.look_here(user, now_ms);
        self.look_watched(user, here, now_ms);
    }

    /// The socket watches these users from now on, and no others.
    pub(crate) fn watch(&self, session: &Arc<Session>, users: HashSet<UserId>) {
        let before = session.watching.lock().replace(&users);
        for user in before.iter().filter(|user| !users.contains(user)) {
            self.unwatch(user, session.key);
        }
        for user in users {
            self.watched.with(&user, |watched, user| {
                let entry = watched.entry(user.clone()).or_insert_with(|| {
                    self.metrics.watched_users.inc();
                    Watched::new(self.presumed_privacy(true))
                });
                entry.watchers.insert(session.key, Arc::clone(session));
            });
        }
        if let Some(user) = session.caller.user() {
            let of_watched = true;
            self.doubt(
                user,
                Doubt {
                    of_watched,
                    ..Doubt::default()
                },
            );
        }
    }

    /// The socket is gone.
    pub(crate) fn forget(&self, session: &Session) {
        let before = session.watching.lock().replace(&HashSet::new());
        for user in before {
            self.unwatch(&user, session.key);
        }
    }

    /// A user, with these sockets here, joined or left a conversation, or changed whom they block. If that may have
    /// taken acquaintances away, whoever may not see them any more is told nothing from this moment on.
    pub(crate) fn acquaintance_changed(
        &self,
        user: &UserId,
        sockets: &[Arc<Session>],
        may_be_less: bool,
    ) {
        let mut doubt = Doubt::default();
        for session in sockets {
            let mut watching = session.watching.lock();
            if !watching.is_empty() {
                doubt.of_watched = true;
                if may_be_less {
                    watching.doubt_all();
                }
            }
        }
        self.watched.with(user, |watched, user| {
            let Some(entry) = watched.get(user) else {
                return;
            };
            doubt.of_watchers = true;
            if may_be_less {
                for session in entry.watchers.values() {
                    session.watching.lock().doubt(user);
                }
            }
        });
        if doubt != Doubt::default() {
            self.doubt(user, doubt);
        }
    }

    /// Has looked up who is acquainted with a user.
    fn doubt(&self, user: &UserId, doubt: Doubt) {
        let mut doubts = self.doubts.lock();
        let known = doubts.entry(user.clone()).or_default();
        known.of_watched |= doubt.of_watched;
        known.of_watchers |= doubt.of_watchers;
        known.of_privacy |= doubt.of_privacy;
        drop(doubts);
        self.doubted.notify_one();
    }

    fn tell(&self, topic: &Topic, hint: &Hint) {
        self.bus.publish(topic, encode(self.node, hint));
        self.metrics.bus_sent();
    }
}

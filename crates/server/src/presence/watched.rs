//! Users whom sockets of this node watch.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use indexmap::IndexMap;
use tidemark_core::UserId;
use tidemark_core::presence::{NodeReport, Presence, Reports, Status};
use tidemark_protocol::frame;
use tidemark_protocol::wire::Wire;

use super::privacy::Privacy;
use super::watching::Offered;
use super::{Board, INTERVAL_MS};
use crate::bus::{Hint, NodeId, Topic};
use crate::hub::{Item, Session};

/// A user who begins to be followed on the bus is asked for again so soon, because the first answers may come
/// before the bus knows who follows.
const FIRST_PAUSES_MS: [u64; 2] = [250, 1_000];
/// How long the nodes have to say that somebody is there, before it is shown that nobody is.
const PATIENCE_MS: u64 = 500;

/// A user whom sockets here watch.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) watchers: IndexMap<u64, Arc<Session>>,
    /// While somebody here may see the user, and there are other nodes.
    followed: Option<Followed>,
    pub(super) privacy: Privacy,
    /// When the next change may be told.
    quiet_until_ms: u64,
}

impl Watched {
    pub(super) fn new(privacy: Privacy) -> Self {
        Self {
            watchers: IndexMap::new(),
            followed: None,
            privacy,
            quiet_until_ms: 0,
        }
    }
}

/// What is known from the bus.
#[derive(Debug)]
struct Followed {
    reports: Reports<NodeId>,
    /// How often the nodes were asked.
    asked: usize,
    ask_at_ms: u64,
    /// Until then it is not believed that nobody has the user.
    patient_until_ms: u64,
}

impl Followed {
    fn since(now_ms: u64) -> Self {
        Self {
            reports: Reports::default(),
            asked: 0,
            ask_at_ms: now_ms,
            patient_until_ms: now_ms + PATIENCE_MS,
        }
    }
}

impl Board {
    /// Another node says what it knows of a user.
    pub(crate) fn hear_presence(&self, node: NodeId, user: &UserId, report: NodeReport) {
        let (now_ms, at) = (self.clock.monotonic_ms(), self.clock.now());
        let valid_ms = self.heartbeat_ms().saturating_mul(5) / 2;
        let is_news = self.watched.with(user, |watched, user| {
            let followed = watched.get_mut(user)?.followed.as_mut()?;
            let before = followed.reports.presence();
            followed.reports.hear(now_ms, at, node, report, valid_ms);
            let was_patient = std::mem::take(&mut followed.patient_until_ms) > now_ms;
            Some(was_patient || followed.reports.presence() != before)
        });
        if is_news == Some(true) {
            self.agenda.now(user);
        }
    }

    /// Follows the user, or no more; asks other nodes; and tells the sockets what they have not been told.
    pub(super) fn look_watched(&self, user: &UserId, here: Presence, now_ms: u64) {
        self.watched.with(user, |watched, user| {
            let Some(entry) = watched.get_mut(user) else {
                return;
            };
            let mut watchers = entry.watchers.values();
            let is_seen = watchers.any(|session| session.watching.lock().may_see(user));
            self.follow_while(is_seen, entry, user, now_ms);
            let mut presence = here;
            if let Some(followed) = &mut entry.followed {
                self.ask(followed, user, now_ms);
                presence = here.and(followed.reports.presence());
                let is_unsure = now_ms < followed.patient_until_ms;
                if is_unsure && presence.status == Status::Offline {
                    self.agenda.later(followed.patient_until_ms, user);
                    return;
                }
            }
            if entry.privacy.hides_last_seen {
                presence = presence.without_last_seen();
            }
            self.tell_watchers(entry, user, presence, now_ms);
        });
    }

    fn follow_while(&self, is_seen: bool, entry: &mut Watched, user: &UserId, now_ms: u64) {
        if !self.bus.reaches_others() {
            return;
        }
        match (is_seen, &entry.followed) {
            (true, None) => {
                self.bus.follow(&Topic::Presence(user.clone()));
                entry.followed = Some(Followed::since(now_ms));
            }
            (false, Some(_)) => {
                self.bus.unfollow(&Topic::Presence(user.clone()));
                entry.followed = None;
            }
            _ => {}
        }
    }

    /// Asks the other nodes, if it is time, and drops what those said that do not answer.
    fn ask(&self, followed: &mut Followed, user: &UserId, now_ms: u64) {
        followed.reports.expire(now_ms);
        if now_ms >= followed.ask_at_ms {
            let pause_ms = FIRST_PAUSES_MS.get(followed.asked).copied();
            let hint = Hint::WhoIsThere {
                user: user.clone(),
                is_new: followed.asked <= FIRST_PAUSES_MS.len(),
            };
            self.tell(&Topic::User(user.clone()), &hint);
            let heartbeat_ms = self.heartbeat_ms();
            followed.ask_at_ms = now_ms + pause_ms.map_or(heartbeat_ms, |it| it.min(heartbeat_ms));
            followed.asked += 1;
        }
        let next_ms = followed.reports.next_change().into_iter();
        for due_ms in next_ms.chain([followed.ask_at_ms]) {
            self.agenda.later(due_ms, user);
        }
    }

    fn tell_watchers(&self, entry: &mut Watched, user: &UserId, presence: Presence, now_ms: u64) {
        let is_quiet = now_ms < entry.quiet_until_ms;
        let mut frame = None;
        let (mut has_changed, mut look_again_ms) = (false, None);
        for session in entry.watchers.values() {
            let mut watching = session.watching.lock();
            let offered = watching.offer(user, presence);
            match offered {
                Offered::Nothing => {}
                Offered::Change if is_quiet => look_again_ms = Some(entry.quiet_until_ms),
                Offered::Answer | Offered::Change => {
                    let frame = frame.get_or_insert_with(|| encode(user, presence));
                    if session.outbox.push(Item::Presence(frame.clone())) {
                        self.metrics.told("presence");
                        watching.told(user, presence);
                        has_changed |= offered == Offered::Change;
                    } else {
                        look_again_ms.get_or_insert(now_ms + INTERVAL_MS);
                    }
                }
            }
        }
        if has_changed {
            entry.quiet_until_ms = now_ms + INTERVAL_MS;
        }
        if let Some(due_ms) = look_again_ms {
            self.agenda.later(due_ms, user);
        }
    }

    /// The socket watches the user no more.
    pub(super) fn unwatch(&self, user: &UserId, key: u64) {
        self.watched.with(user, |watched, user| {
            let Some(entry) = watched.get_mut(user) else {
                return;
            };
            entry.watchers.swap_remove(&key);
            if entry.watchers.is_empty() {
                self.follow_while(false, entry, user, 0);
                watched.remove(user);
                self.metrics.watched_users.dec();
            } else if entry.followed.is_some() {
                // Perhaps nobody of the others may see the user.
                self.agenda.now(user);
            }
        });
    }

    pub(super) fn heartbeat_ms(&self) -> u64 {
        u64::try_from(self.settings.heartbeat.as_millis()).unwrap_or(u64::MAX)
    }
}

fn encode(user: &UserId, presence: Presence) -> Utf8Bytes {
    let frame = frame::Presence {
        user: Wire(user.clone()),
        status: Wire(presence.status),
        last_seen: presence.last_seen.map(Wire),
    };
    frame.encode().into()
}

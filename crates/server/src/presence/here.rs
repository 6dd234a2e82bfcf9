//! Users with sockets on this node, and those who lately had some.

use tidemark_core::UserId;
use tidemark_core::presence::{Attendance, NodeReport, Presence, Status};

use super::privacy::Privacy;
use super::{Board, DEPARTED_MAX, INTERVAL_MS};
use crate::bus::{Hint, Topic};

/// A user with sockets here, or who had some.
#[derive(Debug)]
pub(super) struct Here {
    attendance: Attendance,
    pub(super) privacy: Privacy,
    /// What other nodes were told last.
    told: NodeReport,
    /// When they may be told of the next change.
    quiet_until_ms: u64,
    /// Until when the last word is an answer to whoever asks again.
    answered_until_ms: u64,
    /// When the agenda has them next because of their attendance.
    looked_at_ms: Option<u64>,
    /// Whether they are among the departed.
    is_departed: bool,
}

impl Board {
    /// Takes in what the devices of a user on this node say together.
    pub(crate) fn observe(&self, user: &UserId, devices: Status) {
        let (now_ms, at) = (self.clock.monotonic_ms(), self.clock.now());
        let linger_ms = u64::try_from(self.settings.linger.as_millis()).unwrap_or(u64::MAX);
        let has_changed = self.here.with(user, |here, user| {
            // What a node knows that watches the user counts, and it asked before: so there is no need to hide
            // anything from it until this one has asked.
            let entry = here
                .entry(user.clone())
                .or_insert_with(|| Here::new(self.presumed_privacy(false)));
            let before = entry.attendance;
            entry.attendance.observe(now_ms, at, devices, linger_ms);
            if let Some(next_ms) = entry.attendance.next_change(now_ms) {
                entry.look_later(self, next_ms, user);
            }
            entry.attendance != before
        });
        let is_of_interest = self.bus.reaches_others()
            || self.watched.with(user, |map, user| map.contains_key(user));
        if has_changed && is_of_interest {
            self.agenda.now(user);
        }
    }

    /// What the devices here say together now. Tells other nodes.
    pub(super) fn look_here(&self, user: &UserId, now_ms: u64) -> Presence {
        let mut is_newly_departed = false;
        let presence = self.here.with(user, |here, user| {
            let Some(entry) = here.get_mut(user) else {
                return Presence::default();
            };
            let presence = entry.attendance.presence(now_ms);
            let report = entry.report(presence);
            if self.bus.reaches_others() && report != entry.told {
                if now_ms < entry.quiet_until_ms {
                    self.agenda.later(entry.quiet_until_ms, user);
                } else {
                    entry.quiet_until_ms = now_ms + INTERVAL_MS;
                    self.answer(entry, user, report, now_ms);
                }
            }
            entry.looked_at_ms = entry.looked_at_ms.filter(|due_ms| now_ms < *due_ms);
            if let Some(next_ms) = entry.attendance.next_change(now_ms) {
                entry.look_later(self, next_ms, user);
            } else if !entry.attendance.has_devices() && !entry.is_departed {
                entry.is_departed = true;
                is_newly_departed = true;
            }
            presence
        });
        if is_newly_departed {
            self.remember_departed(user);
        }
        presence
    }

    /// Another node asks for a user.
    pub(crate) fn answer_who_is_there(&self, user: &UserId, is_new: bool) {
        let now_ms = self.clock.monotonic_ms();
        self.here.with(user, |here, user| {
            if let Some(entry) = here.get_mut(user)
                && (is_new || now_ms >= entry.answered_until_ms)
            {
                // What is not to be told yet is not told now.
                let told = match entry.told.presence.status {
                    Status::Offline => entry.attendance.presence(now_ms),
                    _ => entry.told.presence,
                };
                let report = entry.report(told);
                self.answer(entry, user, report, now_ms);
            }
        });
    }

    fn answer(&self, entry: &mut Here, user: &UserId, report: NodeReport, now_ms: u64) {
        entry.told = report;
        // Whoever asks again much sooner than nodes ask has heard this: another node had asked.
        entry.answered_until_ms = now_ms + self.heartbeat_ms() / 4;
        let hint = Hint::Presence {
            user: user.clone(),
            report,
        };
        self.tell(&Topic::Presence(user.clone()), &hint);
    }

    /// Keeps since when somebody is gone, and forgets it of who is gone longest.
    fn remember_departed(&self, user: &UserId) {
        let forgotten = {
            let mut departed = self.departed.lock();
            departed.push_back(user.clone());
            (departed.len() > DEPARTED_MAX).then(|| departed.pop_front())
        };
        let Some(user) = forgotten.flatten() else {
            return;
        };
        let now_ms = self.clock.monotonic_ms();
        self.here.with(&user, |here, user| {
            if let Some(entry) = here.get_mut(user) {
                entry.is_departed = false;
                let is_back = entry.attendance.has_devices()
                    || entry.attendance.next_change(now_ms).is_some();
                if !is_back {
                    here.remove(user);
                }
            }
        });
    }
}

impl Here {
    fn new(privacy: Privacy) -> Self {
        Self {
            attendance: Attendance::default(),
            privacy,
            told: NodeReport::default(),
            quiet_until_ms: 0,
            answered_until_ms: 0,
            looked_at_ms: None,
            is_departed: false,
        }
    }

    fn report(&self, presence: Presence) -> NodeReport {
        NodeReport::new(presence, self.privacy.hides_last_seen)
    }

    fn look_later(&mut self, board: &Board, due_ms: u64, user: &UserId) {
        // One look is enough: it finds out when to look next.
        if self
            .looked_at_ms
            .is_none_or(|planned_ms| due_ms < planned_ms)
        {
            self.looked_at_ms = Some(due_ms);
            board.agenda.later(due_ms, user);
        }
    }
}

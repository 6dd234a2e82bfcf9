//! Whether the other end is still there.

use std::time::{Duration, Instant};

/// What silence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// A ping: to hear whether the server is there, or to let it hear that we are.
    Ping,
    /// Giving the connection up.
    GiveUp,
}

/// Notices silence on one connection.
///
/// After `heartbeat` without a frame in either direction a ping is due; after twice that without a frame
/// from the server the connection is dead. An answer that takes longer than `answer_within` means
/// the same, however lively the rest is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    heartbeat: Duration,
    answer_within: Duration,
    heard: Instant,
    said: Instant,
    pinged: bool,
}

impl Liveness {
    pub(crate) fn new(now: Instant, heartbeat: Duration, answer_within: Duration) -> Self {
        Self {
            heartbeat,
            answer_within,
            heard: now,
            said: now,
            pinged: false,
        }
    }

    /// The server names how often it wants to hear something.
    pub(crate) fn set_heartbeat(&mut self, heartbeat: Duration) {
        // A zero would make a busy loop of it.
        self.heartbeat = heartbeat.max(Duration::from_millis(10));
    }

    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = false;
    }

    pub(crate) fn said(&mut self, now: Instant) {
        self.said = now;
    }

    pub(crate) fn pinged(&mut self) {
        self.pinged = true;
    }

    fn ping_at(&self) -> Instant {
        let to_be_heard = self.said + self.heartbeat;
        if self.pinged {
            to_be_heard
        } else {
            to_be_heard.min(self.heard + self.heartbeat)
        }
    }

    fn dead_at(&self, oldest_request: Option<Instant>) -> Instant {
        let silent = self.heard + 2 * self.heartbeat;
        oldest_request.map_or(silent, |since| silent.min(since + self.answer_within))
    }

    /// What is due, given when the request that waits longest for its answer was sent.
    pub(crate) fn due(&self, now: Instant, oldest_request: Option<Instant>) -> Due {
        if self.dead_at(oldest_request) <= now {
            Due::GiveUp
        } else if self.ping_at() <= now {
            Due::Ping
        } else {
            Due::Nothing
        }
    }

    /// When something will be due.
    pub(crate) fn next(&self, oldest_request: Option<Instant>) -> Instant {
        self.ping_at().min(self.dead_at(oldest_request))
    }
}

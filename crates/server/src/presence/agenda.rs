//! Whom to look at, and when.

use std::collections::{BTreeSet, HashSet};

use parking_lot::Mutex;
use tidemark_core::UserId;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::clock::Clock;

/// Users to look at, each at most once now, and later a few times at most.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: Mutex<Entries>,
    roused: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    now: HashSet<UserId>,
    later: BTreeSet<(u64, UserId)>,
}

impl Agenda {
    /// Something may have changed.
    pub(super) fn now(&self, user: &UserId) {
        if self.entries.lock().now.insert(user.clone()) {
            self.roused.notify_one();
        }
    }

    /// Something may have changed by then, on the server's monotonic clock.
    pub(super) fn later(&self, due_ms: u64, user: &UserId) {
        let mut entries = self.entries.lock();
        let is_first = entries
            .later
            .first()
            .is_none_or(|(first_ms, _)| due_ms < *first_ms);
        entries.later.insert((due_ms, user.clone()));
        drop(entries);
        if is_first {
            self.roused.notify_one();
        }
    }

    /// Waits until there is somebody to look at, and takes them all. One task asks.
    pub(super) async fn take(&self, clock: Clock) -> HashSet<UserId> {
        loop {
            let (due, next_ms) = self.entries.lock().take(clock.monotonic_ms());
            if !due.is_empty() {
                return due;
            }
            match next_ms {
                Some(next_ms) => tokio::select! {
                    () = sleep_until(clock.instant_of(next_ms)) => {}
                    () = self.roused.notified() => {}
                },
                None => self.roused.notified().await,
            }
        }
    }
}

impl Entries {
    fn take(&mut self, now_ms: u64) -> (HashSet<UserId>, Option<u64>) {
        let mut due = std::mem::take(&mut self.now);
        while self
            .later
            .first()
            .is_some_and(|(at_ms, _)| *at_ms <= now_ms)
        {
            due.extend(self.later.pop_first().map(|(_, user)| user));
        }
        (due, self.later.first().map(|(at_ms, _)| *at_ms))
    }
}

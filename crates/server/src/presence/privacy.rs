//! Who hides when they were last there.
//!
//! What sockets here are told goes by what the store says of the watched user: it is asked together with who may see
//! whom, and again whenever another node or a request here says that it has changed. From that moment until the
//! answer nothing is said about it. What this node says to others of its own users carries the same, so that a node
//! that missed a change learns of it from the next report.

use std::collections::{HashMap, HashSet};

use tidemark_core::UserId;

use super::{Board, Doubt};

/// What of a user's presence is kept back, and since which of all changes that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Privacy {
    pub(super) hides_last_seen: bool,
    /// No two are the same, so that an answer from before a change is known by it.
    change: u64,
}

/// What was known of some users when the store was asked about them.
#[derive(Debug, Default)]
pub(crate) struct AskedPrivacy {
    here: HashMap<UserId, u64>,
    watched: HashMap<UserId, u64>,
}

impl AskedPrivacy {
    pub(super) fn join(&mut self, other: Self) {
        self.here.extend(other.here);
        self.watched.extend(other.watched);
    }

    pub(super) fn users(&self) -> HashSet<UserId> {
        self.here
            .keys()
            .chain(self.watched.keys())
            .cloned()
            .collect()
    }
}

impl Board {
    /// What is supposed of somebody until the store has said it.
    pub(super) fn presumed_privacy(&self, hides_last_seen: bool) -> Privacy {
        let mut changes = self.privacy_changes.lock();
        *changes += 1;
        Privacy {
            hides_last_seen,
            change: *changes,
        }
    }

    /// A user shows more or less of their presence than before: what, the store knows.
    pub(crate) fn privacy_changed(&self, user: &UserId) {
        let hidden = self.presumed_privacy(true);
        let is_here = self.here.with(user, |here, user| {
            let entry = here.get_mut(user);
            entry.map(|entry| entry.privacy = hidden).is_some()
        });
        let is_watched = self.watched.with(user, |watched, user| {
            let entry = watched.get_mut(user);
            entry.map(|entry| entry.privacy = hidden).is_some()
        });
        if is_here || is_watched {
            self.agenda.now(user);
            let of_privacy = true;
            self.doubt(
                user,
                Doubt {
                    of_privacy,
                    ..Doubt::default()
                },
            );
        }
    }

    /// What is known now of these users, whom sockets here watch.
    pub(super) fn ask_privacy<'a>(
        &self,
        watched: impl IntoIterator<Item = &'a UserId>,
    ) -> AskedPrivacy {
        let mut asked = AskedPrivacy::default();
        for user in watched {
            let change = self.watched.with(user, |watched, user| {
                watched.get(user).map(|entry| entry.privacy.change)
            });
            asked
                .watched
                .extend(change.map(|change| (user.clone(), change)));
        }
        asked
    }

    /// The same of one user, who may have sockets here.
    pub(crate) fn ask_own_privacy(&self, user: &UserId) -> AskedPrivacy {
        let mut asked = self.ask_privacy([user]);
        let change = self.here.with(user, |here, user| {
            here.get(user).map(|entry| entry.privacy.change)
        });
        asked
            .here
            .extend(change.map(|change| (user.clone(), change)));
        asked
    }

    /// Takes in who of those asked about hides something. What has changed since is asked again anyway.
    pub(super) fn settle_privacy(&self, asked: &AskedPrivacy, hiding: &HashSet<UserId>) {
        for (user, change) in &asked.here {
            self.here.with(user, |here, user| {
                if let Some(entry) = here.get_mut(user)
                    && entry.privacy.change == *change
                {
                    entry.privacy.hides_last_seen = hiding.contains(user);
                }
            });
        }
        for (user, change) in &asked.watched {
            self.watched.with(user, |watched, user| {
                if let Some(entry) = watched.get_mut(user)
                    && entry.privacy.change == *change
                {
                    entry.privacy.hides_last_seen = hiding.contains(user);
                }
            });
        }
    }

    /// What a profile says that was read after [`Self::ask_own_privacy`].
    pub(crate) fn learn_privacy(&self, user: &UserId, asked: &AskedPrivacy, hides_last_seen: bool) {
        let hiding = hides_last_seen.then(|| user.clone());
        self.settle_privacy(asked, &hiding.into_iter().collect());
        if hides_last_seen {
            self.agenda.now(user);
        }
    }
}

//! Whom one socket watches.

use std::collections::{HashMap, HashSet};

use tidemark_core::UserId;
use tidemark_core::presence::Presence;

/// Whom one socket watches, and what it knows of them.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pairs: HashMap<UserId, Pair>,
    /// How often something happened that an answer of the store may not know of.
    changes: u64,
}

/// One watched user.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// Whether the two share a conversation, as far as it is known.
    is_acquainted: bool,
    told: Option<Presence>,
}

/// What an offered presence is to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// Known, or not to be seen.
    Nothing,
    /// The first word about the user.
    Answer,
    /// Something else than was told.
    Change,
}

impl Watching {
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Watches these users instead, of whom nothing is known yet. Those whom it watched before.
    pub(super) fn replace(&mut self, users: &HashSet<UserId>) -> Vec<UserId> {
        self.changes += 1;
        let unknown = users.iter().map(|user| (user.clone(), Pair::default()));
        let before = std::mem::replace(&mut self.pairs, unknown.collect());
        before.into_keys().collect()
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.pairs.keys()
    }

    /// Stands for what is known now: an answer to a question from before is of no use if this is another number.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Perhaps the user is nobody any more whom this socket may see.
    pub(super) fn doubt(&mut self, user: &UserId) {
        self.changes += 1;
        if let Some(pair) = self.pairs.get_mut(user) {
            pair.is_acquainted = false;
        }
    }

    /// The same of everybody.
    pub(super) fn doubt_all(&mut self) {
        self.changes += 1;
        for pair in self.pairs.values_mut() {
            pair.is_acquainted = false;
        }
    }

    /// The store says whether the two share a conversation.
    pub(super) fn settle(&mut self, user: &UserId, is_acquainted: bool) {
        if let Some(pair) = self.pairs.get_mut(user) {
            pair.is_acquainted = is_acquainted;
            // Whoever meets again is told anew.
            pair.told = pair.told.filter(|_| is_acquainted);
        }
    }

    pub(super) fn may_see(&self, user: &UserId) -> bool {
        self.pairs.get(user).is_some_and(|pair| pair.is_acquainted)
    }

    pub(super) fn offer(&self, user: &UserId, presence: Presence) -> Offered {
        match self.pairs.get(user).filter(|pair| pair.is_acquainted) {
            Some(Pair { told: None, .. }) => Offered::Answer,
            Some(Pair {
                told: Some(told), ..
            }) if *told != presence => Offered::Change,
            _ => Offered::Nothing,
        }
    }

    pub(super) fn told(&mut self, user: &UserId, presence: Presence) {
        if let Some(pair) = self.pairs.get_mut(user) {
            pair.told = Some(presence);
        }
    }
}

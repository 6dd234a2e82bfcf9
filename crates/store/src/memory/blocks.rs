//! Who blocks whom. Durable at once, like changes of the directory.

use std::collections::BTreeMap;
use std::ops::Bound;

use tidemark_core::conversation::{BlockFacts, change_block};
use tidemark_core::{Refusal, Timestamp, UserId};

use super::Inner;
use super::state::{Change, State};
use crate::{Blocked, BlocksPage};

/// Since when somebody (the first) blocks somebody.
#[derive(Clone, Default)]
pub(crate) struct Blocks(BTreeMap<(UserId, UserId), Timestamp>);

impl Blocks {
    pub(crate) fn has(&self, user: &UserId, other: &UserId) -> bool {
        self.0.contains_key(&(user.clone(), other.clone()))
    }

    /// Whether one of them blocks the other.
    pub(crate) fn between(&self, one: &UserId, other: &UserId) -> bool {
        self.has(one, other) || self.has(other, one)
    }

    fn of<'b>(
        &'b self,
        user: &'b UserId,
        after: Bound<(UserId, UserId)>,
    ) -> impl Iterator<Item = (&'b UserId, Timestamp)> {
        let all = self.0.range((after, Bound::Unbounded));
        all.skip_while(move |((one, _), _)| one < user)
            .take_while(move |((one, _), _)| one == user)
            .map(|((_, other), at)| (other, *at))
    }

    pub(crate) fn page(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> BlocksPage {
        let after = match after {
            Some(after) => Bound::Excluded((user.clone(), after.clone())),
            None => Bound::Unbounded,
        };
        let mut all = self.of(user, after).map(|(other, at)| Blocked {
            user: other.clone(),
            at,
        });
        let users = all.by_ref().take(entries_max.max(1)).collect();
        BlocksPage {
            users,
            more: all.next().is_some(),
        }
    }
}

impl State {
    /// Has the direct conversation of a pair, if they have one, say whether one blocks the other.
    fn note_block(&mut self, pair: &(UserId, UserId), blocks: &Blocks) {
        let log = self.directs.get(pair).and_then(|id| self.logs.get_mut(id));
        if let Some(log) = log {
            log.conversation.blocked = blocks.between(&pair.0, &pair.1);
        }
    }
}

impl Inner {
    pub(super) fn change_block(
        &mut self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Result<bool, Refusal> {
        let facts = BlockFacts {
            both_exist: self.people.exists(user) && self.people.exists(other),
            is_blocked: self.blocks.has(user, other),
            blocks: self.blocks.of(user, Bound::Unbounded).count(),
        };
        let changes = change_block(user, other, on, facts, &self.limits)?;
        if changes {
            let block = (user.clone(), other.clone());
            if on {
                self.blocks.0.insert(block, at);
            } else {
                self.blocks.0.remove(&block);
            }
            let pair = UserId::pair(user.clone(), other.clone());
            self.durable.note_block(&pair, &self.blocks);
            self.applied.note_block(&pair, &self.blocks);
        }
        Ok(changes)
    }

    /// Makes a change durable. A block may be newer than a direct conversation that was not durable yet.
    pub(super) fn keep(&mut self, change: &Change) {
        self.durable.apply(change);
        if let Change::Began {
            direct_between: Some(pair),
            ..
        } = change
        {
            self.durable.note_block(pair, &self.blocks);
        }
    }
}

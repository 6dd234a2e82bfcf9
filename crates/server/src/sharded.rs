//! A map for many tasks.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use parking_lot::Mutex;

/// Locks among which keys are spread, so that tasks hardly ever wait for each other.
const SHARDS: usize = 64;

/// A map spread over several locks.
#[derive(Debug)]
pub(crate) struct Sharded<K, V> {
    shards: Vec<Mutex<HashMap<K, V>>>,
    hasher: RandomState,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default)
            .take(SHARDS)
            .collect();
        Self {
            shards,
            hasher: RandomState::new(),
        }
    }
}

impl<K: Eq + Hash, V> Sharded<K, V> {
    /// Runs `work` on the part of the map that `key` is in.
    pub(crate) fn with<R>(&self, key: &K, work: impl FnOnce(&mut HashMap<K, V>, &K) -> R) -> R {
        let [low, ..] = self.hasher.hash_one(key).to_le_bytes();
        work(&mut self.shards[usize::from(low) % SHARDS].lock(), key)
    }

    pub(crate) fn for_each(&self, mut work: impl FnMut(&K, &V)) {
        for shard in &self.shards {
            for (key, value) in &*shard.lock() {
                work(key, value);
            }
        }
    }
}

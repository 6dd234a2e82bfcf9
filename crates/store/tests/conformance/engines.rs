//! The engines that there are, as the suite wants them.

use tidemark_core::Limits;
use tidemark_store::conformance::Engine;
use tidemark_store::memory::MemoryStore;

/// The model.
pub(crate) struct MemoryEngine;

impl Engine for MemoryEngine {
    type Store = MemoryStore;

    fn create() -> (Self, MemoryStore) {
        (Self, MemoryStore::new(Limits::default()))
    }

    fn reopen(&mut self, closed: &MemoryStore) -> MemoryStore {
        closed.crash()
    }

    fn reopen_killed(&mut self, running: &MemoryStore) -> MemoryStore {
        running.crash()
    }
}

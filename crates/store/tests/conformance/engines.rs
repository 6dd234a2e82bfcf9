//! The engines that there are, as the suite wants them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tidemark_core::Limits;
use tidemark_store::conformance::Engine;
use tidemark_store::memory::MemoryStore;
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};

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

/// SQLite, in a directory of its own.
pub(crate) struct SqliteEngine {
    place: TempDir,
    /// Where stores that were killed go on; kept until the end.
    copies: Vec<TempDir>,
}

impl Engine for SqliteEngine {
    type Store = SqliteStore;

    fn create() -> (Self, SqliteStore) {
        let place = TempDir::new().expect("a test can make a directory");
        let store = open(place.path());
        let copies = Vec::new();
        (Self { place, copies }, store)
    }

    fn reopen(&mut self, _closed: &SqliteStore) -> SqliteStore {
        open(self.place.path())
    }

    /// The files as they are, opened elsewhere: this process cannot kill itself.
    fn reopen_killed(&mut self, _running: &SqliteStore) -> SqliteStore {
        let copy = TempDir::new().expect("a test can make a directory");
        for file in ["tidemark.db", "tidemark.db-wal"] {
            fs::copy(self.place.path().join(file), copy.path().join(file))
                .expect("a running store has its files");
        }
        let store = open(copy.path());
        self.copies.push(copy);
        store
    }
}

fn open(place: &Path) -> SqliteStore {
    SqliteStore::open(place, SqliteOptions::default()).expect("a new place is free")
}

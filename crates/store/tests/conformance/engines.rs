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
    /// Where stores were that have been killed; they still have their files open.
    former: Vec<TempDir>,
}

impl Engine for SqliteEngine {
    type Store = SqliteStore;

    fn create() -> (Self, SqliteStore) {
        let place = TempDir::new().expect("a test can make a directory");
        let store = open(place.path());
        let former = Vec::new();
        (Self { place, former }, store)
    }

    fn reopen(&mut self, _closed: &SqliteStore) -> SqliteStore {
        open(self.place.path())
    }

    /// The files as they are, opened elsewhere: this process cannot kill itself. The write-ahead log
    /// is copied first, so that what a checkpoint moves meanwhile is in one of them or in both.
    fn reopen_killed(&mut self, _running: &SqliteStore) -> SqliteStore {
        let copy = TempDir::new().expect("a test can make a directory");
        for file in ["tidemark.db-wal", "tidemark.db"] {
            fs::copy(self.place.path().join(file), copy.path().join(file))
                .expect("a running store has its files");
        }
        let store = open(copy.path());
        self.former.push(std::mem::replace(&mut self.place, copy));
        store
    }
}

fn open(place: &Path) -> SqliteStore {
    SqliteStore::open(place, SqliteOptions::default()).expect("a new place is free")
}

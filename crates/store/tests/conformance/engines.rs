//! The engines that there are, as the suite wants them.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tidemark_core::Limits;
use tidemark_simulator::postgres::Postgres;
use tidemark_store::conformance::Engine;
use tidemark_store::memory::MemoryStore;
use tidemark_store::postgres::{PostgresOptions, PostgresStore};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

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

/// PostgreSQL, in a database of its own of the one server of this process.
pub(crate) struct PostgresEngine {
    url: String,
}

impl Engine for PostgresEngine {
    type Store = PostgresStore;

    fn create() -> (Self, PostgresStore) {
        let url = new_database();
        let store = open_postgres(&url);
        (Self { url }, store)
    }

    fn reopen(&mut self, _closed: &PostgresStore) -> PostgresStore {
        open_postgres(&self.url)
    }

    /// What the killed store left is in the server; its connections are as good as those of another node.
    fn reopen_killed(&mut self, _running: &PostgresStore) -> PostgresStore {
        open_postgres(&self.url)
    }
}

/// The URL of an empty database. The server ends with this process.
fn new_database() -> String {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| Postgres::start().expect("a test can start PostgreSQL"));
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{number}");
    server.create_database(&name).expect("a new name is free");
    server.url(&name)
}

fn open_postgres(url: &str) -> PostgresStore {
    let options = PostgresOptions {
        connections_max: 5,
        writers: 3,
        ..PostgresOptions::default()
    };
    let opened = PostgresStore::open(url, options);
    block_in_place(|| Handle::current().block_on(opened)).expect("the server takes writes")
}

//! Connections that read, each used by one blocking task at a time.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::fault::{Fault, Heard};
use super::files::Files;

/// A bounded pool. Connections are opened when they are first needed.
pub(crate) struct Readers {
    files: Files,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Connection>,
    in_use: usize,
    open: bool,
}

impl Readers {
    pub(crate) fn new(files: Files, connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            files,
            permits: Arc::new(Semaphore::new(connections_max.max(1))),
            state: Mutex::new(State {
                idle: Vec::new(),
                in_use: 0,
                open: true,
            }),
            returned: Condvar::new(),
        })
    }

    /// Runs `read` on a connection, inside one read transaction: all that it sees belongs together.
    pub(crate) async fn read<T, A, F>(self: &Arc<Self>, read: F) -> Result<T, A::Error>
    where
        T: Send + 'static,
        A: Heard + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault<A>> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return Err(A::unavailable());
        };
        let readers = Arc::clone(self);
        let work = spawn_blocking(move || {
            let _permit = permit;
            let lease = Lease::take(&readers)?;
            let snapshot = lease.connection().unchecked_transaction()?;
            let answer = read(&snapshot)?;
            snapshot.commit()?;
            Ok(answer)
        });
        match work.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Fault::Answer(answer))) => Err(answer.heard()),
            Ok(Err(Fault::Engine(error))) => {
                tracing::error!(%error, "a read failed");
                Err(A::unavailable())
            }
            Err(error) => {
                tracing::error!(%error, "a read did not finish");
                Err(A::unavailable())
            }
        }
    }

    /// Closes every connection; those in use when they come back, which this waits for. Reads are
    /// pages, so that is soon.
    pub(crate) fn retire(&self) {
        let mut state = self.state.lock();
        state.open = false;
        state.idle.clear();
        while state.in_use > 0 {
            self.returned.wait(&mut state);
        }
    }

    /// Lets connections be opened again.
    pub(crate) fn resume(&self) {
        self.state.lock().open = true;
    }
}

/// A connection out of the pool, until it is dropped.
struct Lease<'p> {
    readers: &'p Readers,
    connection: Option<Connection>,
}

impl<'p> Lease<'p> {
    fn take(readers: &'p Readers) -> rusqlite::Result<Self> {
        let mut state = readers.state.lock();
        if !state.open {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
            return Err(rusqlite::Error::SqliteFailure(
                code,
                Some("the store is not open".into()),
            ));
        }
        state.in_use += 1;
        let idle = state.idle.pop();
        drop(state);
        let mut lease = Self {
            readers,
            connection: idle,
        };
        if lease.connection.is_none() {
            lease.connection = Some(readers.files.open_reader()?);
        }
        Ok(lease)
    }

    fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a lease has its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state.lock();
        match self.connection.take() {
            // One that a panic left inside a transaction is not used again.
            Some(connection) if state.open && connection.is_autocommit() => {
                state.idle.push(connection);
            }
            // Closed before the count goes down: whoever waits for that needs it closed.
            connection => drop(connection),
        }
        state.in_use -= 1;
        self.readers.returned.notify_all();
    }
}

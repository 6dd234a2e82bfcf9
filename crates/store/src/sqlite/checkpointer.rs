//! Moves the write-ahead log into the database file beside the writer, so that commits do not wait
//! for it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::OpenError;

use super::files::{Files, checkpoint};

/// A thread with a connection of its own. Dropping it waits until the connection is closed.
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(files: &Files) -> Result<Self, OpenError> {
        let connection = files.open_checkpointer()?;
        // One place: a second wish while one waits would find nothing left to do.
        let (wake, wishes) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("tidemark-checkpoint".to_owned())
            .spawn(move || run(&connection, &wishes))
            .map_err(|error| OpenError::Engine(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Asks for a checkpoint; does not wait.
    pub(crate) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // Full: one is about to run anyway. Gone: the writer does it when the log is too long.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported; there is nothing more to do about it.
            let _ = thread.join();
        }
    }
}

/// A failed checkpoint leaves the log as it was and is done again from the log, so it loses nothing;
/// if it goes on failing, the log reaches the writer's bound and the writer stops.
fn run(connection: &Connection, wishes: &Receiver<()>) {
    while wishes.recv().is_ok() {
        if let Err(error) = checkpoint(connection, "PASSIVE") {
            tracing::warn!(%error, "a checkpoint failed; the write-ahead log grows until one succeeds");
        }
    }
}

//! The one thread that writes.
//!
//! It takes everything that queued while the last flush ran as one transaction, and answers after the
//! commit has returned. An answer that will never come is a dropped sender: whoever waits for it hears
//! `Unavailable`.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use tidemark_core::Limits;
use tokio::sync::{mpsc, oneshot};

use crate::health::HealthCell;
use crate::{Batch, CommitError, Health, OpenError, Outcome};

use super::checkpointer::Checkpointer;
use super::fault::{Fault, Heard};
use super::files::Files;
use super::ledger::Ledger;
use super::lock::DirectoryLock;
use super::readers::Readers;
use super::writer_thread::WriterThread;

/// How many batches wait at most; callers beyond that wait outside.
const QUEUE_MAX: usize = 1024;

/// Gives an answer, after the commit.
pub(crate) type Reply = Box<dyn FnOnce() + Send>;

/// A change to people, sessions, keys, blocks, or what people keep for themselves.
pub(crate) type Change = Box<dyn FnOnce(&mut Ledger) -> rusqlite::Result<Reply> + Send>;

/// The results of a batch, in its order.
pub(crate) type Answers = Vec<Result<Outcome, CommitError>>;

/// What the writer is asked to do.
pub(crate) enum Job {
    Commands {
        batch: Batch,
        reply: oneshot::Sender<Answers>,
    },
    Change(Change),
}

/// The way to the writer thread.
pub(crate) struct Writer {
    queue: RwLock<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    health: Arc<HealthCell>,
}

impl Writer {
    pub(crate) fn start(
        files: Files,
        readers: Arc<Readers>,
        limits: Limits,
        connection: Connection,
        lock: DirectoryLock,
    ) -> Result<Self, OpenError> {
        let checkpointer = Checkpointer::start(&files)?;
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let health = Arc::new(HealthCell::new(Health::Accepting));
        let thread = WriterThread::new(
            files,
            readers,
            limits.clone(),
            Arc::clone(&health),
            jobs,
            lock,
        );
        let ledger = Ledger::new(connection, limits);
        let thread = thread::Builder::new()
            .name("tidemark-writer".to_owned())
            .spawn(move || thread.run(ledger, checkpointer))
            .map_err(|error| OpenError::Engine(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            queue: RwLock::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            health,
        })
    }

    pub(crate) fn health(&self) -> Health {
        self.health.get()
    }

    /// Has a batch performed and made durable.
    pub(crate) async fn commit(&self, batch: Batch) -> Answers {
        let commands = batch.len();
        let (reply, answers) = oneshot::channel();
        self.submit(Job::Commands { batch, reply }).await;
        answers
            .await
            .unwrap_or_else(|_| vec![Err(CommitError::Unavailable); commands])
    }

    /// Has a change that is no command made durable. `change` writes nothing if it answers with an error.
    pub(crate) async fn change<T, A, F>(&self, change: F) -> Result<T, A::Error>
    where
        T: Send + 'static,
        A: Heard + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault<A>> + Send + 'static,
    {
        self.change_remembered(move |ledger| change(ledger.connection()))
            .await
    }

    /// The same for a change to something that the ledger remembers.
    pub(crate) async fn change_remembered<T, A, F>(&self, change: F) -> Result<T, A::Error>
    where
        T: Send + 'static,
        A: Heard + Send + 'static,
        F: FnOnce(&mut Ledger) -> Result<T, Fault<A>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Change(Box::new(move |ledger| {
            let result = match change(ledger) {
                Ok(value) => Ok(value),
                Err(Fault::Answer(error)) => Err(error),
                Err(Fault::Engine(error)) => return Err(error),
            };
            Ok(Box::new(move || {
                // Nobody waits any more; what was done stays done.
                let _ = reply.send(result);
            }))
        })))
        .await;
        match answer.await {
            Ok(result) => result.map_err(A::heard),
            Err(_) => Err(A::unavailable()),
        }
    }

    /// Hands a job over, or drops it if it is not taken now.
    async fn submit(&self, job: Job) {
        if self.health.get() != Health::Accepting {
            return;
        }
        let queue = self.queue.read().clone();
        if let Some(queue) = queue {
            // Refused only by a writer that is gone, and then the job's answer is that it was dropped.
            let _ = queue.send(job).await;
        }
    }

    /// Lets the writer finish what it was given, and waits for its end.
    pub(crate) fn close(&self) {
        drop(self.queue.write().take());
        // The lock is held while waiting, so that a second caller returns no earlier than the first.
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // It may be waiting between two attempts at recovery.
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the writer thread panicked");
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

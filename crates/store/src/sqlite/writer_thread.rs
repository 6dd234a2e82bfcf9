//! What the writer thread does all day: gather, flush, answer, and recover when a flush fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tidemark_core::Limits;
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use crate::health::HealthCell;
use crate::{CommitError, Health, OpenError};

use super::checkpointer::Checkpointer;
use super::files::{Files, checkpoint};
use super::ledger::Ledger;
use super::lock::DirectoryLock;
use super::readers::Readers;
use super::writer::{Answers, Job, Reply};

/// Where a transaction stops taking further jobs: enough that a flush is a small part of its time,
/// few enough that nobody waits long for it.
const TRANSACTION_COMMANDS_MAX: usize = 4096;

/// How many pages the log grows before the checkpointer runs: 8 MiB. More rarely means that a page
/// which is written again and again is moved once; more often keeps the log and its start short.
const CHECKPOINT_PAGES: u64 = 1024;

/// How many pages the log has at most, 64 MiB, before the writer itself moves it and begins anew.
/// Beside a writer that never pauses, the checkpointer alone never finds the log at rest.
const WAL_PAGES_MAX: u64 = 8192;

/// How long to wait before opening the files again, at first and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The state of the thread beside its [`Ledger`].
pub(crate) struct WriterThread {
    files: Files,
    readers: Arc<Readers>,
    limits: Limits,
    health: Arc<HealthCell>,
    jobs: Receiver<Job>,
    /// Given back when the thread ends, with every connection closed.
    _lock: DirectoryLock,
    /// How many pages the write-ahead log has; SQLite says so after each commit.
    wal_pages: Arc<AtomicU64>,
    /// How many it had when the checkpointer was last woken.
    wal_pages_woken: u64,
}

impl WriterThread {
    pub(crate) fn new(
        files: Files,
        readers: Arc<Readers>,
        limits: Limits,
        health: Arc<HealthCell>,
        jobs: Receiver<Job>,
        lock: DirectoryLock,
    ) -> Self {
        Self {
            files,
            readers,
            limits,
            health,
            jobs,
            _lock: lock,
            wal_pages: Arc::default(),
            wal_pages_woken: 0,
        }
    }

    pub(crate) fn run(mut self, ledger: Ledger, checkpointer: Checkpointer) {
        let _closed = ClosedOnExit(Arc::clone(&self.health));
        let mut open = Some((ledger, checkpointer));
        while let Some((mut ledger, checkpointer)) = open.take() {
            match self.work(&mut ledger, &checkpointer) {
                Ok(()) => {
                    drop(checkpointer);
                    self.finish(&ledger);
                }
                Err(error) => {
                    self.health.set(Health::Recovering);
                    tracing::error!(
                        %error,
                        "a flush failed; nothing is accepted until the files are open again"
                    );
                    drop(checkpointer);
                    drop(ledger);
                    open = self.recover();
                }
            }
        }
    }

    /// Performs jobs until there are none to come, or until a transaction fails.
    fn work(&mut self, ledger: &mut Ledger, checkpointer: &Checkpointer) -> rusqlite::Result<()> {
        self.watch_wal(ledger)?;
        while let Some(first) = self.jobs.blocking_recv() {
            let jobs = self.gather(first);
            for reply in flush(ledger, jobs, &self.health)? {
                reply();
            }
            self.tend_wal(ledger, checkpointer)?;
        }
        Ok(())
    }

    /// Everything that waits now, up to a bound.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let mut commands = first.weight();
        let mut jobs = vec![first];
        while commands < TRANSACTION_COMMANDS_MAX {
            let Ok(job) = self.jobs.try_recv() else {
                break;
            };
            commands += job.weight();
            jobs.push(job);
        }
        jobs
    }

    fn watch_wal(&mut self, ledger: &mut Ledger) -> rusqlite::Result<()> {
        self.wal_pages_woken = 0;
        self.wal_pages.store(0, Ordering::Relaxed);
        let pages_now = Arc::clone(&self.wal_pages);
        ledger
            .connection_mut()
            .wal_hook(Some(move |_: &mut _, pages| {
                pages_now.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
    }

    /// Keeps the write-ahead log short.
    fn tend_wal(&mut self, ledger: &Ledger, checkpointer: &Checkpointer) -> rusqlite::Result<()> {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < self.wal_pages_woken {
            self.wal_pages_woken = 0;
        }
        if pages >= self.wal_pages_woken + CHECKPOINT_PAGES {
            self.wal_pages_woken = pages;
            checkpointer.wake();
        }
        if pages < WAL_PAGES_MAX {
            return Ok(());
        }
        match checkpoint(ledger.connection(), "RESTART") {
            Ok(()) => self.wal_pages.store(0, Ordering::Relaxed),
            // A reader or the checkpointer is still at it; after the next commit is soon enough.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                tracing::warn!(pages, "the write-ahead log is over its bound and in use");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Opens the files anew until that succeeds; `None` if the store is closed meanwhile.
    fn recover(&mut self) -> Option<(Ledger, Checkpointer)> {
        self.readers.retire();
        let mut wait = BACKOFF_MIN;
        loop {
            self.refuse_waiting()?;
            match self.reopen() {
                Ok(open) => {
                    self.readers.resume();
                    self.refuse_waiting()?;
                    self.health.set(Health::Accepting);
                    tracing::info!("the files are open again; commands are accepted");
                    return Some(open);
                }
                Err(error) => {
                    let wait_ms = wait.as_millis();
                    tracing::error!(%error, wait_ms, "the files could not be opened again");
                }
            }
            thread::park_timeout(wait);
            wait = (wait * 2).min(BACKOFF_MAX);
        }
    }

    fn reopen(&self) -> Result<(Ledger, Checkpointer), OpenError> {
        let (connection, _) = self.files.open_writer()?;
        let checkpointer = Checkpointer::start(&self.files)?;
        Ok((Ledger::new(connection, self.limits.clone()), checkpointer))
    }

    /// Drops what waits, which answers it; `None` if nothing can come any more.
    fn refuse_waiting(&mut self) -> Option<()> {
        loop {
            match self.jobs.try_recv() {
                Ok(_) => {}
                Err(TryRecvError::Empty) => return Some(()),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
    }

    /// Leaves the files with an empty log, so that the next start has nothing to recover.
    fn finish(&self, ledger: &Ledger) {
        self.readers.retire();
        if let Err(error) = checkpoint(ledger.connection(), "TRUNCATE") {
            tracing::warn!(%error, "the last checkpoint failed; the next start does it");
        }
    }
}

/// However the thread ends, also by a panic, everybody sees that it did.
struct ClosedOnExit(Arc<HealthCell>);

impl Drop for ClosedOnExit {
    fn drop(&mut self) {
        self.0.set(Health::Closed);
    }
}

impl Job {
    /// How much of a transaction this takes.
    fn weight(&self) -> usize {
        match self {
            Self::Commands { batch, .. } => batch.len(),
            Self::Change(_) => 1,
        }
    }
}

/// Performs the jobs in one transaction. The replies that it returns may be given: what they tell of is
/// durable. An error is in `health` before it drops the jobs, which is what their senders hear.
fn flush(ledger: &mut Ledger, jobs: Vec<Job>, health: &HealthCell) -> rusqlite::Result<Vec<Reply>> {
    let failing = |error| {
        health.set(Health::Recovering);
        error
    };
    let mut replies: Vec<Reply> = Vec::with_capacity(jobs.len());
    execute(ledger.connection(), "BEGIN IMMEDIATE").map_err(failing)?;
    for job in jobs {
        match job {
            Job::Commands { batch, reply } => {
                let mut answers: Answers = Vec::with_capacity(batch.len());
                for command in batch {
                    let answer = ledger.perform(command).map_err(failing)?;
                    answers.push(answer.map_err(CommitError::Refused));
                }
                replies.push(Box::new(move || {
                    // Nobody waits any more; what was done stays done.
                    let _ = reply.send(answers);
                }));
            }
            Job::Change(change) => replies.push(change(ledger).map_err(failing)?),
        }
    }
    execute(ledger.connection(), "COMMIT").map_err(failing)?;
    Ok(replies)
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

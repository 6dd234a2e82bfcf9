//! The tasks that write: how batches come to them, and how they stop.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tidemark_core::Limits;
use tidemark_core::conversation::Command;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Batch, CommitError, Health, Outcome};

use super::availability::Availability;
use super::connector::{Connector, Link};
use super::split::{Part, split};
use super::writer::Writer;

/// How many parts of batches wait for one writer at most; callers beyond that wait outside.
const QUEUE_MAX: usize = 1024;

/// The results of commands, in their order.
pub(crate) type Answers = Vec<Result<Outcome, CommitError>>;

/// Commands for one writer. An answer that will never come is a dropped sender: whoever waits for it hears
/// that the store is unavailable.
pub(crate) struct Job {
    pub(crate) commands: Vec<Command>,
    pub(crate) reply: oneshot::Sender<Answers>,
    /// When whoever waits is told that it did not work.
    pub(crate) deadline: Instant,
}

/// The way to the writers.
pub(crate) struct Writers {
    queues: RwLock<Option<Vec<mpsc::Sender<Job>>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    availability: Arc<Availability>,
    commit_wait: Duration,
    /// How many there are.
    count: usize,
}

impl Writers {
    /// Starts one writer for each of `links`.
    pub(crate) fn start(
        connector: &Connector,
        limits: &Limits,
        links: Vec<Link>,
        commit_wait: Duration,
    ) -> Self {
        let count = links.len();
        let availability = Arc::new(Availability::default());
        let mut queues = Vec::with_capacity(count);
        let mut tasks = Vec::with_capacity(count);
        for link in links {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            let writer = Writer::new(
                connector.clone(),
                limits.clone(),
                Arc::clone(&availability),
                commit_wait,
                link,
            );
            queues.push(queue);
            tasks.push(tokio::spawn(writer.run(jobs)));
        }
        Self {
            queues: RwLock::new(Some(queues)),
            tasks: Mutex::new(tasks),
            availability,
            commit_wait,
            count,
        }
    }

    pub(crate) fn health(&self) -> Health {
        if self.queues.read().is_none() {
            return Health::Closed;
        }
        self.availability.health()
    }

    /// Has a batch performed and made durable.
    pub(crate) async fn commit(&self, batch: Batch) -> Answers {
        let mut answers = vec![Err(CommitError::Unavailable); batch.len()];
        let Some(queues) = self.queues.read().clone() else {
            return answers;
        };
        let deadline = Instant::now() + self.commit_wait;
        let mut waiting = Vec::new();
        for part in split(batch, self.count) {
            let Part {
                writer,
                places,
                commands,
            } = part;
            let (reply, answered) = oneshot::channel();
            let job = Job {
                commands,
                reply,
                deadline,
            };
            // Refused only by a writer that is gone, and then the answer is that the job was dropped.
            let _ = queues[writer].send(job).await;
            waiting.push((places, answered));
        }
        drop(queues);
        for (places, answered) in waiting {
            if let Ok(part) = answered.await {
                for (place, answer) in places.into_iter().zip(part) {
                    answers[place] = answer;
                }
            }
        }
        answers
    }

    /// Lets the writers finish what they were given, and waits for their end.
    pub(crate) async fn close(&self) {
        drop(self.queues.write().take());
        // The lock is held while waiting, so that a second caller returns no earlier than the first.
        for task in self.tasks.lock().await.drain(..) {
            if task.await.is_err() {
                tracing::error!("a writer panicked");
            }
        }
    }
}

//! Group commit: what queued while the last flush ran is the next batch.
//!
//! Every command of every socket and HTTP request passes here. One task hands batches to the
//! store, another publishes the outcomes, in the order in which they became durable; so the next batch is
//! being flushed while the last one is being pushed.

use std::sync::Arc;
use std::time::Instant;

use tidemark_blobs::RightOfWay;
use tidemark_core::conversation::Command;
use tidemark_store::{CommitError, Outcome, Store};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::hub::{Hub, Origin};
use crate::telemetry::Metrics;

/// Commands that may wait for the next batch; whoever has another one waits to hand it over.
const QUEUE_MAX: usize = 8_192;
/// Commands in one batch: enough that the flush costs each of them little, few enough to bound what a
/// failed flush takes with it.
const BATCH_MAX: usize = 2_048;
/// Batches that are durable but not pushed yet.
const UNPUBLISHED_BATCHES_MAX: usize = 2;

/// A command on its way to the store.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) command: Command,
    pub(crate) origin: Origin,
    pub(crate) queued: Instant,
}

/// A command that the store has answered.
pub(crate) struct Settled {
    pub(crate) outcome: Result<Outcome, CommitError>,
    pub(crate) origin: Origin,
    pub(crate) queued: Instant,
}

impl Settled {
    fn is_accepted_send(&self) -> bool {
        match &self.outcome {
            Ok(Outcome::Repeated { .. }) => true,
            Ok(Outcome::Appended { events, .. }) => events
                .last()
                .is_some_and(|event| event.body.as_message().is_some()),
            _ => false,
        }
    }
}

/// The door to the store for commands.
#[derive(Clone, Debug)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Submission>,
}

/// The committer was closed: the server is going away.
#[derive(Debug)]
pub(crate) struct Closed;

impl Committer {
    /// Starts the two tasks. They end, in order and with everything done, when the last clone of the
    /// committer is dropped.
    pub(crate) fn start<S: Store>(
        store: Arc<S>,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        right_of_way: RightOfWay,
    ) -> (Self, JoinHandle<()>) {
        let (queue, submissions) = mpsc::channel(QUEUE_MAX);
        let (settled, unpublished) = mpsc::channel(UNPUBLISHED_BATCHES_MAX);
        tokio::spawn(commit_batches(
            store,
            submissions,
            settled,
            Arc::clone(&metrics),
            right_of_way,
        ));
        let publisher = tokio::spawn(publish_batches(hub, unpublished, metrics));
        (Self { queue }, publisher)
    }

    /// Hands a command over; waits while the queue is full.
    pub(crate) async fn submit(&self, command: Command, origin: Origin) -> Result<(), Closed> {
        let submission = Submission {
            command,
            origin,
            queued: Instant::now(),
        };
        self.queue.send(submission).await.map_err(|_| Closed)
    }
}

async fn commit_batches<S: Store>(
    store: Arc<S>,
    mut submissions: mpsc::Receiver<Submission>,
    settled: mpsc::Sender<Vec<Settled>>,
    metrics: Arc<Metrics>,
    right_of_way: RightOfWay,
) {
    let mut queued = Vec::with_capacity(BATCH_MAX);
    while submissions.recv_many(&mut queued, BATCH_MAX).await > 0 {
        metrics.commit_batch.observe(queued.len() as f64);
        metrics
            .commit_queue
            .set(i64::try_from(submissions.len()).unwrap_or(i64::MAX));
        let began = Instant::now();
        let (commands, waiting): (Vec<_>, Vec<_>) = queued
            .drain(..)
            .map(|submission| (submission.command, (submission.origin, submission.queued)))
            .unzip();
        let flushing = right_of_way.take();
        let outcomes = store.commit(commands).await;
        drop(flushing);
        metrics
            .commit_duration
            .observe(began.elapsed().as_secs_f64());
        let batch = outcomes
            .into_iter()
            .zip(waiting)
            .map(|(outcome, (origin, queued))| Settled {
                outcome,
                origin,
                queued,
            })
            .collect();
        if settled.send(batch).await.is_err() {
            return;
        }
    }
}

async fn publish_batches(
    hub: Arc<Hub>,
    mut unpublished: mpsc::Receiver<Vec<Settled>>,
    metrics: Arc<Metrics>,
) {
    while let Some(batch) = unpublished.recv().await {
        let committed = Instant::now();
        for settled in batch {
            if settled.is_accepted_send() {
                metrics.sends_accepted.inc();
                metrics
                    .send_latency
                    .observe(settled.queued.elapsed().as_secs_f64());
            }
            hub.publish(settled.origin, settled.outcome, committed);
        }
        hub.note_news();
    }
}

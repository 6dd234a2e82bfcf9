//! The course of a run under load: warm-up, measurement, and waiting until everything has arrived.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::process_usage::{Usage, Used};
use super::progress::{Bar, Progress};
use super::target::Target;
use crate::failure::Failure;

/// How long what is under way may take to arrive after the last send.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often to look whether it has.
const DRAIN_LOOK: Duration = Duration::from_millis(1);
/// How often the progress is drawn.
const DRAW: Duration = Duration::from_millis(250);

/// Tasks that make load until they fail or are dropped.
pub(super) type LoadTasks = JoinSet<Result<Infallible, Failure>>;

/// What the tasks of a run and its clock tell each other. All of it is on one thread.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Whether latencies count now.
    pub(super) measuring: Cell<bool>,
    /// Whether nothing new is to be sent.
    pub(super) stopping: Cell<bool>,
    /// What the run counts, since its beginning.
    pub(super) done: Cell<u64>,
}

/// What the measured part of a run has brought.
pub(super) struct Measured {
    /// How much of what the run counts.
    pub(super) done: u64,
    pub(super) took: Duration,
    pub(super) server: Option<Used>,
    pub(super) generator: Option<Used>,
}

impl Measured {
    /// Of what the run counts, each second.
    pub(super) fn per_second(&self) -> f64 {
        per_second(self.done, self.took)
    }
}

/// A rate, rounded to whole ones from a hundred on.
pub(super) fn per_second(count: u64, took: Duration) -> f64 {
    let rate = count as f64 / took.as_secs_f64();
    if rate < 100.0 {
        (rate * 100.0).round() / 100.0
    } else {
        rate.round()
    }
}

/// Two readings of what server and generator have used.
pub(super) struct UsageMeter {
    server: Option<Usage>,
    generator: Option<Usage>,
}

impl UsageMeter {
    pub(super) fn start(target: &Target) -> Self {
        Self {
            server: target.usage(),
            generator: Usage::own(),
        }
    }

    /// What server and generator have used since.
    pub(super) fn stop(&self, target: &Target) -> (Option<Used>, Option<Used>) {
        let used = |before: Option<Usage>, now: Option<Usage>| Some(now?.since(before?));
        (
            used(self.server, target.usage()),
            used(self.generator, Usage::own()),
        )
    }
}

impl Course {
    pub(super) fn count(&self, more: u64) {
        self.done.set(self.done.get() + more);
    }

    /// Lets the tasks warm up, then measures for `duration`. Fails as soon as one of them does.
    pub(super) async fn measure(
        &self,
        target: &Target,
        tasks: &mut LoadTasks,
        warm_up: Duration,
        duration: Duration,
        progress: &Progress,
    ) -> Result<Measured, Failure> {
        let warming = progress.run("warming up");
        self.wait(tasks, Instant::now() + warm_up, &warming).await?;
        drop(warming);
        let bar = progress.run("measuring");
        self.measuring.set(true);
        let (meter, done, began) = (UsageMeter::start(target), self.done.get(), Instant::now());
        self.wait(tasks, began + duration, &bar).await?;
        let took = began.elapsed();
        let done = self.done.get() - done;
        let (server, generator) = meter.stop(target);
        self.measuring.set(false);
        Ok(Measured {
            done,
            took,
            server,
            generator,
        })
    }

    /// Stops sending and waits until `is_drained`. Whether it came to that in time.
    pub(super) async fn drain(
        &self,
        tasks: &mut LoadTasks,
        is_drained: impl Fn() -> bool,
    ) -> Result<bool, Failure> {
        self.stopping.set(true);
        until(tasks, is_drained).await
    }

    async fn wait(&self, tasks: &mut LoadTasks, until: Instant, bar: &Bar) -> Result<(), Failure> {
        let mut end = std::pin::pin!(sleep_until(until.into()));
        let mut drawn = (Instant::now(), self.done.get());
        loop {
            tokio::select! {
                Some(ended) = tasks.join_next() => return Err(failure_of(ended)),
                () = &mut end => return Ok(()),
                () = sleep(DRAW) => {
                    let (at, done) = (Instant::now(), self.done.get());
                    let rate = per_second(done - drawn.1, at - drawn.0);
                    bar.say(format!("{rate} each second"));
                    drawn = (at, done);
                }
            }
        }
    }
}

/// Waits until something is so, for as long as what is under way may take to arrive. Whether it came to that.
pub(super) async fn until(
    tasks: &mut LoadTasks,
    is_so: impl Fn() -> bool,
) -> Result<bool, Failure> {
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    while !is_so() {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::select! {
            Some(ended) = tasks.join_next() => return Err(failure_of(ended)),
            () = sleep(DRAIN_LOOK) => {}
        }
    }
    Ok(true)
}

/// What a task that should never end ended with.
fn failure_of(ended: Result<Result<Infallible, Failure>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Ok(never)) => match never {},
        Ok(Err(failure)) => failure,
        Err(error) => Failure::failed(format!("a task of the generator broke: {error}")),
    }
}

/// Something that was sent has not arrived at everybody.
pub(super) fn not_arrived(sent: u64, arrived: u64) -> Failure {
    let seconds = DRAIN_TIMEOUT.as_secs();
    Failure::failed(format!(
        "{} of {sent} messages were not acknowledged and delivered {seconds} s after the last one was sent",
        sent - arrived
    ))
}

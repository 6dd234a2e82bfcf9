//! Lets consumers and jobs work, on this node.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tidemark_core::Timestamp;
use tidemark_store::Store;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::course::{Course, Surroundings};
use crate::runner::{Job, Runner};
use crate::{Consumer, PipelineMetrics, Place, Progress, Spec, Turn};

/// How often a job that is no consumer has its progress kept.
const KEEP_OF_JOBS: Duration = Duration::from_secs(1);

/// What a [`Runtime`] is made of.
pub struct Setup<S> {
    /// Where the log is.
    pub store: Arc<S>,
    /// What operators call this node.
    pub node: String,
    /// After how long without a sign of life of the node that works another one takes over.
    pub lease: Duration,
    /// Changes whenever there may be something new in the feed.
    pub news: watch::Receiver<u64>,
    /// What time it is.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// What is counted.
    pub metrics: PipelineMetrics,
}

/// Lets consumers and jobs work, on this node.
pub struct Runtime<S> {
    setup: Setup<S>,
    bells: Mutex<HashMap<String, Arc<Notify>>>,
}

impl<S> fmt::Debug for Runtime<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("node", &self.setup.node)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Runtime<S> {
    /// One with nothing to do yet.
    pub fn new(setup: Setup<S>) -> Self {
        Self {
            setup,
            bells: Mutex::default(),
        }
    }

    /// What is counted.
    pub fn metrics(&self) -> &PipelineMetrics {
        &self.setup.metrics
    }

    /// Lets a consumer work whenever it is to, until `stop` resolves. Its position is kept then, and another node may
    /// go on at once.
    pub async fn run<C: Consumer>(
        &self,
        spec: &Spec,
        consumer: &mut C,
        stop: impl Future<Output = ()>,
    ) {
        let name = spec.full_name();
        let holder = match &spec.place {
            Place::Single | Place::OneOf { .. } => self.new_holder(),
            // Whoever was granted it before, with the same effects, is no more, or is to be no more.
            Place::Local { instance } => instance.clone(),
        };
        let mut work = Work {
            runtime: self,
            spec,
            bell: self.bell(&name),
            consumer,
        };
        let known_as = spec.known_as();
        let runner = self.runner(&known_as, name, holder, spec.keep);
        runner.run(&mut work, stop).await;
    }

    /// Lets a job that is no consumer work while no other node does, until `stop` resolves.
    pub async fn run_job(
        &self,
        name: &'static str,
        job: &mut impl Job,
        stop: impl Future<Output = ()>,
    ) {
        let holder = self.new_holder();
        let runner = self.runner(name, name.to_owned(), holder, KEEP_OF_JOBS);
        runner.run(job, stop).await;
    }

    /// Something was decided about the consumer with this name. If it works here, it looks at once; elsewhere, it looks within a second.
    pub fn ring(&self, name: &str) {
        if let Some(bell) = self.bells.lock().get(name) {
            bell.notify_one();
        }
    }

    fn bell(&self, name: &str) -> Arc<Notify> {
        let mut bells = self.bells.lock();
        Arc::clone(bells.entry(name.to_owned()).or_default())
    }

    /// Nobody else, and nobody before, has this name.
    fn new_holder(&self) -> String {
        format!("{} {}", self.setup.node, Uuid::new_v4())
    }

    fn runner(&self, known_as: &str, name: String, holder: String, keep: Duration) -> Runner<S> {
        Runner {
            store: Arc::clone(&self.setup.store),
            name,
            holder,
            lease: self.setup.lease,
            keep,
            active: self.setup.metrics.active(known_as),
        }
    }
}

/// A consumer as a job that holds a lease.
struct Work<'a, S, C> {
    runtime: &'a Runtime<S>,
    spec: &'a Spec,
    bell: Arc<Notify>,
    consumer: &'a mut C,
}

impl<S: Store, C: Consumer> Job for Work<'_, S, C> {
    async fn work(&mut self, turn: Turn, progress: &Progress) {
        let setup = &self.runtime.setup;
        let surroundings = Surroundings {
            store: &*setup.store,
            now: &*setup.now,
            metrics: setup.metrics.of(self.spec.known_as()),
            spec: self.spec,
            name: self.spec.full_name(),
            bell: &self.bell,
            turn,
            progress,
        };
        let news = setup.news.clone();
        Course::new(surroundings, self.consumer, news).run().await;
    }

    fn stopped(&mut self) {
        let known_as = self.spec.known_as();
        self.runtime.setup.metrics.of(known_as).stopped();
        self.consumer.stopped();
    }
}

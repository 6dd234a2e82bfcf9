//! What is counted of consumers.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tidemark_core::Position;

type Labels = [(&'static str, String); 1];

/// What is counted of consumers, by the name of each. Positions, lags and states are those of consumers that run here: where
/// one does not run, there is no such line.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    active: Family<Labels, Gauge>,
    position: Family<Labels, Gauge>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
    lag_events: Family<Labels, Gauge>,
    is_paused: Family<Labels, Gauge>,
    is_troubled: Family<Labels, Gauge>,
    events: Family<Labels, Counter>,
    failures: Family<[(&'static str, String); 2], Counter>,
    dead_letters: Family<Labels, Counter>,
}

impl PipelineMetrics {
    /// All at zero, and on the pages of `registry` from now on.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            active: Family::default(),
            position: Family::default(),
            lag: Family::default(),
            lag_events: Family::default(),
            is_paused: Family::default(),
            is_troubled: Family::default(),
            events: Family::default(),
            failures: Family::default(),
            dead_letters: Family::default(),
        };
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "runner_active",
            "Whether work that one of all nodes does is done here",
            self.active.clone(),
        );
        registry.register(
            "pipeline_position",
            "How far a consumer has come, in commit order",
            self.position.clone(),
        );
        registry.register_with_unit(
            "pipeline_lag",
            "How old the oldest event is that a consumer has still to do",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "pipeline_lag_events",
            "How many events, at most, a consumer has still to do",
            self.lag_events.clone(),
        );
        registry.register(
            "pipeline_paused",
            "Whether an operator has a consumer do nothing",
            self.is_paused.clone(),
        );
        registry.register(
            "pipeline_troubled",
            "Whether something keeps a consumer from going on",
            self.is_troubled.clone(),
        );
        registry.register(
            "pipeline_events",
            "Events that a consumer has done",
            self.events.clone(),
        );
        registry.register(
            "pipeline_failures",
            "Batches that a consumer could not do, by why",
            self.failures.clone(),
        );
        registry.register(
            "pipeline_dead_letters",
            "Events that went to the dead letters of a consumer",
            self.dead_letters.clone(),
        );
    }

    /// Whether this is done here: 1 or 0.
    pub fn active(&self, runner: &str) -> Gauge {
        let labels = [("runner", runner.to_owned())];
        self.active.get_or_create(&labels).clone()
    }

    /// For one consumer.
    pub(crate) fn of(&self, consumer: String) -> ConsumerMetrics<'_> {
        ConsumerMetrics {
            all: self,
            labels: [("consumer", consumer)],
        }
    }
}

/// What is counted of one consumer.
pub(crate) struct ConsumerMetrics<'a> {
    all: &'a PipelineMetrics,
    labels: Labels,
}

impl ConsumerMetrics<'_> {
    pub(crate) fn reached(&self, position: Position) {
        let position = i64::try_from(position.0).unwrap_or(i64::MAX);
        let gauge = self.all.position.get_or_create(&self.labels);
        gauge.set(position);
    }

    pub(crate) fn lags(&self, lag: Duration) {
        let gauge = self.all.lag.get_or_create(&self.labels);
        gauge.set(lag.as_secs_f64());
    }

    pub(crate) fn lags_by(&self, events: u64) {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        let gauge = self.all.lag_events.get_or_create(&self.labels);
        gauge.set(events);
    }

    pub(crate) fn paused(&self, is_paused: bool) {
        let gauge = self.all.is_paused.get_or_create(&self.labels);
        gauge.set(i64::from(is_paused));
    }

    pub(crate) fn troubled(&self, is_troubled: bool) {
        let gauge = self.all.is_troubled.get_or_create(&self.labels);
        gauge.set(i64::from(is_troubled));
    }

    pub(crate) fn done(&self, events: usize) {
        let counter = self.all.events.get_or_create(&self.labels);
        counter.inc_by(events as u64);
    }

    pub(crate) fn failed(&self, why: &'static str) {
        let [consumer] = self.labels.clone();
        let labels = [consumer, ("why", why.to_owned())];
        self.all.failures.get_or_create(&labels).inc();
    }

    pub(crate) fn buried(&self) {
        self.all.dead_letters.get_or_create(&self.labels).inc();
    }

    /// Another node says from now on how far it is, or nobody does.
    pub(crate) fn stopped(&self) {
        let labels = &self.labels;
        self.all.position.remove(labels);
        self.all.lag.remove(labels);
        self.all.lag_events.remove(labels);
        self.all.is_paused.remove(labels);
        self.all.is_troubled.remove(labels);
    }
}

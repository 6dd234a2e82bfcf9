//! The numbers that `GET /metrics` shows, in the `OpenMetrics` text format.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tidemark_core::Position;
use tidemark_pipeline::PipelineMetrics;

use super::uploads::UploadMetrics;

/// Counters by one label whose values are a small fixed set of the program's own words.
type CounterBy = Family<[(&'static str, &'static str); 1], Counter>;

/// Counts messages of the bus that were dropped.
#[derive(Clone, Debug, Default)]
pub struct BusDrops(CounterBy);

impl BusDrops {
    /// One that was to go out.
    pub fn outgoing(&self) {
        self.0.get_or_create(&[("direction", "out")]).inc();
    }

    /// One that came in.
    pub fn incoming(&self) {
        self.0.get_or_create(&[("direction", "in")]).inc();
    }
}

/// Everything that is counted. Fields are updated where things happen; all are cheap and never block
/// on I/O. Durations are observed in seconds.
pub struct Metrics {
    /// Sends that became an event or were recognised as a repeat.
    pub sends_accepted: Counter,
    /// From taking a send off the wire to its answer, in seconds.
    pub send_latency: Histogram,
    /// From a commit being durable to its event being written to one socket, in seconds.
    pub delivery_latency: Histogram,
    /// Sockets that are open now.
    pub sockets: Gauge,
    /// Commands in one commit.
    pub commit_batch: Histogram,
    /// Commands that wait for a commit now.
    pub commit_queue: Gauge,
    /// How long one commit takes, in seconds.
    pub commit_duration: Histogram,
    /// Times that a session's outbox was full and it was given a head instead of events.
    pub outbox_overflows: Counter,
    /// Events that were sent to catch up, live ones not counted.
    pub catch_up_events: Counter,
    /// Messages of the bus that were dropped, on this node.
    pub bus_drops: BusDrops,
    /// Whether the bus was connected when it was last looked at: 1 or 0.
    pub bus_connected: Gauge,
    /// Times that an event of another node came before one that precedes it, and waited for it.
    pub reorder_waits: Counter,
    /// Users whose presence somebody here watches.
    pub watched_users: Gauge,
    soft_frames: CounterBy,
    /// Events that the audit of the log has looked at, on this node.
    pub audit_events: Counter,
    /// Promises that the audit found broken: any is a reason to look into the log of this program.
    pub audit_violations: Counter,
    audit_position: Gauge,
    feed_lag: Gauge<f64, AtomicU64>,
    bus_messages: CounterBy,
    repairs: CounterBy,
    shared_reads: CounterBy,
    shared_read_askers: CounterBy,
    /// What is counted of those who follow the feed.
    pub pipelines: PipelineMetrics,
    /// What is counted of uploads.
    pub uploads: UploadMetrics,
    refusals: CounterBy,
    socket_closes: CounterBy,
    requests: Family<[(&'static str, String); 3], Counter>,
    request_duration: Histogram,
    registry: Registry,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tidemark");
        let mut metrics = Self {
            pipelines: PipelineMetrics::new(&mut registry),
            uploads: UploadMetrics::new(&mut registry),
            sends_accepted: Counter::default(),
            send_latency: latency(),
            delivery_latency: latency(),
            sockets: Gauge::default(),
            commit_batch: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            commit_queue: Gauge::default(),
            commit_duration: latency(),
            outbox_overflows: Counter::default(),
            catch_up_events: Counter::default(),
            bus_drops: BusDrops::default(),
            bus_connected: Gauge::default(),
            reorder_waits: Counter::default(),
            watched_users: Gauge::default(),
            soft_frames: CounterBy::default(),
            audit_events: Counter::default(),
            audit_violations: Counter::default(),
            audit_position: Gauge::default(),
            feed_lag: Gauge::default(),
            bus_messages: CounterBy::default(),
            repairs: CounterBy::default(),
            shared_reads: CounterBy::default(),
            shared_read_askers: CounterBy::default(),
            refusals: CounterBy::default(),
            socket_closes: CounterBy::default(),
            requests: Family::default(),
            request_duration: latency(),
            registry,
        };
        metrics.register();
        metrics.register_crowd();
        metrics.register_background();
        metrics
    }

    /// Counts a refusal, over HTTP or a socket, by its code.
    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&[("code", code)]).inc();
    }

    /// Counts a socket that closed, by why (`going_away`, `slow_reader`, …).
    pub fn socket_closed(&self, code: &'static str) {
        self.socket_closes.get_or_create(&[("code", code)]).inc();
    }

    /// Counts a message that was handed to the bus for other nodes.
    pub fn bus_sent(&self) {
        self.bus_messages
            .get_or_create(&[("direction", "out")])
            .inc();
    }

    /// Counts a message of another node that came over the bus.
    pub fn bus_received(&self) {
        self.bus_messages
            .get_or_create(&[("direction", "in")])
            .inc();
    }

    /// Counts what a node found in the store because no other node had told it: `event`, `membership` or
    /// `session`.
    pub fn repaired(&self, what: &'static str, times: u64) {
        self.repairs.get_or_create(&[("what", what)]).inc_by(times);
    }

    /// Counts a frame of soft state that was put before a socket: `typing` or `presence`.
    pub fn told(&self, frame: &'static str) {
        self.soft_frames.get_or_create(&[("frame", frame)]).inc();
    }

    /// Counts a read that answered so many sockets at once: `events` or `counts`.
    pub fn shared_read(&self, what: &'static str, askers: usize) {
        let labels = [("what", what)];
        self.shared_reads.get_or_create(&labels).inc();
        self.shared_read_askers
            .get_or_create(&labels)
            .inc_by(askers as u64);
    }

    /// The audit has come to here, which was so long ago; zero if there was nothing more.
    pub fn audit_reached(&self, position: Position, lag_ms: i64) {
        self.audit_position
            .set(i64::try_from(position.0).unwrap_or(i64::MAX));
        self.feed_lag.set(lag_ms as f64 / 1_000.0);
    }

    /// The audit does not run here any more: how far it is, another node says.
    pub fn audit_stopped(&self) {
        self.feed_lag.set(0.0);
    }

    /// Counts an HTTP request. `route` is the pattern that matched, never the path itself, so that the
    /// number of series stays small.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.request_duration.observe(took.as_secs_f64());
    }

    /// The `OpenMetrics` text.
    ///
    /// # Errors
    ///
    /// None in practice: writing to a string does not fail.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }

    fn register_crowd(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "shared_reads",
            "Reads of the store that answered all sockets that asked at the time, by what was read",
            self.shared_reads.clone(),
        );
        registry.register(
            "shared_read_askers",
            "Sockets that they answered",
            self.shared_read_askers.clone(),
        );
    }

    fn register_background(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "audit_events",
            "Events that the audit of the log has looked at",
            self.audit_events.clone(),
        );
        registry.register(
            "audit_violations",
            "Promises that the audit of the log found broken",
            self.audit_violations.clone(),
        );
        registry.register(
            "audit_position",
            "How far the audit of the log has come, in commit order",
            self.audit_position.clone(),
        );
        registry.register_with_unit(
            "feed_lag",
            "How old the last event is that the audit has looked at, while there are more",
            Unit::Seconds,
            self.feed_lag.clone(),
        );
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "sends_accepted",
            "Sends that became an event or repeated one",
            self.sends_accepted.clone(),
        );
        registry.register_with_unit(
            "send_latency",
            "From taking a send off the wire to its answer",
            Unit::Seconds,
            self.send_latency.clone(),
        );
        registry.register_with_unit(
            "delivery_latency",
            "From a durable commit to the event on a socket",
            Unit::Seconds,
            self.delivery_latency.clone(),
        );
        registry.register("sockets", "Open sockets", self.sockets.clone());
        registry.register(
            "commit_batch_size",
            "Commands in one commit",
            self.commit_batch.clone(),
        );
        registry.register(
            "commit_queue_depth",
            "Commands that wait for a commit",
            self.commit_queue.clone(),
        );
        registry.register_with_unit(
            "commit_duration",
            "How long one commit takes",
            Unit::Seconds,
            self.commit_duration.clone(),
        );
        registry.register(
            "outbox_overflows",
            "Times that a session was given a head instead of events",
            self.outbox_overflows.clone(),
        );
        registry.register(
            "catch_up_events",
            "Events that were sent to catch up",
            self.catch_up_events.clone(),
        );
        registry.register(
            "watched_users",
            "Users whose presence is watched",
            self.watched_users.clone(),
        );
        registry.register(
            "soft_frames",
            "Typing and presence for sockets",
            self.soft_frames.clone(),
        );
        registry.register(
            "bus_messages",
            "Messages between nodes, by direction",
            self.bus_messages.clone(),
        );
        registry.register(
            "bus_dropped",
            "Messages between nodes that found no room or no connection, by direction",
            self.bus_drops.0.clone(),
        );
        registry.register(
            "bus_connected",
            "Whether the bus is connected",
            self.bus_connected.clone(),
        );
        registry.register(
            "bus_repairs",
            "What was found in the store because no node had told of it",
            self.repairs.clone(),
        );
        registry.register(
            "bus_reorder_waits",
            "Times that events waited for one that precedes them",
            self.reorder_waits.clone(),
        );
        registry.register("refusals", "Refusals by code", self.refusals.clone());
        registry.register(
            "socket_closes",
            "Sockets that closed, by why",
            self.socket_closes.clone(),
        );
        registry.register(
            "http_requests",
            "HTTP requests by method, route and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long HTTP requests take",
            Unit::Seconds,
            self.request_duration.clone(),
        );
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Buckets from a tenth of a millisecond, which one flush takes, to some thirteen seconds.
fn latency() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 18))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_what_was_counted() {
        let metrics = Metrics::new();
        metrics.sends_accepted.inc();
        metrics.refused("rate_limited");
        metrics.socket_closed("slow_reader");
        metrics.commit_batch.observe(17.0);
        metrics.request("GET", "/v1/users/{id}", 404, Duration::from_millis(3));
        let page = metrics.encode().unwrap();
        for line in [
            "tidemark_sends_accepted_total 1",
            r#"tidemark_refusals_total{code="rate_limited"} 1"#,
            r#"tidemark_socket_closes_total{code="slow_reader"} 1"#,
            r#"tidemark_commit_batch_size_bucket{le="32.0"} 1"#,
            r#"tidemark_http_requests_total{method="GET",route="/v1/users/{id}",status="404"} 1"#,
            "tidemark_http_request_duration_seconds_count 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}

//! What is counted of uploads.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tidemark_core::upload::UploadState;

/// What is counted of uploads. Cheap, and never waits.
#[derive(Debug)]
pub struct UploadMetrics {
    arrived: Counter,
    arrived_bytes: Counter,
    finished: Family<[(&'static str, &'static str); 1], Counter>,
    look_duration: Histogram,
    due: Gauge,
    put_off: Counter,
    scanner_failures: Counter,
    media_failures: Family<[(&'static str, &'static str); 1], Counter>,
    blob_failures: Counter,
    ended: Counter,
    orphans: Counter,
}

impl UploadMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            arrived: Counter::default(),
            arrived_bytes: Counter::default(),
            finished: Family::default(),
            look_duration: Histogram::new(exponential_buckets(0.005, 2.0, 16)),
            due: Gauge::default(),
            put_off: Counter::default(),
            scanner_failures: Counter::default(),
            media_failures: Family::default(),
            blob_failures: Counter::default(),
            ended: Counter::default(),
            orphans: Counter::default(),
        };
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "uploads_arrived",
            "Uploads whose bytes have come",
            self.arrived.clone(),
        );
        registry.register_with_unit(
            "uploads_arrived",
            "Bytes of uploads that have come",
            Unit::Bytes,
            self.arrived_bytes.clone(),
        );
        registry.register(
            "uploads_finished",
            "Uploads that were looked at, by what became of them",
            self.finished.clone(),
        );
        registry.register_with_unit(
            "upload_look",
            "How long looking at one upload takes",
            Unit::Seconds,
            self.look_duration.clone(),
        );
        registry.register(
            "uploads_due",
            "Uploads that wait to be looked at, as far as they were asked for, on the node that does it",
            self.due.clone(),
        );
        registry.register(
            "uploads_put_off",
            "Times that an upload could not be looked at and waits for another try",
            self.put_off.clone(),
        );
        registry.register(
            "upload_scanner_failures",
            "Times that the scanner gave no verdict",
            self.scanner_failures.clone(),
        );
        registry.register(
            "upload_media_failures",
            "Files that could not be looked into, by reason",
            self.media_failures.clone(),
        );
        registry.register(
            "blob_failures",
            "Times that the blob store could not do what was asked",
            self.blob_failures.clone(),
        );
        registry.register(
            "uploads_ended",
            "Uploads that were taken away with their bytes",
            self.ended.clone(),
        );
        registry.register(
            "blob_orphans",
            "Blobs that belonged to no upload and were taken away",
            self.orphans.clone(),
        );
    }

    /// The bytes of an upload have come.
    pub fn arrived(&self, bytes: u64) {
        self.arrived.inc();
        self.arrived_bytes.inc_by(bytes);
    }

    /// An upload was looked at.
    pub fn finished(&self, state: UploadState, took: Duration) {
        self.finished
            .get_or_create(&[("state", state.as_str())])
            .inc();
        self.look_duration.observe(took.as_secs_f64());
    }

    /// So many wait to be looked at.
    pub fn set_due(&self, due: usize) {
        self.due.set(i64::try_from(due).unwrap_or(i64::MAX));
    }

    /// One could not be looked at now.
    pub fn put_off(&self) {
        self.put_off.inc();
    }

    /// The scanner gave no verdict.
    pub fn scanner_failed(&self) {
        self.scanner_failures.inc();
    }

    /// A file could not be looked into.
    pub fn media_failed(&self, why: &'static str) {
        self.media_failures.get_or_create(&[("why", why)]).inc();
    }

    /// The blob store could not do what was asked.
    pub fn blobs_failed(&self) {
        self.blob_failures.inc();
    }

    /// An upload was taken away.
    pub fn ended(&self) {
        self.ended.inc();
    }

    /// Blobs that belonged to nobody were taken away.
    pub fn orphans(&self, count: u64) {
        self.orphans.inc_by(count);
    }
}

//! Work that one of all nodes does.

use std::time::Duration;

use super::reader::Reader;

/// Work that one of all nodes does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundConfig {
    /// After how long without a sign of life of the node that does it another one takes over.
    pub lease: Duration,
    /// Whether, and how, the log is audited.
    pub audit: Option<AuditConfig>,
}

/// How the log is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// The most events in a second, so that sends do not feel it; a fifth of it while something is committed.
    pub events_per_second: u32,
}

pub(super) fn background(reader: &mut Reader) -> BackgroundConfig {
    let is_audited = reader.flag("audit.enabled", true);
    let events_per_second = reader.whole("audit.events_per_second", 5_000, 1..=1_000_000);
    let audit = AuditConfig {
        events_per_second: u32::try_from(events_per_second).expect("at most a million"),
    };
    BackgroundConfig {
        lease: reader.milliseconds("background.lease_ms", 15_000, 300..=600_000),
        audit: is_audited.then_some(audit),
    }
}

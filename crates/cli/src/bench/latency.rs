//! How long things took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than this is counted as this.
const LONGEST: Duration = Duration::from_mins(10);
/// Every value is kept to within a thousandth.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Durations, each kept to a thousandth of itself.
pub(super) struct Latencies {
    microseconds: Histogram<u64>,
}

impl Latencies {
    pub(super) fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        Self {
            microseconds: Histogram::new_with_bounds(1, longest, SIGNIFICANT_DIGITS)
                .expect("the bounds are in order"),
        }
    }

    pub(super) fn record(&mut self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.saturating_record(microseconds);
    }

    pub(super) fn summary(&self) -> LatencySummary {
        let in_ms = |microseconds| milliseconds(Duration::from_micros(microseconds));
        let quantile = |quantile| in_ms(self.microseconds.value_at_quantile(quantile));
        LatencySummary {
            count: self.microseconds.len(),
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            p99_9_ms: quantile(0.999),
            max_ms: in_ms(self.microseconds.max()),
        }
    }
}

/// Percentiles, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LatencySummary {
    pub(super) count: u64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p99_9_ms: f64,
    pub(super) max_ms: f64,
}

/// A duration in milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for millisecond in 1..=1_000 {
            latencies.record(Duration::from_millis(millisecond));
        }
        let summary = latencies.summary();
        assert_eq!(summary.count, 1_000);
        for (found, expected) in [
            (summary.p50_ms, 500.0),
            (summary.p90_ms, 900.0),
            (summary.p99_ms, 990.0),
            (summary.p99_9_ms, 999.0),
            (summary.max_ms, 1_000.0),
        ] {
            assert!((found / expected - 1.0).abs() < 0.002, "{found} {expected}");
        }
    }
}

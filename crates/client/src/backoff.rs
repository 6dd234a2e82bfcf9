//! How long to wait before the next try to connect.

use std::time::Duration;

/// The bounds of the pauses between tries to connect.
///
/// The pause before a try is drawn evenly between nothing and a ceiling that begins at `first` and
/// doubles with each failure up to `longest`, so that clients that lost the same server do not come
/// back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling of the first pause.
    pub first: Duration,
    /// The ceiling that no pause exceeds.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            longest: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// The pause after `failures` tries that failed in a row, for a `draw` from 0 to 1.
    pub(crate) fn pause(&self, failures: u32, draw: f64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.longest).mul_f64(draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_ceiling_and_no_further() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
        };
        let ceilings: Vec<_> = (1..=6)
            .map(|failures| backoff.pause(failures, 1.0))
            .collect();
        let expected = [100, 200, 400, 800, 1000, 1000].map(Duration::from_millis);
        assert_eq!(ceilings, expected);
        assert_eq!(backoff.pause(u32::MAX, 1.0), Duration::from_secs(1));
    }

    #[test]
    fn the_whole_range_below_the_ceiling_is_used() {
        let backoff = Backoff::default();
        assert_eq!(backoff.pause(1, 0.0), Duration::ZERO);
        assert_eq!(backoff.pause(1, 0.5), backoff.first / 2);
    }
}

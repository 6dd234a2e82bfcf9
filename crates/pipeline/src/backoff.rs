//! How long to wait before what failed is tried again.

use std::time::Duration;

use crate::Retries;

/// The pause after so many failures in a row, for a `draw` from 0 to 1: never less than half of what it may be, so that something
/// that is away is not asked all the time, and not the same for all, so that not all come back together.
pub(crate) fn pause(retries: &Retries, failures: u32, draw: f64) -> Duration {
    let doubled = retries
        .pause_first
        .saturating_mul(1 << failures.saturating_sub(1).min(20));
    let whole = doubled.min(retries.pause_max);
    whole / 2 + (whole / 2).mul_f64(draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_one() {
        let retries = Retries {
            pause_first: Duration::from_millis(100),
            pause_max: Duration::from_secs(1),
            attempts_max: 3,
        };
        let pauses = |draw| [1, 2, 4, 5, u32::MAX].map(|failures| pause(&retries, failures, draw));
        let expected = [100, 200, 800, 1_000, 1_000].map(Duration::from_millis);
        assert_eq!(pauses(1.0), expected);
        assert_eq!(pauses(0.0), expected.map(|whole| whole / 2));
    }
}

//! Durations on the command line.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

/// The longest that anything may be asked to take.
const LONGEST: f64 = 24.0 * 60.0 * 60.0;

/// A duration in seconds, with fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Seconds(f64);

impl Seconds {
    pub(super) fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .ok()
            .filter(|seconds| (0.0..=LONGEST).contains(seconds))
            .map(Self)
            .ok_or_else(|| format!("a number of seconds from 0 to {LONGEST}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lengths_of_time_are_taken() {
        assert_eq!(
            "0.2".parse::<Seconds>().unwrap().duration(),
            Duration::from_millis(200)
        );
        for text in ["", "-1", "NaN", "inf", "1e9", "ten"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
    }
}

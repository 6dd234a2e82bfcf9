//! What goes wrong, drawn from a seed.

use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What the network does to connections that begin from now on.
///
/// Which connection meets which fate depends on the seed and on the connection's number alone. What
/// the fate hits, the schedule of the machine decides: a run explores, it does not replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// Where the randomness begins.
    pub seed: u64,
    /// How likely it is that a chunk of bytes is held back, from 0 to 1.
    pub delay_probability: f64,
    /// The longest that a chunk is held back.
    pub delay_max: Duration,
    /// How many bytes a connection carries in one direction before it is cut, in the middle of whatever
    /// passes then; `None` never cuts.
    pub bytes_until_cut: Option<Range<u64>>,
    /// The longest that a half-open connection swallows bytes before it is cut.
    pub stall_max: Duration,
}

impl Faults {
    /// A network that does nothing wrong.
    pub fn none() -> Self {
        Self {
            seed: 0,
            delay_probability: 0.0,
            delay_max: Duration::ZERO,
            bytes_until_cut: None,
            stall_max: Duration::ZERO,
        }
    }

    /// What connection `number` will meet.
    pub(super) fn fate(&self, number: u64) -> Fate {
        let mut rng = self.rng(number, Stream::Fate);
        let Some(range) = self
            .bytes_until_cut
            .clone()
            .filter(|range| !range.is_empty())
        else {
            return Fate::Unharmed;
        };
        let after_bytes = rng.random_range(range);
        let direction = if rng.random_bool(0.5) {
            Direction::Up
        } else {
            Direction::Down
        };
        let cut = match rng.random_range(0..3) {
            0 => Cut::Reset,
            1 => Cut::Finish,
            _ => Cut::Stall(self.stall_max.mul_f64(rng.random())),
        };
        Fate::Cut {
            direction,
            after_bytes,
            cut,
        }
    }

    /// The delays of one direction of connection `number`.
    pub(super) fn delays(&self, number: u64, direction: Direction) -> Delays {
        Delays {
            rng: self.rng(number, Stream::Delays(direction)),
            probability: self.delay_probability.clamp(0.0, 1.0),
            max: self.delay_max,
        }
    }

    fn rng(&self, number: u64, stream: Stream) -> StdRng {
        let stream = match stream {
            Stream::Fate => 0,
            Stream::Delays(Direction::Up) => 1,
            Stream::Delays(Direction::Down) => 2,
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&number.to_le_bytes());
        seed[16] = stream;
        StdRng::from_seed(seed)
    }
}

/// Draws that must not disturb each other.
#[derive(Clone, Copy)]
enum Stream {
    Fate,
    Delays(Direction),
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Unharmed,
    /// It is cut after so many bytes in one direction.
    Cut {
        direction: Direction,
        after_bytes: u64,
        cut: Cut,
    },
}

impl Fate {
    /// How many bytes may still pass in `direction`.
    pub(super) fn bytes_left(self, direction: Direction) -> u64 {
        match self {
            Self::Cut {
                direction: cut,
                after_bytes,
                ..
            } if cut == direction => after_bytes,
            _ => u64::MAX,
        }
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Both ends get an RST; bytes under way are lost.
    Reset,
    /// Both ends get a FIN, as if the other had closed, perhaps in the middle of a frame.
    Finish,
    /// Both ends believe for this long that all is well while their bytes are swallowed; then an RST.
    Stall(Duration),
}

/// How long each chunk of one direction is held back.
pub(super) struct Delays {
    rng: StdRng,
    probability: f64,
    max: Duration,
}

impl Delays {
    /// The delay of the next chunk, if it has one.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let delayed = self.probability > 0.0 && self.rng.random_bool(self.probability);
        delayed.then(|| self.max.mul_f64(self.rng.random()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutting(seed: u64) -> Faults {
        Faults {
            seed,
            bytes_until_cut: Some(10..10_000),
            stall_max: Duration::from_millis(100),
            ..Faults::none()
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fates_and_another_seed_others() {
        let fates = |faults: &Faults| (0..100).map(|n| faults.fate(n)).collect::<Vec<_>>();
        assert_eq!(fates(&cutting(7)), fates(&cutting(7)));
        assert_ne!(fates(&cutting(7)), fates(&cutting(8)));
    }

    #[test]
    fn every_kind_of_cut_happens_in_both_directions() {
        let faults = cutting(1);
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..100 {
            if let Fate::Cut {
                direction,
                after_bytes,
                cut,
            } = faults.fate(number)
            {
                assert!((10..10_000).contains(&after_bytes));
                let kind = match cut {
                    Cut::Reset => "reset",
                    Cut::Finish => "finish",
                    Cut::Stall(time) => {
                        assert!(time <= faults.stall_max);
                        "stall"
                    }
                };
                seen.insert((format!("{direction:?}"), kind));
            }
        }
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn without_faults_no_connection_is_harmed_and_no_chunk_waits() {
        let faults = Faults::none();
        assert_eq!(faults.fate(3), Fate::Unharmed);
        assert_eq!(faults.delays(3, Direction::Up).next(), None);
    }
}

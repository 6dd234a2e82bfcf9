//! What examining one file may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What examining one file may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long it may take on the clock, until everything that works on it is killed.
    pub time: Duration,
    /// How much of the processor one process may use. Whole seconds.
    pub cpu: Duration,
    /// How much memory one process may ask for.
    pub address_space_bytes: u64,
    /// How large a file may be that is written.
    pub written_bytes: u64,
    /// How large a picture may be that is looked into: it is read as a whole.
    pub picture_bytes: u64,
    /// How many pixels a picture, or one frame of an animation or a video, may have.
    pub pixels: u64,
    /// How many pixels the frames of an animation may have together.
    pub animation_pixels: u64,
    /// How long audio or video may take of which a rendition is made. Of longer ones everything else is.
    pub rendition: Duration,
    /// How many threads decode, and how many encode.
    pub threads: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_mins(5),
            cpu: Duration::from_mins(5),
            address_space_bytes: 2 << 30,
            written_bytes: 512 << 20,
            picture_bytes: 64 << 20,
            pixels: 50_000_000,
            animation_pixels: 1_000_000_000,
            rendition: Duration::from_mins(15),
            threads: 1,
        }
    }
}

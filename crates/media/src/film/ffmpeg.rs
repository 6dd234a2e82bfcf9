//! Where ffmpeg is.

use std::env;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where ffmpeg is. It is a program of the system, not part of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ffmpeg {
    /// The program that decodes and encodes.
    pub ffmpeg: PathBuf,
    /// The program that says what is in a file.
    pub ffprobe: PathBuf,
}

impl Ffmpeg {
    /// Looks for both programs in `PATH`.
    pub fn find() -> Option<Self> {
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
        let find = |name: &str| {
            let mut places = folders.iter().map(|folder| folder.join(name));
            places.find(|place| place.is_file())
        };
        Some(Self {
            ffmpeg: find("ffmpeg")?,
            ffprobe: find("ffprobe")?,
        })
    }
}

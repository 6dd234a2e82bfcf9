//! Starts a worker for each file, and outlives it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Examined, Ffmpeg, Limits, MediaError};

/// Starts a worker for each file, and outlives it.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// A program whose `main` is [`work`](crate::work): the own executable.
    pub program: PathBuf,
    /// Its arguments: whatever makes that program call [`work`](crate::work).
    pub arguments: Vec<OsString>,
    /// What one file may cost. How many are examined at once is the caller's to bound.
    pub limits: Limits,
    /// A directory for temporary files, each of which is gone when `examine` has answered or its future is dropped.
    pub scratch: PathBuf,
    /// Without it, of audio and video only the content type is known.
    pub ffmpeg: Option<Ffmpeg>,
}

impl Workshop {
    /// Says what is in the file `source`, which stays as it is, and puts what is made of it into `out`: an empty directory,
    /// which is the caller's to remove, also after an error. `declared_content_type` is what somebody said of the file.
    ///
    /// When the future is dropped, the worker is killed with everything that it has started.
    ///
    /// # Errors
    ///
    /// See [`MediaError`]. Nothing that a file does to the worker does anything to the caller.
    pub async fn examine(
        &self,
        source: &Path,
        declared_content_type: &str,
        out: &Path,
    ) -> Result<Examined, MediaError> {
        let _ = (source, declared_content_type, out);
        Err(MediaError::Unavailable(String::new()))
    }
}

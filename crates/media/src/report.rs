//! What a worker is told, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Facts, Ffmpeg, Limits, MediaError, Variant};

/// What a worker is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) source: PathBuf,
    pub(crate) declared_content_type: String,
    /// Where what it makes belongs, each under the name of its variant.
    pub(crate) out: PathBuf,
    /// For what it needs only meanwhile.
    pub(crate) temporary: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) ffmpeg: Option<Ffmpeg>,
}

/// What it answers.
pub(crate) type Answer = Result<Found, MediaError>;

/// What it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) content_type: String,
    pub(crate) facts: Facts,
    pub(crate) made: Vec<Making>,
}

/// A file that it made, under the name of its variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Making {
    pub(crate) variant: Variant,
    pub(crate) content_type: String,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
}

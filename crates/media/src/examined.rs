//! What was found in a file, and what was made of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What the bytes are, without parameters and in lower case: `image/jpeg`. For pictures, audio and video it is
    /// what was found, whatever was declared. For all else it is what was declared if the bytes do not contradict it,
    /// otherwise `application/octet-stream`. Whether something may be shown inline is not decided here.
    pub content_type: String,
    /// What is known of a picture, audio or video.
    pub facts: Facts,
    /// What was made of the file, in the directory that was given: at most one of each variant.
    pub files: Vec<Made>,
}

/// What is known of a picture, audio or video; nothing of any other file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Pixels from left to right as it is shown, with its orientation applied. Of pictures and video.
    pub width: Option<u32>,
    /// Pixels from top to bottom, likewise.
    pub height: Option<u32>,
    /// How long it takes. Of audio and video.
    pub duration_ms: Option<u64>,
    /// A [BlurHash](https://blurha.sh) of the picture or of the poster of the video: at most 40 characters of ASCII.
    pub blur: Option<String>,
    /// Of audio: [`Self::PEAKS`] peaks from the begin to the end, each from 0 (silent) to 255 (the loudest of the file).
    pub waveform: Option<Vec<u8>>,
}

impl Facts {
    /// How many peaks a waveform has.
    pub const PEAKS: usize = 64;
}

/// A file that was made of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What for.
    pub variant: Variant,
    /// Where it is: directly in the directory that was given.
    pub path: PathBuf,
    /// What it is.
    pub content_type: String,
    /// Pixels from left to right as it is shown, if it is a picture or a video.
    pub width: Option<u32>,
    /// Pixels from top to bottom, likewise.
    pub height: Option<u32>,
}

/// What a file was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Variant {
    /// The file itself without what it tells of whoever made it (place, camera, names, comments) and without anything
    /// that follows its end. Not made where there was nothing to remove: then the file itself may be given to others.
    Clean,
    /// A small picture of it: of pictures and video, at most [`Self::THUMBNAIL_SIDE`] pixels on its longest side and
    /// never larger than the original. `image/jpeg`, or `image/png` where it is transparent.
    Thumbnail,
    /// What every browser plays: `video/mp4` (H.264 and AAC, up to 720 lines) or `audio/mp4` (AAC). Not made where the
    /// file is such already.
    Rendition,
}

impl Variant {
    /// How long the longest side of a thumbnail may be, in pixels.
    pub const THUMBNAIL_SIDE: u32 = 640;

    /// Its name in keys and addresses: `clean`, `thumbnail`, `rendition`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Thumbnail => "thumbnail",
            Self::Rendition => "rendition",
        }
    }
}

//! A frame that stands for a film.

use std::fs;

use super::probe::Video;
use super::tool::{Ended, Tool};
use crate::report::Making;
use crate::{MediaError, Variant, picture};

/// How far into a film it is looked for: the very first frames are often black.
const SECONDS_MAX: f64 = 1.0;
/// A short film is looked at here, as a part of its length.
const PART: f64 = 0.1;

/// Makes the thumbnail, and says how it looks from far away. `None` if no frame can be decoded.
pub(super) fn make(
    tool: &Tool<'_>,
    video: &Video,
    duration_ms: Option<u64>,
) -> Result<Option<(Making, String)>, MediaError> {
    let later = duration_ms.map(|ms| (ms as f64 / 1000.0 * PART).min(SECONDS_MAX));
    for from in [later, None] {
        if let Some(png) = frame(tool, video, from)? {
            return picture::thumbnail_of(&png, tool.out()).map(Some);
        }
    }
    Ok(None)
}

/// One frame as PNG, no larger than the thumbnail.
fn frame(tool: &Tool<'_>, video: &Video, from: Option<f64>) -> Result<Option<Vec<u8>>, MediaError> {
    let file = tool.temporary().join("poster");
    let (width, height) = video.fitted(Variant::THUMBNAIL_SIDE, Variant::THUMBNAIL_SIDE);
    let scaled = format!("scale={width}:{height},setsar=1");
    let wanted = [
        "-map",
        "0:V:0",
        "-frames:v",
        "1",
        "-vf",
        &scaled,
        "-pix_fmt",
        "rgb24",
        "-c:v",
        "png",
        "-f",
        "image2pipe",
    ];
    match tool.ffmpeg_to(from, &wanted, &file)? {
        Ended::Well => {}
        Ended::TooLate => return Err(MediaError::TimedOut),
        Ended::Badly | Ended::TooMuch => return Ok(None),
    }
    match fs::read(&file) {
        Ok(png) if !png.is_empty() => Ok(Some(png)),
        _ => Ok(None),
    }
}

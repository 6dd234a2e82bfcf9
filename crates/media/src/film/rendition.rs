//! What every browser plays.

use std::fs;

use super::probe::{self, Probed, Video};
use super::tool::{Ended, Tool};
use crate::report::Making;
use crate::sniff::Container;
use crate::{MediaError, Variant};

/// How many pixels the shorter side has at most, and the longer one.
const SHORT_SIDE: u32 = 720;
const LONG_SIDE: u32 = 1280;

/// A rendition, and how long it takes.
pub(super) struct Rendition {
    pub(super) making: Making,
    pub(super) duration_ms: Option<u64>,
}

/// Whether every browser plays the file itself. One of which only the order of the parts is wrong has a clean variant in
/// which it is right.
pub(super) fn plays_everywhere(probed: &Probed, container: Container) -> bool {
    let audio = probed.audio.as_deref();
    let Some(video) = &probed.video else {
        return matches!(
            (container, audio),
            (Container::Mp3, Some("mp3"))
                | (
                    Container::Mp4 | Container::M4a | Container::Adts,
                    Some("aac")
                )
                | (Container::OggAudio, Some("opus"))
        );
    };
    let is_played =
        video.codec == "h264" && matches!(video.pixel_format.as_str(), "yuv420p" | "yuvj420p");
    container == Container::Mp4
        && is_played
        && is_small(video)
        && matches!(audio, None | Some("aac"))
}

fn is_small(video: &Video) -> bool {
    video.width.min(video.height) <= SHORT_SIDE && video.width.max(video.height) <= LONG_SIDE
}

/// Encodes it anew. `None` if that does not work out within the limits: the file itself is there, too.
pub(super) fn make(tool: &Tool<'_>, probed: &Probed) -> Result<Option<Rendition>, MediaError> {
    let place = tool.place(Variant::Rendition);
    let threads = tool.limits.threads.max(1).to_string();
    let scaled = probed.video.as_ref().map(|video| {
        let (width, height) = video.fitted(SHORT_SIDE, LONG_SIDE);
        // The encoder takes pairs of pixels.
        let even = |side: u32| (side / 2 * 2).max(2);
        format!("scale={}:{},setsar=1", even(width), even(height))
    });
    let mut wanted = vec![
        "-map_metadata",
        "-1",
        "-map_metadata:s",
        "-1",
        "-map_chapters",
        "-1",
        "-fflags",
        "+bitexact",
        "-flags",
        "+bitexact",
        "-map",
        "0:a:0?",
        "-c:a",
        "aac",
        "-b:a",
        "128k",
        "-ac",
        "2",
    ];
    if let Some(scaled) = &scaled {
        wanted.extend_from_slice(&[
            "-map", "0:V:0", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt",
            "yuv420p", "-fpsmax", "60", "-vf", scaled, "-f", "mp4",
        ]);
    } else {
        wanted.extend_from_slice(&["-f", "ipod"]);
    }
    wanted.extend_from_slice(&["-movflags", "+faststart", "-threads", &threads]);
    if tool.ffmpeg_to(None, &wanted, &place)? != Ended::Well {
        // What there is of it is no rendition. It need not be there at all.
        let _ = fs::remove_file(&place);
        return Ok(None);
    }
    let made = probe::probe_file(tool, &place, "mov")?;
    let container = if made.video.is_some() {
        Container::Mp4
    } else {
        Container::M4a
    };
    let shown = made.video.as_ref().map(|video| video.shown);
    Ok(Some(Rendition {
        making: Making {
            variant: Variant::Rendition,
            content_type: container.content_type_of(made.video.is_some()).to_owned(),
            width: shown.map(|(width, _)| width),
            height: shown.map(|(_, height)| height),
        },
        duration_ms: made.duration_ms,
    }))
}

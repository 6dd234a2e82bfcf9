//! What is in a container.

use std::path::Path;

use serde::Deserialize;

use super::tool::Tool;
use crate::MediaError;

/// What is in a container.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probed {
    pub(super) duration_ms: Option<u64>,
    pub(super) video: Option<Video>,
    /// The codec of the sound.
    pub(super) audio: Option<String>,
}

/// Moving pictures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Video {
    pub(super) codec: String,
    pub(super) pixel_format: String,
    /// As they are stored.
    pub(super) width: u32,
    pub(super) height: u32,
    /// As they are shown: turned, and with square pixels.
    pub(super) shown: (u32, u32),
}

impl Video {
    /// Its size as it is shown, made smaller until no side is longer than these.
    pub(super) fn fitted(&self, short_max: u32, long_max: u32) -> (u32, u32) {
        let (width, height) = (u64::from(self.shown.0), u64::from(self.shown.1));
        let (short, long) = (width.min(height), width.max(height));
        // As a fraction: the smaller one of the two that may be necessary, and 1 if none is.
        let by_long = (u64::from(long_max).min(long), long);
        let by_short = (u64::from(short_max).min(short), short);
        let (part, whole) = if by_long.0 * by_short.1 < by_short.0 * by_long.1 {
            by_long
        } else {
            by_short
        };
        let side = |side: u64| u32::try_from((side * part / whole).max(1)).unwrap_or(u32::MAX);
        (side(width), side(height))
    }
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    codec_type: String,
    #[serde(default)]
    codec_name: String,
    width: Option<u32>,
    height: Option<u32>,
    pix_fmt: Option<String>,
    sample_aspect_ratio: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

pub(super) fn probe(tool: &Tool<'_>) -> Result<Probed, MediaError> {
    probe_file(tool, tool.source(), tool.demuxer())
}

/// The same for a file that was made.
pub(super) fn probe_file(
    tool: &Tool<'_>,
    file: &Path,
    demuxer: &str,
) -> Result<Probed, MediaError> {
    let (ended, json) = tool.probe(file, demuxer)?;
    ended.well("nothing can be found in it")?;
    let output: Output = serde_json::from_slice(&json)
        .map_err(|error| MediaError::Broken(format!("what is in it makes no sense: {error}")))?;
    let probed = understand(&output);
    if probed.video.is_none() && probed.audio.is_none() {
        return Err(MediaError::Broken(
            "it has neither audio nor video".to_owned(),
        ));
    }
    Ok(probed)
}

fn understand(output: &Output) -> Probed {
    let audio = output
        .streams
        .iter()
        .find(|stream| stream.codec_type == "audio");
    let duration = output
        .format
        .as_ref()
        .and_then(|format| format.duration.as_deref());
    let longest = output
        .streams
        .iter()
        .filter_map(|stream| milliseconds(stream.duration.as_deref()));
    Probed {
        duration_ms: milliseconds(duration).or(longest.max()),
        video: output.streams.iter().find_map(video_of),
        audio: audio.map(|stream| stream.codec_name.clone()),
    }
}

fn video_of(stream: &Stream) -> Option<Video> {
    let (width, height) = (stream.width?, stream.height?);
    // The cover of a record is no film.
    if stream.codec_type != "video"
        || stream.disposition.attached_pic != 0
        || width == 0
        || height == 0
    {
        return None;
    }
    let rotation = stream.side_data_list.iter().find_map(|data| data.rotation);
    let is_turned = rotation.is_some_and(|degrees| (degrees.abs() % 180.0 - 90.0).abs() < 45.0);
    let wide = squared(width, stream.sample_aspect_ratio.as_deref());
    Some(Video {
        codec: stream.codec_name.clone(),
        pixel_format: stream.pix_fmt.clone().unwrap_or_default(),
        width,
        height,
        shown: if is_turned {
            (height, wide)
        } else {
            (wide, height)
        },
    })
}

/// How wide it is if its pixels are not square, within reason.
fn squared(width: u32, ratio: Option<&str>) -> u32 {
    let parts = ratio.and_then(|ratio| ratio.split_once(':'));
    let parts = parts.and_then(|(wide, high)| Some((wide.parse().ok()?, high.parse().ok()?)));
    match parts {
        Some((wide @ 1..=1000, high @ 1..=1000)) => {
            let squared = u64::from(width) * wide / high;
            u32::try_from(squared.max(1)).unwrap_or(width)
        }
        _ => width,
    }
}

fn milliseconds(seconds: Option<&str>) -> Option<u64> {
    /// Whatever says that it takes longer is wrong.
    const SECONDS_MAX: f64 = 1e9;
    let seconds: f64 = seconds?.parse().ok()?;
    if !(0.0..SECONDS_MAX).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was compared with both ends"
    )]
    let milliseconds = (seconds * 1000.0).round() as u64;
    (milliseconds > 0).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::{Output, Video, understand};

    #[test]
    fn a_turned_film_with_wide_pixels_is_as_it_is_shown() {
        let output: Output = serde_json::from_str(
            r#"{"streams":[{"codec_type":"video","codec_name":"h264","width":720,"height":576,
                "sample_aspect_ratio":"16:15","side_data_list":[{"rotation":-90}]}],
                "format":{"duration":"1.5"}}"#,
        )
        .unwrap();
        let probed = understand(&output);
        assert_eq!(probed.duration_ms, Some(1500));
        assert_eq!(probed.video.unwrap().shown, (576, 768));
    }

    #[test]
    fn a_film_is_made_smaller_as_far_as_one_side_is_too_long() {
        for (shown, fitted) in [
            ((1280, 720), (1280, 720)),
            ((1920, 1080), (1280, 720)),
            ((1080, 1920), (720, 1280)),
            ((10_000, 500), (1280, 64)),
            ((1000, 1000), (720, 720)),
            ((1, 50_000), (1, 1280)),
        ] {
            let film = Video {
                codec: String::new(),
                pixel_format: String::new(),
                width: 0,
                height: 0,
                shown,
            };
            assert_eq!(film.fitted(720, 1280), fitted);
        }
    }

    #[test]
    fn the_cover_of_a_record_is_no_film() {
        let output: Output = serde_json::from_str(
            r#"{"streams":[{"codec_type":"audio","codec_name":"mp3"},{"codec_type":"video",
                "codec_name":"mjpeg","width":500,"height":500,"disposition":{"attached_pic":1}}]}"#,
        )
        .unwrap();
        let probed = understand(&output);
        assert_eq!(probed.video, None);
        assert_eq!(probed.audio.as_deref(), Some("mp3"));
    }
}

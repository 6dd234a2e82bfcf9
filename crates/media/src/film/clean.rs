//! The same audio and video in a container that says nothing of whoever made it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::probe::Probed;
use super::tool::Tool;
use crate::report::Making;
use crate::sniff::Container;
use crate::{MediaError, Variant};

/// Copies what is seen and heard, and nothing else: no words, covers, chapters, subtitles, attachments or tracks of data.
///
/// Nothing is decoded. What is the same afterwards had nothing that was to be removed, and is not kept.
pub(super) fn make(tool: &Tool<'_>, probed: &Probed) -> Result<Option<Making>, MediaError> {
    let place = tool.place(Variant::Clean);
    let has_video = probed.video.is_some();
    let mut result = Ok(());
    for (muxer, container) in muxers(tool.container, has_video) {
        result = copy(tool, muxer, &place);
        if matches!(result, Err(MediaError::Broken(_))) {
            continue;
        }
        result?;
        let is_same = same(tool.source(), &place).map_err(|error| {
            MediaError::Unavailable(format!("the clean file cannot be read: {error}"))
        })?;
        if is_same {
            remove(&place)?;
            return Ok(None);
        }
        let shown = probed.video.as_ref().map(|video| video.shown);
        return Ok(Some(Making {
            variant: Variant::Clean,
            content_type: container.content_type_of(has_video).to_owned(),
            width: shown.map(|(width, _)| width),
            height: shown.map(|(_, height)| height),
        }));
    }
    result.map(|()| None)
}

fn copy(tool: &Tool<'_>, muxer: &str, place: &Path) -> Result<(), MediaError> {
    let wanted = [
        "-map",
        "0:V?",
        "-map",
        "0:a?",
        "-c",
        "copy",
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
    ];
    let further: &[&str] = match muxer {
        // What is needed first comes first, so that it plays while it is loaded.
        "mp4" | "mov" | "ipod" => &["-movflags", "+faststart"],
        "mp3" => &["-id3v2_version", "0", "-write_id3v1", "0"],
        _ => &[],
    };
    let wanted = [&wanted, further, &["-f", muxer]].concat();
    let ended = tool.ffmpeg_to(None, &wanted, place)?;
    ended.well("it cannot be copied without what it tells of whoever made it")
}

/// What writes such a container, and what may instead.
fn muxers(container: Container, has_video: bool) -> Vec<(&'static str, Container)> {
    let mp4 = ("mp4", Container::Mp4);
    let mov = ("mov", Container::QuickTime);
    let matroska = ("matroska", Container::Matroska);
    match container {
        Container::Mp4 | Container::M4a if !has_video => vec![("ipod", Container::M4a), mp4, mov],
        Container::Mp4 | Container::M4a => vec![mp4, mov],
        Container::QuickTime => vec![mov],
        Container::WebM => vec![("webm", Container::WebM), matroska],
        Container::Matroska => vec![matroska],
        Container::OggAudio | Container::OggVideo => vec![("ogg", container)],
        Container::Mp3 => vec![("mp3", container)],
        Container::Adts => vec![("adts", container)],
        Container::Wav => vec![("wav", container)],
        Container::Flac => vec![("flac", container)],
        Container::Avi => vec![("avi", container)],
    }
}

fn remove(place: &Path) -> Result<(), MediaError> {
    fs::remove_file(place)
        .map_err(|error| MediaError::Unavailable(format!("a file cannot be removed: {error}")))
}

/// Whether two files are the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut other = BufReader::new(other).bytes();
    for byte in BufReader::new(one).bytes() {
        if Some(byte?) != other.next().transpose()? {
            return Ok(false);
        }
    }
    Ok(true)
}

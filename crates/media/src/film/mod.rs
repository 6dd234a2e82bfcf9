//! Audio and video, by way of ffmpeg.
//!
//! ffmpeg decides nothing of what it reads: the demuxer is named, files and pipes are the only protocols, so a playlist
//! or a list of files is none, and a container that refers to other files finds none of them.

mod clean;
mod ffmpeg;
mod poster;
mod probe;
mod rendition;
mod tool;
mod waveform;

use crate::report::{Found, Job};
use crate::sniff::Container;
use crate::{Facts, MediaError};
pub use ffmpeg::Ffmpeg;
use probe::Probed;
use tool::Tool;

/// Looks into audio or video. `content_type` is what its begin says.
pub(crate) fn examine(
    job: &Job,
    container: Container,
    content_type: String,
) -> Result<Found, MediaError> {
    let mut found = Found {
        content_type,
        facts: Facts::default(),
        made: Vec::new(),
    };
    let Some(ffmpeg) = &job.ffmpeg else {
        return Ok(found);
    };
    let tool = Tool::new(ffmpeg, job, container);
    let probed = probe::probe(&tool)?;
    container
        .content_type_of(probed.video.is_some())
        .clone_into(&mut found.content_type);
    found.facts.duration_ms = probed.duration_ms;
    if let Some(video) = &probed.video {
        let (width, height) = video.shown;
        if u64::from(video.width) * u64::from(video.height) > job.limits.pixels {
            return Err(MediaError::TooMuch(format!("{width} by {height} pixels")));
        }
        found.facts.width = Some(width);
        found.facts.height = Some(height);
        if let Some((thumbnail, blur)) = poster::make(&tool, video, probed.duration_ms)? {
            found.made.push(thumbnail);
            found.facts.blur = Some(blur);
        }
    } else {
        let heard = waveform::listen(&tool)?;
        found.facts.waveform = heard.waveform;
        found.facts.duration_ms = found.facts.duration_ms.or(heard.duration_ms);
    }
    found.made.extend(clean::make(&tool, &probed)?);
    if needs_rendition(&probed, container, job, found.facts.duration_ms)
        && let Some(rendition) = rendition::make(&tool, &probed)?
    {
        found.facts.duration_ms = found.facts.duration_ms.or(rendition.duration_ms);
        found.made.push(rendition.making);
    }
    Ok(found)
}

fn needs_rendition(
    probed: &Probed,
    container: Container,
    job: &Job,
    duration_ms: Option<u64>,
) -> bool {
    let is_short = duration_ms.is_none_or(|ms| u128::from(ms) <= job.limits.rendition.as_millis());
    is_short && !rendition::plays_everywhere(probed, container)
}

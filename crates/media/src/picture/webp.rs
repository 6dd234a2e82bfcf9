//! WebP: chunks in a RIFF.

use super::Parsed;
use super::cut::{Cut, broken};
use super::orientation::{Orientation, exif_of, of_exif};
use crate::MediaError;

const HEADER_BYTES: usize = 12;
const EXTENDED_BYTES: usize = 10;
/// Where an extended file says what is in it.
const FLAGS: usize = HEADER_BYTES + 8;
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// What decodes. Everything else is dropped.
const KEPT: &[&[u8; 4]] = &[b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"];
/// What decodes, in a frame of an animation.
const KEPT_IN_FRAMES: &[&[u8; 4]] = &[b"VP8 ", b"VP8L", b"ALPH"];
/// What comes before the chunks of a frame: its place and time.
const FRAME_BYTES: usize = 16;

/// Reads all chunks up to the end that the header names.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, MediaError> {
    let mut source = Cut::new(bytes);
    source.take(4)?;
    let length = source.length_le()?;
    source.take(4)?;
    let length = length
        .checked_sub(4)
        .ok_or_else(|| broken("it has no content"))?;
    let mut chunks = Cut::new(source.take(length)?);
    let mut clean = bytes[..HEADER_BYTES].to_vec();
    let mut size = None;
    let mut orientation = Orientation::NoTransforms;
    let mut frames = 0_u64;
    while let Some((name, content)) = next_chunk(&mut chunks)? {
        match &name {
            b"VP8X" if size.is_none() => size = Some(extended_size(content)?),
            b"VP8 " if size.is_none() => size = Some(lossy_size(content)?),
            b"VP8L" if size.is_none() => size = Some(lossless_size(content)?),
            b"EXIF" => {
                // Some programs write the name that belongs before it in JPEG.
                orientation = of_exif(content.strip_prefix(b"Exif\0\0").unwrap_or(content));
            }
            _ => {}
        }
        if &name == b"ANMF" {
            frames += 1;
            write_chunk(&mut clean, name, &clean_frame(content)?);
        } else if &name == b"VP8X" {
            // What is said of chunks that may not come is said again at the end.
            write_chunk(
                &mut clean,
                name,
                &content[..EXTENDED_BYTES.min(content.len())],
            );
        } else if KEPT.contains(&&name) {
            write_chunk(&mut clean, name, content);
        }
    }
    let (width, height) = size.ok_or_else(|| broken("it has no picture"))?;
    let exif = exif_of(orientation);
    if clean[HEADER_BYTES..].starts_with(b"VP8X") {
        clean[FLAGS] &= !(HAS_EXIF | HAS_XMP);
        if let Some(exif) = exif {
            clean[FLAGS] |= HAS_EXIF;
            write_chunk(&mut clean, *b"EXIF", &exif);
        }
    }
    let length = u32::try_from(clean.len() - 8).map_err(|_| broken("it is too long"))?;
    clean[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(Parsed {
        width,
        height,
        frames: frames.max(1),
        orientation,
        clean,
    })
}

/// A name, and what is in it.
type Chunk<'a> = ([u8; 4], &'a [u8]);

fn next_chunk<'a>(chunks: &mut Cut<'a>) -> Result<Option<Chunk<'a>>, MediaError> {
    if chunks.is_empty() {
        return Ok(None);
    }
    let name = chunks.array()?;
    let length = chunks.length_le()?;
    let content = chunks.take(length)?;
    if length % 2 == 1 && !chunks.is_empty() {
        chunks.byte()?;
    }
    Ok(Some((name, content)))
}

fn write_chunk(clean: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    // No longer than what was read.
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    clean.extend_from_slice(&name);
    clean.extend_from_slice(&length.to_le_bytes());
    clean.extend_from_slice(content);
    if content.len() % 2 == 1 {
        clean.push(0);
    }
}

fn clean_frame(content: &[u8]) -> Result<Vec<u8>, MediaError> {
    let mut chunks = Cut::new(content);
    let mut clean = chunks.take(FRAME_BYTES)?.to_vec();
    while let Some((name, content)) = next_chunk(&mut chunks)? {
        if KEPT_IN_FRAMES.contains(&&name) {
            write_chunk(&mut clean, name, content);
        }
    }
    Ok(clean)
}

fn extended_size(content: &[u8]) -> Result<(u32, u32), MediaError> {
    let mut content = Cut::new(content);
    content.take(4)?;
    let mut side = || {
        let [low, middle, high] = content.array()?;
        Ok(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    Ok((side()?, side()?))
}

fn lossy_size(content: &[u8]) -> Result<(u32, u32), MediaError> {
    let mut content = Cut::new(content);
    content.take(6)?;
    let mut side = || Ok(u32::from(u16::from_le_bytes(content.array()?) & 0x3fff));
    Ok((side()?, side()?))
}

fn lossless_size(content: &[u8]) -> Result<(u32, u32), MediaError> {
    let mut content = Cut::new(content);
    content.byte()?;
    let bits = u32::from_le_bytes(content.array()?);
    Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

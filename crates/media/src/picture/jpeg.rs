//! JPEG: segments, each begun by a marker.

use super::Parsed;
use super::cut::{Cut, broken};
use super::orientation::{Orientation, exif_of, of_exif};
use crate::MediaError;

const BEGIN: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const JFIF: u8 = 0xe0;
const EXIF: u8 = 0xe1;
const PROFILE: u8 = 0xe2;
const ADOBE: u8 = 0xee;
const COMMENT: u8 = 0xfe;

/// The bytes of JFIF before its thumbnail, with a thumbnail of 0 by 0.
const JFIF_BYTES: usize = 14;
/// All of Adobe's segment that says anything of the colours.
const ADOBE_BYTES: usize = 12;

/// Reads all segments. What is kept is what decodes and the colour profile, up to the end of the first picture.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, MediaError> {
    let mut source = Cut::new(bytes);
    if source.array()? != [0xff, BEGIN] {
        return Err(broken("it does not begin like JPEG"));
    }
    let mut kept: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut orientation = Orientation::NoTransforms;
    let mut size = None;
    loop {
        let marker = next_marker(&mut source)?;
        match marker {
            END => break,
            // These have no content, and none of them belongs here.
            0x00 | 0x01 | 0xd0..=BEGIN => continue,
            _ => {}
        }
        let length = usize::from(source.u16()?);
        let content = source.take(
            length
                .checked_sub(2)
                .ok_or_else(|| broken("a segment is too short"))?,
        )?;
        match marker {
            EXIF => {
                if let Some(exif) = content.strip_prefix(b"Exif\0\0") {
                    orientation = of_exif(exif);
                }
            }
            JFIF if content.starts_with(b"JFIF\0") && content.len() >= JFIF_BYTES => {
                let mut content = content[..JFIF_BYTES].to_vec();
                content[JFIF_BYTES - 2..].fill(0);
                kept.push((marker, content));
            }
            ADOBE if content.starts_with(b"Adobe") && content.len() >= ADOBE_BYTES => {
                kept.push((marker, content[..ADOBE_BYTES].to_vec()));
            }
            PROFILE if content.starts_with(b"ICC_PROFILE\0") => {
                kept.push((marker, content.to_vec()));
            }
            JFIF..=0xef | COMMENT => {}
            _ => {
                if is_frame(marker) {
                    size = Some(size_of(content)?);
                }
                kept.push((marker, content.to_vec()));
                if marker == SCAN {
                    let scan = source.take(scan_length(source.rest()))?;
                    kept.push((0, scan.to_vec()));
                }
            }
        }
    }
    let (width, height) = size.ok_or_else(|| broken("it has no picture"))?;
    Ok(Parsed {
        width,
        height,
        frames: 1,
        clean: write(kept, orientation),
        orientation,
    })
}

/// Skips what lies between segments.
fn next_marker(source: &mut Cut<'_>) -> Result<u8, MediaError> {
    while source.byte()? != 0xff {}
    loop {
        let marker = source.byte()?;
        if marker != 0xff {
            return Ok(marker);
        }
    }
}

/// How far the compressed bytes of a scan go: up to a marker that is neither an escaped byte nor a restart.
fn scan_length(bytes: &[u8]) -> usize {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7);
    bytes.windows(2).position(ends).unwrap_or(bytes.len())
}

/// Whether a segment says how large the picture is.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn size_of(content: &[u8]) -> Result<(u32, u32), MediaError> {
    let mut content = Cut::new(content);
    content.byte()?;
    let height = content.u16()?;
    let width = content.u16()?;
    Ok((width.into(), height.into()))
}

fn write(kept: Vec<(u8, Vec<u8>)>, orientation: Orientation) -> Vec<u8> {
    let length: usize = kept.iter().map(|(_, content)| content.len() + 4).sum();
    let mut clean = Vec::with_capacity(length + 64);
    clean.extend_from_slice(&[0xff, BEGIN]);
    let mut exif = exif_of(orientation);
    for (marker, content) in kept {
        // JFIF comes first, by its own rules.
        if marker != JFIF
            && let Some(exif) = exif.take()
        {
            segment(&mut clean, EXIF, &[b"Exif\0\0", exif.as_slice()].concat());
        }
        if marker == 0 {
            clean.extend_from_slice(&content);
        } else {
            segment(&mut clean, marker, &content);
        }
    }
    clean.extend_from_slice(&[0xff, END]);
    clean
}

fn segment(clean: &mut Vec<u8>, marker: u8, content: &[u8]) {
    // It was read from a length of two bytes, or is shorter.
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    clean.extend_from_slice(&[0xff, marker]);
    clean.extend_from_slice(&length.to_be_bytes());
    clean.extend_from_slice(content);
}

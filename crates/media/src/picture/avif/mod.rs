//! AVIF, and what its container says of its cousin HEIC.

mod boxes;
mod clean;
mod color;
mod decode;
mod items;

use std::ops::Range;

use super::Parsed;
use super::cut::{Cut, broken};
use super::orientation::Orientation;
use crate::MediaError;
use boxes::{IsoBox, boxes, find};
pub(super) use decode::Coded;
use items::Meta;

/// Reads the container. There is nothing to decode where the picture is not one AV1 but tiles, or something else than AV1.
pub(super) fn parse(file: &[u8]) -> Result<(Parsed, Option<Coded>), MediaError> {
    let top = top(file)?;
    let meta = top.iter().find(|one| &one.name == b"meta");
    let meta = meta.ok_or_else(|| broken("it has no picture"))?;
    let meta = Meta::read(file, meta.content.clone())?;
    let primary = meta.primary;
    let size = meta.property(file, primary, *b"ispe");
    let mut size = Cut::new(size.ok_or_else(|| broken("it says no size"))?);
    size.u32()?;
    let (width, height) = (size.u32()?, size.u32()?);
    let coded = if meta
        .items
        .get(&primary)
        .is_some_and(|item| &item.kind == b"av01")
    {
        Some(Coded {
            picture: meta.bytes(file, primary)?,
            alpha: alpha(file, &meta)?,
            color: color(file, &meta),
            profile: profile(file, &meta),
        })
    } else {
        None
    };
    let parsed = Parsed {
        width,
        height,
        frames: frames(file, &top)?,
        orientation: orientation(file, &meta),
        clean: clean::clean(file, &top, &meta)?,
    };
    Ok((parsed, coded))
}

/// The boxes of the file, up to what is none. What a picture needs must be whole.
fn top(file: &[u8]) -> Result<Vec<IsoBox>, MediaError> {
    let mut top: Vec<IsoBox> = Vec::new();
    for found in boxes(file, 0..file.len()) {
        match found {
            Ok(found) => top.push(found),
            Err(error) => {
                let end = top.last().map_or(0, |last| last.content.end);
                let name = file.get(end + 4..end + 8);
                if [b"meta", b"mdat", b"moov"]
                    .iter()
                    .any(|one| name == Some(*one))
                {
                    return Err(error);
                }
                break;
            }
        }
    }
    Ok(top)
}

/// How the properties say that it is turned. They are applied in this order, whatever their own.
fn orientation(file: &[u8], meta: &Meta) -> Orientation {
    let first = |name| {
        let content = meta.property(file, meta.primary, name)?;
        content.first().copied()
    };
    let quarters_left = first(*b"irot").map_or(0, |angle| angle & 3);
    let mirror = first(*b"imir").map(|axis| axis & 1 == 1);
    // Mirrored after it was turned: left and right change places, or top and bottom.
    match (quarters_left, mirror) {
        (0, None) => Orientation::NoTransforms,
        (1, None) => Orientation::Rotate270,
        (2, None) => Orientation::Rotate180,
        (_, None) => Orientation::Rotate90,
        (0, Some(true)) | (2, Some(false)) => Orientation::FlipHorizontal,
        (0, Some(false)) | (2, Some(true)) => Orientation::FlipVertical,
        (1, Some(true)) => Orientation::Rotate270FlipH,
        (1, Some(false)) | (_, Some(true)) => Orientation::Rotate90FlipH,
        (_, Some(false)) => Orientation::Rotate270FlipH,
    }
}

/// The AV1 that says how opaque the picture is.
fn alpha(file: &[u8], meta: &Meta) -> Result<Option<Vec<u8>>, MediaError> {
    const KINDS: &[&[u8]] = &[
        b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
        b"urn:mpeg:hevc:2015:auxid:1",
    ];
    let auxiliary = meta.references.iter().find(|(kind, from, to)| {
        let name = meta.property(file, *from, *b"auxC");
        let name = name.and_then(|content| content.get(4..));
        let is_alpha = name.is_some_and(|name| KINDS.iter().any(|kind| name.starts_with(kind)));
        kind == b"auxl" && to.contains(&meta.primary) && is_alpha
    });
    match auxiliary {
        Some((_, from, _)) => Ok(Some(meta.bytes(file, *from)?)),
        None => Ok(None),
    }
}

fn color(file: &[u8], meta: &Meta) -> Option<(u16, bool)> {
    let mut properties = meta.properties_of(meta.primary);
    properties.find_map(|property| {
        let content = color_content(file, property, &[b"nclx"])?;
        let matrix = u16::from_be_bytes(*content.get(4..)?.first_chunk()?);
        Some((matrix, content.get(6)? & 0x80 != 0))
    })
}

fn profile(file: &[u8], meta: &Meta) -> Option<Vec<u8>> {
    let mut properties = meta.properties_of(meta.primary);
    properties
        .find_map(|property| color_content(file, property, &[b"prof", b"rICC"]).map(<[u8]>::to_vec))
}

/// What follows the kind of a property that is about colours, if it is one of these.
fn color_content<'a>(file: &'a [u8], property: &IsoBox, kinds: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let (kind, content) = file.get(property.content.clone())?.split_first_chunk()?;
    (&property.name == b"colr" && kinds.contains(&kind)).then_some(content)
}

/// How many frames the longest track has, if it is an animation.
fn frames(file: &[u8], top: &[IsoBox]) -> Result<u64, MediaError> {
    let mut longest = 1;
    let Some(movie) = top.iter().find(|one| &one.name == b"moov") else {
        return Ok(longest);
    };
    for track in boxes(file, movie.content.clone()) {
        let track = track?;
        if &track.name != b"trak" {
            continue;
        }
        if let Some(content) = descend(file, track.content, &[b"mdia", b"minf", b"stbl", b"stsz"])?
        {
            let mut content = Cut::new(&file[content]);
            content.u32()?;
            content.u32()?;
            longest = longest.max(content.u32()?.into());
        }
    }
    Ok(longest)
}

fn descend(
    file: &[u8],
    mut within: Range<usize>,
    names: &[&[u8; 4]],
) -> Result<Option<Range<usize>>, MediaError> {
    for name in names {
        match find(file, within, **name)? {
            Some(found) => within = found.content,
            None => return Ok(None),
        }
    }
    Ok(Some(within))
}

//! Pictures: how large they are, a small one of each, and the same without what they tell of whoever took them.

mod avif;
mod cut;
mod gif;
mod jpeg;
mod orientation;
mod png;
mod thumbnail;
mod webp;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::report::{Found, Making};
use crate::sniff::Format;
use crate::{Facts, Limits, MediaError, Variant};
use orientation::Orientation;
use thumbnail::Large;

/// What the structure of a file says, before anything is decoded.
#[derive(Debug)]
struct Parsed {
    /// As it is stored.
    width: u32,
    height: u32,
    /// At least 1.
    frames: u64,
    /// What is done to it before it is shown.
    orientation: Orientation,
    /// The file without what is not the picture.
    clean: Vec<u8>,
}

/// Looks into the bytes of a picture.
pub(crate) fn examine(
    bytes: &[u8],
    format: Format,
    out: &Path,
    limits: &Limits,
) -> Result<Found, MediaError> {
    let (parsed, coded) = parse(bytes, format)?;
    bound(&parsed, limits)?;
    let large = match coded {
        Coded::As(format) => Some(decode(&parsed, format, limits)?),
        Coded::Av1(coded) => Some(coded.decode(&parsed, limits)?),
        Coded::Unknown => None,
    };
    finish(bytes, format, &parsed, large, out)
}

/// How a picture is decoded.
enum Coded {
    As(ImageFormat),
    Av1(avif::Coded),
    /// Not by us.
    Unknown,
}

fn parse(bytes: &[u8], format: Format) -> Result<(Parsed, Coded), MediaError> {
    Ok(match format {
        Format::Jpeg => (jpeg::parse(bytes)?, Coded::As(ImageFormat::Jpeg)),
        Format::Png => (png::parse(bytes)?, Coded::As(ImageFormat::Png)),
        Format::Gif => (gif::parse(bytes)?, Coded::As(ImageFormat::Gif)),
        Format::WebP => (webp::parse(bytes)?, Coded::As(ImageFormat::WebP)),
        Format::Avif | Format::Heic => {
            let (parsed, coded) = avif::parse(bytes)?;
            (parsed, coded.map_or(Coded::Unknown, Coded::Av1))
        }
    })
}

/// Refuses what is too large before memory is taken for it.
fn bound(parsed: &Parsed, limits: &Limits) -> Result<(), MediaError> {
    let (width, height) = (parsed.width, parsed.height);
    if width == 0 || height == 0 {
        return Err(cut::broken("it has no pixels"));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.pixels {
        return Err(MediaError::TooMuch(format!("{width} by {height} pixels")));
    }
    let frames = parsed.frames;
    if frames > 1 && pixels.saturating_mul(frames) > limits.animation_pixels {
        let what = format!("{frames} frames of {width} by {height} pixels");
        return Err(MediaError::TooMuch(what));
    }
    Ok(())
}

/// Decodes the first frame. What is decoded is the clean file, so it is known to be one.
fn decode(parsed: &Parsed, format: ImageFormat, limits: &Limits) -> Result<Large, MediaError> {
    /// The most that a pixel takes: four channels of 16 bits.
    const PIXEL_BYTES_MAX: u64 = 8;
    let mut reader = ImageReader::with_format(Cursor::new(&parsed.clean), format);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(limits.pixels.saturating_mul(PIXEL_BYTES_MAX));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(undecoded)?;
    if decoder.dimensions() != (parsed.width, parsed.height) {
        return Err(cut::broken("it has two sizes"));
    }
    // A profile that cannot be read says nothing of the colours.
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(undecoded)?;
    Ok(Large {
        picture,
        orientation: parsed.orientation,
        profile,
    })
}

fn undecoded(error: ImageError) -> MediaError {
    match error {
        ImageError::Limits(error) => MediaError::TooMuch(error.to_string()),
        error => MediaError::Broken(error.to_string()),
    }
}

fn finish(
    bytes: &[u8],
    format: Format,
    parsed: &Parsed,
    large: Option<Large>,
    out: &Path,
) -> Result<Found, MediaError> {
    let (width, height) = orientation::shown(parsed.orientation, parsed.width, parsed.height);
    let mut found = Found {
        content_type: format.content_type().to_owned(),
        facts: Facts {
            width: Some(width),
            height: Some(height),
            ..Facts::default()
        },
        made: Vec::new(),
    };
    if parsed.clean != bytes {
        fs::write(out.join(Variant::Clean.name()), &parsed.clean).map_err(|error| {
            MediaError::Unavailable(format!("the clean file cannot be written: {error}"))
        })?;
        found.made.push(Making {
            variant: Variant::Clean,
            content_type: format.content_type().to_owned(),
            width: Some(width),
            height: Some(height),
        });
    }
    if let Some(large) = large {
        let (thumbnail, blur) = thumbnail::make(large, out)?;
        found.made.push(thumbnail);
        found.facts.blur = Some(blur);
    }
    Ok(found)
}

/// Makes the thumbnail of a picture that we ourselves had written: of a film.
pub(crate) fn thumbnail_of(png: &[u8], out: &Path) -> Result<(Making, String), MediaError> {
    let picture = image::load_from_memory_with_format(png, ImageFormat::Png).map_err(undecoded)?;
    let large = Large {
        picture,
        orientation: Orientation::NoTransforms,
        profile: None,
    };
    thumbnail::make(large, out)
}

#[cfg(test)]
mod tests;

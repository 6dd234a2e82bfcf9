//! Small pictures of large ones.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageEncoder, RgbImage, RgbaImage};

use super::orientation::Orientation;
use crate::report::Making;
use crate::{MediaError, Variant};

const QUALITY: u8 = 80;
/// How long the longest side is of what a placeholder is computed from: it says no more than that.
const BLUR_SIDE: u32 = 32;

/// A picture before it is made small.
pub(crate) struct Large {
    pub(crate) picture: DynamicImage,
    pub(crate) orientation: Orientation,
    /// What its colours mean.
    pub(crate) profile: Option<Vec<u8>>,
}

/// Writes the thumbnail, and says how it looks from far away.
pub(crate) fn make(large: Large, out: &Path) -> Result<(Making, String), MediaError> {
    let mut small = shrink(&large.picture, Variant::THUMBNAIL_SIDE);
    let is_color = large.picture.color().has_color();
    drop(large.picture);
    small.apply_orientation(large.orientation);
    let profile = large.profile.filter(|profile| is_color && is_rgb(profile));
    let path = out.join(Variant::Thumbnail.name());
    let small = small.into_rgba8();
    let is_transparent = small.pixels().any(|pixel| pixel.0[3] < u8::MAX);
    let content_type = if is_transparent {
        write_png(&small, profile, &path)?;
        "image/png"
    } else {
        write_jpeg(&small, profile, &path)?;
        "image/jpeg"
    };
    let making = Making {
        variant: Variant::Thumbnail,
        content_type: content_type.to_owned(),
        width: Some(small.width()),
        height: Some(small.height()),
    };
    let blur = blur(&small.into())?;
    Ok((making, blur))
}

/// At most `side` on the longest side, and not larger than it was.
fn shrink(picture: &DynamicImage, side: u32) -> DynamicImage {
    let longest = picture.width().max(picture.height());
    if longest <= side {
        return picture.clone();
    }
    if longest <= side * 4 {
        return picture.resize(side, side, FilterType::CatmullRom);
    }
    // Averages first, which costs a look at each pixel; the fine filter would look at each many times.
    picture
        .thumbnail(side * 2, side * 2)
        .resize(side, side, FilterType::CatmullRom)
}

/// Whether a colour profile is for red, green and blue: what a picture is after decoding.
fn is_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

fn write_png(small: &RgbaImage, profile: Option<Vec<u8>>, path: &Path) -> Result<(), MediaError> {
    let mut encoder = PngEncoder::new(create(path)?);
    if let Some(profile) = profile {
        // Without it the colours are a little off.
        let _ = encoder.set_icc_profile(profile);
    }
    small
        .write_with_encoder(encoder)
        .map_err(|error| unwritten(&error))
}

fn write_jpeg(small: &RgbaImage, profile: Option<Vec<u8>>, path: &Path) -> Result<(), MediaError> {
    let opaque = RgbImage::from_fn(small.width(), small.height(), |x, y| {
        let [red, green, blue, _] = small.get_pixel(x, y).0;
        [red, green, blue].into()
    });
    let mut encoder = JpegEncoder::new_with_quality(create(path)?, QUALITY);
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile);
    }
    opaque
        .write_with_encoder(encoder)
        .map_err(|error| unwritten(&error))
}

fn create(path: &Path) -> Result<BufWriter<File>, MediaError> {
    let file = File::create(path).map_err(|error| {
        MediaError::Unavailable(format!("the thumbnail cannot be written: {error}"))
    })?;
    Ok(BufWriter::new(file))
}

fn unwritten(error: &image::ImageError) -> MediaError {
    MediaError::Unavailable(format!("the thumbnail cannot be written: {error}"))
}

/// A BlurHash, with more detail along the longer side. What is transparent is white.
fn blur(picture: &DynamicImage) -> Result<String, MediaError> {
    let mut tiny = shrink(picture, BLUR_SIDE).into_rgba8();
    for pixel in tiny.pixels_mut() {
        let [.., alpha] = pixel.0;
        for channel in &mut pixel.0[..3] {
            let over_white =
                u32::from(*channel) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            *channel = u8::try_from(over_white / 255).unwrap_or(u8::MAX);
        }
        pixel.0[3] = u8::MAX;
    }
    let (across, down) = if tiny.width() >= tiny.height() {
        (4, 3)
    } else {
        (3, 4)
    };
    blurhash::encode(across, down, tiny.width(), tiny.height(), tiny.as_raw())
        .map_err(|error| MediaError::Broken(format!("it has no placeholder: {error}")))
}

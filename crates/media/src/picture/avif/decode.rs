//! Decodes the AV1 that an AVIF has inside.

use image::{DynamicImage, RgbaImage};
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};

use super::color::{Matrix, Samples};
use crate::picture::cut::broken;
use crate::picture::thumbnail::Large;
use crate::picture::{Parsed, bound};
use crate::{Limits, MediaError};

/// What is decoded.
#[derive(Debug)]
pub(in crate::picture) struct Coded {
    pub(super) picture: Vec<u8>,
    /// How opaque it is, if it is not everywhere.
    pub(super) alpha: Option<Vec<u8>>,
    /// What the container says of the colours: matrix coefficients, and whether all values are used.
    pub(super) color: Option<(u16, bool)>,
    pub(super) profile: Option<Vec<u8>>,
}

impl Coded {
    pub(in crate::picture) fn decode(
        self,
        parsed: &Parsed,
        limits: &Limits,
    ) -> Result<Large, MediaError> {
        let picture = decode(self.picture, limits)?;
        if (picture.width(), picture.height()) != (parsed.width, parsed.height) {
            return Err(broken("it has two sizes"));
        }
        bound(parsed, limits)?;
        let alpha = match self.alpha {
            Some(alpha) => Some(decode(alpha, limits)?),
            None => None,
        };
        let pixels = paint(&picture, alpha.as_ref(), self.color)?;
        Ok(Large {
            picture: DynamicImage::ImageRgba8(pixels),
            orientation: parsed.orientation,
            profile: self.profile,
        })
    }
}

/// The first picture that comes out.
fn decode(coded: Vec<u8>, limits: &Limits) -> Result<Picture, MediaError> {
    /// How often the decoder may say that it needs what it has already.
    const ROUNDS_MAX: usize = 1000;
    let undecoded = |error: Error| MediaError::Broken(format!("it cannot be decoded: {error}"));
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(u32::try_from(limits.pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(undecoded)?;
    if coded.is_empty() {
        return Err(broken("it has no picture"));
    }
    match decoder.send_data(coded, None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(error) => return Err(undecoded(error)),
    }
    for _ in 0..ROUNDS_MAX {
        match decoder.get_picture() {
            Ok(picture) => return Ok(picture),
            Err(Error::Again) => match decoder.send_pending_data() {
                Ok(()) | Err(Error::Again) => {}
                Err(error) => return Err(undecoded(error)),
            },
            Err(error) => return Err(undecoded(error)),
        }
    }
    Err(broken("no picture comes out"))
}

fn paint(
    picture: &Picture,
    alpha: Option<&Picture>,
    color: Option<(u16, bool)>,
) -> Result<RgbaImage, MediaError> {
    let matrix = Matrix::of(picture, color);
    let plane = |picture: &Picture, component| Samples::of(picture, component);
    let luma = plane(picture, PlanarImageComponent::Y)?;
    let chroma = match picture.pixel_layout() {
        PixelLayout::I400 => None,
        _ => Some((
            plane(picture, PlanarImageComponent::U)?,
            plane(picture, PlanarImageComponent::V)?,
        )),
    };
    let opaque = match alpha {
        Some(alpha) if (alpha.width(), alpha.height()) == (picture.width(), picture.height()) => {
            Some(plane(alpha, PlanarImageComponent::Y)?)
        }
        _ => None,
    };
    let mut pixels = RgbaImage::new(picture.width(), picture.height());
    for (x, y, pixel) in pixels.enumerate_pixels_mut() {
        let chroma = chroma
            .as_ref()
            .map(|(blue, red)| (blue.at(x, y), red.at(x, y)));
        let [red, green, blue] = matrix.color(luma.at(x, y), chroma);
        let alpha = opaque.as_ref().map_or(u8::MAX, |alpha| alpha.byte_at(x, y));
        pixel.0 = [red, green, blue, alpha];
    }
    Ok(pixels)
}

//! From luma and two differences to red, green and blue (ITU-T H.273).

use re_rav1d::dav1d::pixel::{MatrixCoefficients, YUVRange};
use re_rav1d::dav1d::{Picture, PixelLayout, PlanarImageComponent, Plane};

use crate::MediaError;
use crate::picture::cut::broken;

/// One plane of a decoded picture.
pub(super) struct Samples {
    plane: Plane,
    /// Bytes from one row to the next.
    stride: usize,
    is_wide: bool,
    bits: usize,
    /// How many pixels share a sample, as powers of two.
    shared: (u32, u32),
}

impl Samples {
    pub(super) fn of(
        picture: &Picture,
        component: PlanarImageComponent,
    ) -> Result<Self, MediaError> {
        let bits = picture
            .bits_per_component()
            .ok_or_else(|| broken("it has an odd depth"))?;
        let shared = match (component, picture.pixel_layout()) {
            (PlanarImageComponent::Y, _) | (_, PixelLayout::I400 | PixelLayout::I444) => (0, 0),
            (_, PixelLayout::I420) => (1, 1),
            (_, PixelLayout::I422) => (1, 0),
        };
        Ok(Self {
            stride: picture.stride(component) as usize,
            plane: picture.plane(component),
            is_wide: bits.0 > 8,
            bits: bits.0,
            shared,
        })
    }

    fn raw_at(&self, x: u32, y: u32) -> u16 {
        let (x, y) = ((x >> self.shared.0) as usize, (y >> self.shared.1) as usize);
        let row = y * self.stride;
        if self.is_wide {
            let bytes = self.plane.get(row + 2 * x..row + 2 * x + 2);
            bytes.map_or(0, |bytes| u16::from_ne_bytes([bytes[0], bytes[1]]))
        } else {
            self.plane.get(row + x).copied().unwrap_or(0).into()
        }
    }

    /// From 0 to 255, with a fraction.
    pub(super) fn at(&self, x: u32, y: u32) -> f32 {
        let scale = f32::from(1_u16 << (self.bits - 8));
        f32::from(self.raw_at(x, y)) / scale
    }

    /// From 0 to 255.
    pub(super) fn byte_at(&self, x: u32, y: u32) -> u8 {
        u8::try_from(self.raw_at(x, y) >> (self.bits - 8)).unwrap_or(u8::MAX)
    }
}

/// What the three values of a pixel mean.
pub(super) struct Matrix {
    /// How much red and blue count for the luma. `None`: the values are green, blue and red themselves.
    weights: Option<(f32, f32)>,
    uses_all: bool,
}

impl Matrix {
    /// What the container says counts more than what the picture says.
    pub(super) fn of(picture: &Picture, color: Option<(u16, bool)>) -> Self {
        /// What most pictures mean that say nothing.
        const BT601: (f32, f32) = (0.299, 0.114);
        const BT709: (f32, f32) = (0.2126, 0.0722);
        const BT2020: (f32, f32) = (0.2627, 0.0593);
        let (weights, uses_all) = match color {
            Some((matrix, uses_all)) => (
                match matrix {
                    0 => None,
                    1 => Some(BT709),
                    9 | 10 => Some(BT2020),
                    _ => Some(BT601),
                },
                uses_all,
            ),
            None => (
                match picture.matrix_coefficients() {
                    MatrixCoefficients::Identity => None,
                    MatrixCoefficients::BT709 => Some(BT709),
                    MatrixCoefficients::BT2020NonConstantLuminance
                    | MatrixCoefficients::BT2020ConstantLuminance => Some(BT2020),
                    _ => Some(BT601),
                },
                picture.color_range() == YUVRange::Full,
            ),
        };
        Self { weights, uses_all }
    }

    /// From luma and the differences of blue and red, each from 0 to 255.
    pub(super) fn color(&self, luma: f32, chroma: Option<(f32, f32)>) -> [u8; 3] {
        let (luma_scale, luma_begin, chroma_scale) = if self.uses_all {
            (1.0, 0.0, 1.0)
        } else {
            (255.0 / 219.0, 16.0, 255.0 / 224.0)
        };
        let bright = |value: f32| (value - luma_begin) * luma_scale;
        let luma = bright(luma);
        let Some((blue, red)) = chroma else {
            return [luma; 3].map(whole);
        };
        let Some((red_weight, blue_weight)) = self.weights else {
            return [bright(red), luma, bright(blue)].map(whole);
        };
        let blue_more = (blue - 128.0) * chroma_scale * 2.0 * (1.0 - blue_weight);
        let red_more = (red - 128.0) * chroma_scale * 2.0 * (1.0 - red_weight);
        let green_weight = 1.0 - red_weight - blue_weight;
        let green_less = (red_weight * red_more + blue_weight * blue_more) / green_weight;
        [luma + red_more, luma - green_less, luma + blue_more].map(whole)
    }
}

fn whole(value: f32) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to 255"
    )]
    let whole = value.round().clamp(0.0, 255.0) as u8;
    whole
}

//! How a picture is turned before it is shown.

pub(super) use image::metadata::Orientation;

/// What EXIF says, without the name of the block before it. Nonsense says nothing.
pub(super) fn of_exif(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// EXIF that says only this. Nothing where there is nothing to say.
pub(super) fn exif_of(orientation: Orientation) -> Option<Vec<u8>> {
    if orientation == Orientation::NoTransforms {
        return None;
    }
    let mut exif = Vec::with_capacity(26);
    exif.extend_from_slice(b"MM\0*\0\0\0\x08");
    // One entry: the tag 0x0112, one number of two bytes.
    exif.extend_from_slice(&[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1]);
    exif.extend_from_slice(&[0, orientation.to_exif(), 0, 0]);
    // No further directory.
    exif.extend_from_slice(&[0; 4]);
    Some(exif)
}

/// Width and height as they are shown.
pub(super) fn shown(orientation: Orientation, width: u32, height: u32) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    }
}

#[cfg(test)]
mod tests {
    use super::{Orientation, exif_of, of_exif};

    #[test]
    fn what_is_written_is_read_again() {
        for value in 2..=8 {
            let orientation = Orientation::from_exif(value).unwrap();
            assert_eq!(of_exif(&exif_of(orientation).unwrap()), orientation);
        }
        assert_eq!(exif_of(Orientation::NoTransforms), None);
    }
}

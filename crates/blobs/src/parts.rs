//! Uploads in parts, so that a connection that breaks costs one part.

use std::fmt;

use crate::{BlobKey, Expected};

/// The longest id of an upload in parts, in bytes.
const ID_BYTES_MAX: usize = 1_024;

/// What a place calls an upload in parts: 1 to 1,024 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartsId(String);

impl PartsId {
    /// An id that a place has given before.
    ///
    /// # Errors
    ///
    /// When no place gives such an id.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidParts> {
        let text = text.into();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > ID_BYTES_MAX || !is_visible {
            return Err(InvalidParts::Id);
        }
        Ok(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartsId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why something cannot be uploaded in parts in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParts {
    /// No place gives such an id.
    #[error("no upload in parts has such an id")]
    Id,
    /// Parts are too small, too large or too many.
    #[error(
        "a part is {} to {} bytes, and there are 1 to {} of them",
        InParts::PART_BYTES_MIN,
        InParts::PART_BYTES_MAX,
        InParts::COUNT_MAX
    )]
    Division,
}

/// An upload in parts: all of the same size but the last, which has the rest. The server keeps these facts; whoever
/// has them can go on with the upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InParts {
    /// The blob that it becomes when it is finished.
    pub key: BlobKey,
    /// What the place calls it.
    pub id: PartsId,
    /// What the blob is to be.
    pub expected: Expected,
    /// The size of each part but the last, in bytes.
    pub part_bytes: u64,
}

impl InParts {
    /// The smallest part, in bytes, unless it is the last: S3 takes no smaller ones.
    pub const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
    /// The largest part, in bytes.
    pub const PART_BYTES_MAX: u64 = 1024 * 1024 * 1024;
    /// The most parts of one upload: S3 takes no more.
    pub const COUNT_MAX: u32 = 10_000;

    /// Into how many parts so many bytes are divided.
    ///
    /// # Errors
    ///
    /// [`InvalidParts::Division`] when no place takes them so, or there are no bytes.
    pub fn divide(size: u64, part_bytes: u64) -> Result<u32, InvalidParts> {
        if !(Self::PART_BYTES_MIN..=Self::PART_BYTES_MAX).contains(&part_bytes) {
            return Err(InvalidParts::Division);
        }
        u32::try_from(size.div_ceil(part_bytes))
            .ok()
            .filter(|count| (1..=Self::COUNT_MAX).contains(count))
            .ok_or(InvalidParts::Division)
    }

    /// How many parts there are.
    ///
    /// # Errors
    ///
    /// [`InvalidParts::Division`] when it is divided as no place takes it, so that no place has begun it.
    pub fn count(&self) -> Result<u32, InvalidParts> {
        Self::divide(self.expected.size, self.part_bytes)
    }

    /// Where a part begins and how many bytes it has. `None` if there is no part with this number.
    pub fn place_of(&self, number: u32) -> Option<(u64, u64)> {
        let numbers = 1..=self.count().ok()?;
        if !numbers.contains(&number) {
            return None;
        }
        let begins = u64::from(number - 1) * self.part_bytes;
        Some((begins, self.part_bytes.min(self.expected.size - begins)))
    }
}

/// A part that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which one, from 1.
    pub number: u32,
    /// How many bytes it has.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::{InParts, InvalidParts, PartsId};
    use crate::{BlobKey, ContentType, Expected};

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_cover_all_bytes_once() {
        let upload = InParts {
            key: BlobKey::parse("a").unwrap(),
            id: PartsId::parse("x").unwrap(),
            expected: Expected {
                size: 11 * MIB,
                content_type: ContentType::unknown(),
            },
            part_bytes: 5 * MIB,
        };
        let places: Vec<_> = (0..=4).map(|number| upload.place_of(number)).collect();
        let (five, ten) = (5 * MIB, 10 * MIB);
        let expected = [
            None,
            Some((0, five)),
            Some((five, five)),
            Some((ten, MIB)),
            None,
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn what_no_place_takes_is_refused() {
        let division = Err(InvalidParts::Division);
        assert_eq!(InParts::divide(0, 5 * MIB), division);
        assert_eq!(InParts::divide(10 * MIB, 5 * MIB - 1), division);
        assert_eq!(InParts::divide(10 * MIB, 0), division);
        assert_eq!(InParts::divide(50_000 * MIB, 5 * MIB), Ok(10_000));
        assert_eq!(InParts::divide(50_000 * MIB + 1, 5 * MIB), division);
        assert_eq!(InParts::divide(u64::MAX, 1024 * MIB), division);
        for id in ["", "a b", "a\n", "ä", &"a".repeat(1_025)] {
            assert_eq!(PartsId::parse(id), Err(InvalidParts::Id), "{id:?}");
        }
    }
}

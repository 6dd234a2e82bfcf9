//! The boxes that ISO files consist of, and that consist of boxes.

use std::ops::Range;

use crate::MediaError;
use crate::picture::cut::broken;

/// One box, as places in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IsoBox {
    /// Where its name is.
    pub(super) name_at: usize,
    pub(super) name: [u8; 4],
    pub(super) content: Range<usize>,
}

/// The boxes in a part of the file, one after the other.
///
/// The last one may be longer than what is left, or have no sensible length at all: then it is no box, and what is given
/// of it is an error.
pub(super) fn boxes(file: &[u8], within: Range<usize>) -> Boxes<'_> {
    Boxes { file, within }
}

pub(super) struct Boxes<'a> {
    file: &'a [u8],
    within: Range<usize>,
}

impl Boxes<'_> {
    fn read(&self) -> Result<IsoBox, MediaError> {
        let part = &self.file[self.within.clone()];
        let no_box = || broken("there is something between the boxes");
        let (length, rest) = part.split_first_chunk().ok_or_else(no_box)?;
        let (name, rest) = rest.split_first_chunk().ok_or_else(no_box)?;
        let (header, length) = match u32::from_be_bytes(*length) {
            0 => (8, part.len()),
            1 => {
                let length = u64::from_be_bytes(*rest.first_chunk().ok_or_else(no_box)?);
                (16, usize::try_from(length).unwrap_or(usize::MAX))
            }
            length => (8, length as usize),
        };
        if length < header || length > part.len() {
            return Err(no_box());
        }
        let begin = self.within.start;
        Ok(IsoBox {
            name_at: begin + 4,
            name: *name,
            content: begin + header..begin + length,
        })
    }
}

impl Iterator for Boxes<'_> {
    type Item = Result<IsoBox, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.within.is_empty() {
            return None;
        }
        let read = self.read();
        self.within.start = match &read {
            Ok(found) => found.content.end,
            Err(_) => self.within.end,
        };
        Some(read)
    }
}

/// The first box of a name.
pub(super) fn find(
    file: &[u8],
    within: Range<usize>,
    name: [u8; 4],
) -> Result<Option<IsoBox>, MediaError> {
    for found in boxes(file, within) {
        let found = found?;
        if found.name == name {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

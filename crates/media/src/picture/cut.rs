//! Reads numbers from the begin of bytes, and never beyond their end.

use crate::MediaError;

/// What is left of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a>(&'a [u8]);

pub(super) fn broken(what: &str) -> MediaError {
    MediaError::Broken(what.to_owned())
}

impl<'a> Cut<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], MediaError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| broken("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], MediaError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| broken("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, MediaError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, MediaError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, MediaError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A length, most significant byte first.
    pub(super) fn length(&mut self) -> Result<usize, MediaError> {
        Ok(self.u32()? as usize)
    }

    /// A length, least significant byte first.
    pub(super) fn length_le(&mut self) -> Result<usize, MediaError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }
}

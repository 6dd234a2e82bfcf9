//! Names of blobs.

use std::fmt;

/// The longest key, in bytes.
const BYTES_MAX: usize = 200;

/// What a blob is called: 1 to 200 bytes of `a-z`, `0-9` and `-`, in segments joined by `/`, none of them empty.
///
/// The server makes keys of ids. No name that a client chose is ever a part of one, and none can be a way out of a
/// directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

/// What was given is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 1 to {BYTES_MAX} bytes of a-z, 0-9 and - in segments joined by /")]
pub struct InvalidKey;

impl BlobKey {
    /// A key of this text.
    ///
    /// # Errors
    ///
    /// When the text is not as [`BlobKey`] says.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let is_segment = |segment: &str| {
            let mut bytes = segment.bytes();
            !segment.is_empty()
                && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        };
        if text.len() > BYTES_MAX || !text.split('/').all(is_segment) {
            return Err(InvalidKey);
        }
        Ok(Self(text))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, BlobKey};

    #[test]
    fn keys_are_segments_of_few_characters() {
        for text in ["a", "uploads/0190-ab", "variants/1/thumbnail"] {
            assert_eq!(BlobKey::parse(text).unwrap().as_str(), text);
        }
        assert!(BlobKey::parse("a".repeat(BYTES_MAX)).is_ok());
        assert!(BlobKey::parse("a".repeat(BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_key() {
        for text in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a.b", "A", "a b", "a\0", "a\\b",
            "ä", "a%2fb", "a\n",
        ] {
            assert!(BlobKey::parse(text).is_err(), "{text:?}");
        }
    }
}

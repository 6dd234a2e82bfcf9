//! What people react with.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;
use unicode_segmentation::UnicodeSegmentation;

use crate::InvalidId;

/// An emoji: one character as people see it (which may be many code points), or a name between colons that the
/// embedding application draws. 1 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Emoji(SmolStr);

impl Emoji {
    /// The longest emoji, in bytes.
    pub const BYTES_MAX: usize = 64;

    /// Reads an emoji.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] when it is neither one character nor a name between colons, or is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if fits && (is_one_character(text) || is_name(text)) {
            Ok(Self(SmolStr::new(text)))
        } else {
            Err(InvalidId(
                "an emoji is one character, or letters, digits and _ + - between colons, in at most 64 bytes",
            ))
        }
    }

    /// The emoji as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_one_character(text: &str) -> bool {
    let hidden = |letter: char| letter.is_control() || letter.is_whitespace();
    text.graphemes(true).count() == 1 && !text.contains(hidden)
}

fn is_name(text: &str) -> bool {
    let name = text
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

impl fmt::Display for Emoji {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Emoji {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Emoji;

    #[test]
    fn one_character_or_a_name_between_colons() {
        for text in ["👍", "👩🏽‍🚀", "🇩🇪", "é", "+", ":party-parrot:", ":+1:"] {
            assert_eq!(Emoji::parse(text).unwrap().as_str(), text);
        }
        let long = format!(":{}:", "x".repeat(63));
        for text in [
            "", " ", "👍👍", "ab", "\n", "\r\n", "\0", "::", ":a", ":a b:", ":é:", &long,
        ] {
            assert!(Emoji::parse(text).is_err(), "{text:?}");
        }
    }
}

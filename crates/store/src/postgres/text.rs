//! Text that PostgreSQL can keep: it refuses U+0000, which a message may hold.
//!
//! U+0000 is written as U+FFFF and a `0`, and U+FFFF, which is no character and nearly never there, as
//! U+FFFF and a `1`. All other text is kept as it is.

use std::borrow::Cow;

const ESCAPE: char = '\u{FFFF}';
const FORBIDDEN: char = '\0';

/// What to write for `text`.
pub(crate) fn kept(text: &str) -> Cow<'_, str> {
    if !text.contains([FORBIDDEN, ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            FORBIDDEN => kept.extend([ESCAPE, '0']),
            ESCAPE => kept.extend([ESCAPE, '1']),
            other => kept.push(other),
        }
    }
    Cow::Owned(kept)
}

/// The text that was written as `kept`.
pub(crate) fn original(kept: String) -> String {
    if !kept.contains(ESCAPE) {
        return kept;
    }
    let mut text = String::with_capacity(kept.len());
    let mut characters = kept.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            ESCAPE if characters.next() == Some('0') => FORBIDDEN,
            other => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{kept, original};

    #[test]
    fn every_text_comes_back() {
        for text in [
            "",
            "hello",
            "\0",
            "a\0b",
            "\u{FFFF}",
            "\u{FFFF}0\0\u{FFFF}1",
            "\0\0👩‍👧",
        ] {
            assert_eq!(original(kept(text).into_owned()), text);
            assert!(!kept(text).contains('\0'));
        }
    }

    #[test]
    fn a_text_that_can_be_kept_is_not_changed() {
        assert_eq!(kept("plain — text"), "plain — text");
    }
}

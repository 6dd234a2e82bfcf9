//! Names that people choose and others recognise them by: in one form, without what cannot be seen, and not to be
//! mistaken for another.
//!
//! What a message says is nobody's name and stays as it was written.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// What a name may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameLimits {
    /// The most characters, as people see and count them (extended grapheme clusters, UAX #29).
    pub characters_max: usize,
    /// The most bytes, because one character may have any number of marks.
    pub bytes_max: usize,
    /// Whether it may have lines.
    pub has_lines: bool,
}

/// Why something is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// Nothing of it can be seen.
    Empty,
    /// It has a control character.
    Control,
    /// It has too many characters or bytes.
    TooLong(NameLimits),
}

/// The one form of a name: normalised (NFC, UAX #15), each run of white space a single space and none at the ends, and
/// without the characters that show nothing but change how what is beside them is read or ordered (bidirectional
/// controls, zero-width spaces, fillers).
///
/// # Errors
///
/// [`InvalidName`].
pub fn tidy(name: &str, limits: &NameLimits) -> Result<String, InvalidName> {
    // Before the work: what is far too long is not worth it.
    if name.len() > limits.bytes_max.saturating_mul(4) {
        return Err(InvalidName::TooLong(*limits));
    }
    let is_control = |letter: char| {
        letter.is_control() && !(limits.has_lines && matches!(letter, '\n' | '\r' | '\t'))
    };
    if name.contains(is_control) {
        return Err(InvalidName::Control);
    }
    let composed: String = without_invisible(name).nfc().collect();
    let tidy = if limits.has_lines {
        let lines: Vec<String> = composed.lines().map(single_spaced).collect();
        lines.join("\n").trim_matches('\n').to_owned()
    } else {
        single_spaced(&composed)
    };
    if !tidy.contains(|letter| !is_joiner(letter)) {
        return Err(InvalidName::Empty);
    }
    let fits =
        tidy.len() <= limits.bytes_max && tidy.graphemes(true).nth(limits.characters_max).is_none();
    if fits {
        Ok(tidy)
    } else {
        Err(InvalidName::TooLong(*limits))
    }
}

/// Text in the form in which names are kept (NFC), to compare it with them.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

fn single_spaced(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| word.trim_matches(is_joiner));
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Joiners are part of emojis and of how some scripts are written, but nothing by themselves.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}')
}

fn without_invisible(text: &str) -> impl Iterator<Item = char> {
    /// Flags of regions are this one, followed by letters that cannot be seen.
    const BLACK_FLAG: char = '\u{1f3f4}';
    let mut in_flag = false;
    text.chars().filter(move |letter| {
        let is_tag = matches!(letter, '\u{e0020}'..='\u{e007f}');
        in_flag = *letter == BLACK_FLAG || (in_flag && is_tag);
        (is_tag && in_flag) || !is_invisible(*letter)
    })
}

/// Characters that are ignored where a font has nothing for them (`Default_Ignorable_Code_Point`), other than joiners
/// and selectors of a variant, and the blank letters of Hangul.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a username looks like at a glance. Two that have the same are not to be told apart: `bill` and `biII`, `arnie` and
/// `amie`, `bob-0` and `BOB-O`.
///
/// These are the pairs of the Unicode confusables (UTS #39) that usernames can be written with, which are ASCII
/// letters, digits and `. _ @ -`; and case, which does not tell usernames apart.
pub fn skeleton(username: &str) -> String {
    let folded = username.chars().map(|letter| match letter {
        '0' | 'O' => 'o',
        '1' | 'I' => 'l',
        other => other.to_ascii_lowercase(),
    });
    let folded: String = folded.collect();
    folded.replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: NameLimits = NameLimits {
        characters_max: 20,
        bytes_max: 200,
        has_lines: false,
    };

    fn tidied(name: &str) -> Result<String, InvalidName> {
        tidy(name, &NAME)
    }

    #[test]
    fn a_name_has_one_form() {
        for (chosen, form) in [
            ("Ann", "Ann"),
            ("  Ann \u{a0} of  the Sea ", "Ann of the Sea"),
            ("Zoe\u{308}", "Zo\u{eb}"),
            ("\u{202e}nnA", "nnA"),
            ("An\u{200b}n\u{feff}", "Ann"),
            ("\u{2067}שרה\u{2069}", "שרה"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("👩🏽\u{200d}🚀 Ann", "👩🏽\u{200d}🚀 Ann"),
            ("🏴󠁧󠁢󠁳󠁣󠁴󠁿 Ann\u{e0041}", "🏴󠁧󠁢󠁳󠁣󠁴󠁿 Ann"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
        ] {
            assert_eq!(tidied(chosen).as_deref(), Ok(form), "{chosen:?}");
            assert_eq!(tidied(form).as_deref(), Ok(form), "twice is once");
        }
    }

    #[test]
    fn what_shows_nothing_is_no_name() {
        for nothing in [
            "",
            "  ",
            "\u{200b}",
            "\u{3164}",
            "\u{202e} \u{200d}",
            "\u{e0041}",
        ] {
            assert_eq!(tidied(nothing), Err(InvalidName::Empty), "{nothing:?}");
        }
        for control in ["a\u{1b}[2J", "a\nb", "a\0", "\u{85}"] {
            assert_eq!(tidied(control), Err(InvalidName::Control), "{control:?}");
        }
    }

    #[test]
    fn length_is_what_people_count() {
        assert!(tidied(&"👍".repeat(20)).is_ok());
        assert!(tidied(&"e\u{301}".repeat(20)).is_ok());
        let too_long = Err(InvalidName::TooLong(NAME));
        assert_eq!(tidied(&"a".repeat(21)), too_long);
        assert_eq!(tidied(&format!("a{}", "\u{336}".repeat(150))), too_long);
        assert_eq!(tidied(&" ".repeat(10_000)), too_long);
    }

    #[test]
    fn a_text_with_lines_keeps_them() {
        let topic = NameLimits {
            has_lines: true,
            ..NAME
        };
        let tidied = |text| tidy(text, &topic);
        assert_eq!(
            tidied("\n Tides \r\n\n\tand  boats\n").as_deref(),
            Ok("Tides\n\nand boats")
        );
        assert_eq!(tidied(" \n "), Err(InvalidName::Empty));
        assert_eq!(tidied("a\u{7}"), Err(InvalidName::Control));
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (one, other) in [
            ("bill", "biII"),
            ("paypal", "paypa1"),
            ("bob-0", "BOB-O"),
            ("arnie", "amie"),
            ("vvendy", "wendy"),
        ] {
            assert_eq!(skeleton(one), skeleton(other));
        }
        for (one, other) in [
            ("bill", "bili"),
            ("ann", "anne"),
            ("a.b", "a_b"),
            ("u1", "u2"),
        ] {
            assert_ne!(skeleton(one), skeleton(other));
        }
    }
}

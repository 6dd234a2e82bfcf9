//! Text from others, made safe to show.
//!
//! A terminal obeys what is written to it. Whatever came from the server, or from a person's clipboard, goes
//! through here before it is drawn: no control character is left, nothing that changes the direction in which
//! its surroundings are read, and nothing about whose width terminals disagree.

use ratatui::buffer::CellWidth;

const JOINER: char = '\u{200d}';
const EMOJI_PRESENTATION: char = '\u{fe0f}';

/// Text without control characters: they become pictures of themselves, and lines end with a line feed. To people,
/// nothing is missing.
pub(super) fn typed(dangerous: &str) -> String {
    let mut safe = String::with_capacity(dangerous.len());
    let mut characters = dangerous.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => safe.push('\n'),
            '\t' => safe.push_str("    "),
            '\u{7f}' => safe.push('\u{2421}'),
            control @ '\0'..='\u{1f}' => safe.extend(picture(control)),
            control if control.is_control() => safe.push('\u{fffd}'),
            harmless => safe.push(harmless),
        }
    }
    safe
}

/// Text of several lines as it can be shown. Emoji that are made of others are shown as those: some terminals
/// would show one where others show three, and the rest of the line would be anywhere.
pub(super) fn text(dangerous: &str) -> String {
    let mut safe = String::with_capacity(dangerous.len());
    let mut before = None;
    for character in typed(dangerous).chars() {
        let is_shown = match character {
            EMOJI_PRESENTATION => false,
            JOINER => !before.is_some_and(|it| it == EMOJI_PRESENTATION || is_wide(it)),
            tone if is_skin_tone(tone) => before.is_none_or(char::is_whitespace),
            other => !turns_direction(other),
        };
        if is_shown {
            safe.push(character);
        }
        before = Some(character);
    }
    safe
}

/// Text that is to stay on one line, such as a name.
pub(super) fn line(dangerous: &str) -> String {
    text(dangerous).replace('\n', " ")
}

fn is_wide(character: char) -> bool {
    character.encode_utf8(&mut [0; 4]).cell_width() > 1
}

fn is_skin_tone(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

/// The picture that Unicode has for a control character of ASCII.
fn picture(control: char) -> Option<char> {
    char::from_u32(0x2400 + u32::from(control))
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm.
fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_left() {
        let every: String = (0..=0x2fff).filter_map(char::from_u32).collect();
        for safe in [text(&every).replace('\n', ""), line(&every)] {
            assert!(!safe.chars().any(char::is_control));
            assert!(!safe.chars().any(turns_direction));
        }
    }

    #[test]
    fn an_escape_can_be_seen_and_does_nothing() {
        assert_eq!(text("a\u{1b}]0;pwned\u{7}b"), "a␛]0;pwned␇b");
        assert_eq!(text("\u{9b}2J"), "\u{fffd}2J");
        assert_eq!(line("ann\u{202e}nib"), "annnib");
    }

    #[test]
    fn lines_end_the_same_wherever_they_were_written() {
        assert_eq!(text("a\r\nb\rc\nd\u{2028}e"), "a\nb\nc\nd\ne");
        assert_eq!(line("a\r\nb"), "a b");
    }

    #[test]
    fn what_people_write_stays() {
        let of_people = "né 漢字 👩 🏴󠁧󠁢󠁥󠁮󠁧󠁿 שלום नमस्क्\u{200d}";
        assert_eq!(text(of_people), of_people);
        let of_person = "👩\u{200d}👧 \u{200f}";
        assert_eq!(typed(of_person), of_person);
    }

    #[test]
    fn emoji_are_as_wide_as_every_terminal_shows_them() {
        for (joined, apart) in [
            ("👩\u{200d}👩\u{200d}👧", "👩👩👧"),
            ("❤\u{fe0f}\u{200d}🔥", "❤🔥"),
            ("👍🏽 🏽", "👍 🏽"),
            ("👩🏽\u{200d}🔬", "👩🔬"),
            ("1\u{fe0f}\u{20e3}", "1\u{20e3}"),
        ] {
            assert_eq!(text(joined), apart);
        }
    }
}

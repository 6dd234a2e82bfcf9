//! Text from others, made safe to show.
//!
//! A terminal obeys what is written to it. Whatever came from the server, or from a person's clipboard, goes
//! through here before it is kept or drawn: no control character, and nothing that changes the direction in
//! which its surroundings are read, is left.

/// Text of several lines: control characters are shown as pictures of themselves, line ends are kept.
pub(super) fn text(dangerous: &str) -> String {
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
            turn if turns_direction(turn) => {}
            harmless => safe.push(harmless),
        }
    }
    safe
}

/// Text that is to stay on one line, such as a name.
pub(super) fn line(dangerous: &str) -> String {
    text(dangerous).replace('\n', " ")
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
        let text_of_people = "né 漢字 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 שלום";
        assert_eq!(text(text_of_people), text_of_people);
    }
}

//! Breaking text into lines that fit, by what a terminal shows.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

use crate::chat::harmless;

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.graphemes(true)
        .map(|it| usize::from(it.cell_width()))
        .sum()
}

/// As much of a line as fits into `width` columns, with an ellipsis if that is not all.
pub(super) fn cut(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |grapheme: &&str| {
        let wide = usize::from(grapheme.cell_width());
        let fits = wide <= room;
        room = if fits { room - wide } else { 0 };
        fits
    };
    let mut cut: String = line.graphemes(true).take_while(fits).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// Lines of at most `width` columns, broken between words where that is possible. There is at least one.
pub(super) fn words(text: &str, width: usize) -> Vec<String> {
    text.split('\n')
        .flat_map(|line| broken(line, width.max(1)))
        .collect()
}

fn broken(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for piece in pieces(line) {
        let wide = columns(piece);
        if used + wide <= width {
            current.push_str(piece);
            used += wide;
            continue;
        }
        let is_space = piece.chars().all(char::is_whitespace);
        if used > 0 {
            lines.push(current.trim_end().to_owned());
            current.clear();
            used = 0;
        }
        if is_space {
            continue;
        }
        for grapheme in piece.graphemes(true) {
            let wide = usize::from(grapheme.cell_width());
            if used + wide > width && used > 0 {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            current.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(current);
    lines
}

/// What is not broken as long as it fits into a line: words with the punctuation around them, and the space
/// between. Scripts that are written without spaces can be broken between characters, but not before a mark.
fn pieces(line: &str) -> Vec<&str> {
    let is_space = |piece: &str| piece.chars().all(char::is_whitespace);
    let is_wide = |piece: &str| piece.graphemes(true).any(|it| it.cell_width() > 1);
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut before = "";
    for (index, piece) in line.split_word_bound_indices() {
        let is_mark = !is_wide(piece) && !piece.chars().any(char::is_alphanumeric);
        let between_characters = (is_wide(piece) || is_wide(before)) && !is_mark;
        if index > 0 && (is_space(piece) != is_space(before) || between_characters) {
            pieces.push(&line[begin..index]);
            begin = index;
        }
        before = piece;
    }
    pieces.push(&line[begin..]);
    pieces
}

/// Text with a cursor in it, made harmless, in lines of at most `width` columns that are broken anywhere, and
/// the line and column of the cursor. The cursor may stand behind a full line.
pub(super) fn editable(text: &str, cursor: usize, width: usize) -> (Vec<String>, (usize, usize)) {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut place = (0, 0);
    for (index, grapheme) in text.grapheme_indices(true) {
        if index == cursor {
            place = (lines.len() - 1, used);
        }
        if grapheme == "\n" {
            lines.push(String::new());
            used = 0;
            continue;
        }
        let shown = harmless::line(grapheme);
        let wide = columns(&shown);
        if used + wide > width && used > 0 {
            lines.push(String::new());
            used = 0;
            if index == cursor {
                place = (lines.len() - 1, 0);
            }
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&shown);
        }
        used += wide;
    }
    if cursor >= text.len() {
        place = (lines.len() - 1, used);
    }
    (lines, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            words("the tide is coming in", 11),
            ["the tide is", "coming in"]
        );
        assert_eq!(words("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(words("", 5), [""]);
        assert_eq!(words("  indented text", 10), ["  indented", "text"]);
        assert_eq!(words("the topic: tides", 9), ["the", "topic:", "tides"]);
        assert_eq!(
            words("see http://a.example/b", 12),
            ["see", "http://a.exa", "mple/b"]
        );
    }

    #[test]
    fn what_is_longer_than_a_line_is_broken_anywhere() {
        assert_eq!(words("see abcdefghij", 4), ["see", "abcd", "efgh", "ij"]);
        assert_eq!(words("abc", 0), ["a", "b", "c"]);
    }

    #[test]
    fn wide_characters_take_the_room_that_they_take() {
        assert_eq!(words("漢字漢字漢", 5), ["漢字", "漢字", "漢"]);
        assert_eq!(words("👩‍👩‍👧👩‍👩‍👧x", 4), ["👩‍👩‍👧👩‍👩‍👧", "x"]);
        for text in ["漢字 and 仮名 mixed", "e\u{301}e\u{301}e\u{301}e\u{301}"] {
            for width in 2..9 {
                let lines = words(text, width);
                assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
            }
        }
    }

    #[test]
    fn a_cut_line_says_so_and_fits() {
        assert_eq!(cut("harbour", 7), "harbour");
        assert_eq!(cut("harbour", 5), "harb…");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(
            (cut("ab", 1), cut("ab", 0)),
            ("…".to_owned(), String::new())
        );
    }

    #[test]
    fn the_cursor_is_found_where_it_shows() {
        let at = |text: &str, cursor| editable(text, cursor, 4).1;
        assert_eq!(at("abcdef", 0), (0, 0));
        assert_eq!(at("abcdef", 4), (1, 0));
        assert_eq!(at("abcdef", 6), (1, 2));
        assert_eq!(at("ab\ncd", 3), (1, 0));
        assert_eq!(at("ab\n", 3), (1, 0));
        assert_eq!(at("漢字漢", 6), (1, 0));
        assert_eq!(at("", 0), (0, 0));
    }
}

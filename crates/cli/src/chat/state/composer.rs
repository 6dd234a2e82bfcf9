//! The text that is being written, and the cursor in it.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::chat::harmless;

/// The most that can be written, in bytes; well above what servers accept.
const BYTES_MAX: usize = 64 * 1024;

/// The cursor stands between what a reader sees as characters, never within one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::chat) struct Composer {
    text: String,
    /// In bytes.
    cursor: usize,
}

impl Composer {
    /// What is written, with the cursor behind it.
    pub(in crate::chat) fn holding(text: &str) -> Self {
        let mut composer = Self::default();
        composer.insert(text);
        composer
    }

    pub(in crate::chat) fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor stands, in bytes.
    pub(in crate::chat) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(in crate::chat) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes what is written away.
    pub(in crate::chat) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Writes at the cursor, as far as there is room.
    pub(in crate::chat) fn insert(&mut self, text: &str) {
        let safe = harmless::typed(text);
        let room = BYTES_MAX - self.text.len().min(BYTES_MAX);
        let fitting = &safe[..safe.floor_char_boundary(room)];
        self.text.insert_str(self.cursor, fitting);
        self.cursor += fitting.len();
        // What was written may have joined the character that it was written behind or before.
        if !self.is_between_characters() {
            self.right();
        }
    }

    pub(in crate::chat) fn left(&mut self) {
        self.cursor = self.before(self.cursor);
    }

    pub(in crate::chat) fn right(&mut self) {
        self.cursor = self.after(self.cursor);
    }

    pub(in crate::chat) fn word_left(&mut self) {
        self.cursor = self.word_begin();
    }

    pub(in crate::chat) fn word_right(&mut self) {
        let mut passed = false;
        for (index, character) in self.text[self.cursor..].char_indices() {
            let is_word = character.is_alphanumeric();
            if passed && !is_word {
                self.cursor += index;
                return;
            }
            passed |= is_word;
        }
        self.cursor = self.text.len();
    }

    pub(in crate::chat) fn line_begin(&mut self) {
        self.cursor = self.line_start(self.cursor);
    }

    pub(in crate::chat) fn line_end(&mut self) {
        self.cursor = self.line_stop(self.cursor);
    }

    /// To the line above. Whether there is one.
    pub(in crate::chat) fn up(&mut self) -> bool {
        let start = self.line_start(self.cursor);
        if start == 0 {
            return false;
        }
        self.move_to_column_of(start, self.line_start(start - 1));
        true
    }

    /// To the line below. Whether there is one.
    pub(in crate::chat) fn down(&mut self) -> bool {
        let stop = self.line_stop(self.cursor);
        if stop == self.text.len() {
            return false;
        }
        self.move_to_column_of(self.line_start(self.cursor), stop + 1);
        true
    }

    pub(in crate::chat) fn delete_left(&mut self) {
        self.delete_to(self.before(self.cursor));
    }

    pub(in crate::chat) fn delete_right(&mut self) {
        self.delete_to(self.after(self.cursor));
    }

    pub(in crate::chat) fn delete_word_left(&mut self) {
        self.delete_to(self.word_begin());
    }

    pub(in crate::chat) fn delete_to_line_begin(&mut self) {
        self.delete_to(self.line_start(self.cursor));
    }

    pub(in crate::chat) fn delete_to_line_end(&mut self) {
        self.delete_to(self.line_stop(self.cursor));
    }

    fn delete_to(&mut self, place: usize) {
        let (from, to) = (self.cursor.min(place), self.cursor.max(place));
        self.text.replace_range(from..to, "");
        self.cursor = from;
        if !self.is_between_characters() {
            self.right();
        }
    }

    /// As many characters into the line at `to` as the cursor is into the line at `from`.
    fn move_to_column_of(&mut self, from: usize, to: usize) {
        let column = self.text[from..self.cursor].graphemes(true).count();
        let line = &self.text[to..self.line_stop(to)];
        let bytes: usize = line.graphemes(true).take(column).map(str::len).sum();
        self.cursor = to + bytes;
    }

    fn line_start(&self, place: usize) -> usize {
        self.text[..place].rfind('\n').map_or(0, |index| index + 1)
    }

    fn line_stop(&self, place: usize) -> usize {
        let rest = self.text[place..].find('\n');
        rest.map_or(self.text.len(), |index| place + index)
    }

    fn word_begin(&self) -> usize {
        let mut passed = false;
        for (index, character) in self.text[..self.cursor].char_indices().rev() {
            let is_word = character.is_alphanumeric();
            if passed && !is_word {
                return index + character.len_utf8();
            }
            passed |= is_word;
        }
        0
    }

    fn before(&self, place: usize) -> usize {
        let before = self.boundary_cursor(place).prev_boundary(&self.text, 0);
        before.ok().flatten().unwrap_or(0)
    }

    fn after(&self, place: usize) -> usize {
        let after = self.boundary_cursor(place).next_boundary(&self.text, 0);
        after.ok().flatten().unwrap_or(self.text.len())
    }

    fn is_between_characters(&self) -> bool {
        let found = self.boundary_cursor(self.cursor).is_boundary(&self.text, 0);
        found.unwrap_or(true)
    }

    fn boundary_cursor(&self, place: usize) -> GraphemeCursor {
        GraphemeCursor::new(place, self.text.len(), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_what_a_reader_sees() {
        let mut composer = Composer::holding("a👩‍👩‍👧é漢");
        for left in ["a👩‍👩‍👧é", "a👩‍👩‍👧", "a", "", ""] {
            composer.delete_left();
            assert_eq!(composer.text(), left);
        }
    }

    #[test]
    fn the_cursor_is_never_within_a_character() {
        let mut composer = Composer::holding("👩👧");
        composer.left();
        composer.insert("\u{200d}");
        assert_eq!(composer.cursor(), composer.text().len());
        composer.insert("!");
        assert_eq!(composer.text(), "👩\u{200d}👧!");
    }

    #[test]
    fn words_are_deleted_with_what_follows_them() {
        let mut composer = Composer::holding("one two,  three!");
        for left in ["one two,  ", "one ", ""] {
            composer.delete_word_left();
            assert_eq!(composer.text(), left);
        }
        let mut composer = Composer::holding("one two");
        composer.word_left();
        composer.insert("and ");
        assert_eq!(composer.text(), "one and two");
        composer.line_begin();
        composer.word_right();
        composer.delete_right();
        assert_eq!(composer.text(), "oneand two");
    }

    #[test]
    fn lines_are_moved_between_and_cut() {
        let mut composer = Composer::holding("first\nsecond\nx");
        assert!(!composer.down());
        assert!(composer.up() && composer.up());
        assert!(!composer.up());
        composer.insert("|");
        assert_eq!(composer.text(), "f|irst\nsecond\nx");
        composer.delete_to_line_end();
        composer.down();
        composer.line_end();
        composer.delete_to_line_begin();
        assert_eq!(composer.text(), "f|\n\nx");
    }

    #[test]
    fn what_is_pasted_is_made_harmless_and_has_a_bound() {
        let mut composer = Composer::holding("\u{1b}[2J\ta");
        assert_eq!(composer.text(), "␛[2J    a");
        composer.insert(&"漢".repeat(BYTES_MAX));
        assert!(composer.text().len() <= BYTES_MAX);
    }
}

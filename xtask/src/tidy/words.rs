//! Looking for whole words.

/// Whether `word` is in `line` with nothing that continues a word on either side.
pub(super) fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(begin, _)| {
        let before = line[..begin].chars().next_back();
        let after = line[begin + word.len()..].chars().next();
        !before.is_some_and(continues_word) && !after.is_some_and(continues_word)
    })
}

fn continues_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::contains_word;

    #[test]
    fn a_word_inside_another_is_not_the_word() {
        assert!(contains_word("to do: later", "do"));
        assert!(contains_word("do", "do"));
        assert!(!contains_word("undo doing do_it", "do"));
    }
}

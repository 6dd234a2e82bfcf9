//! What is left for later is forgotten: it is finished, or it is not here.

use super::words::contains_word;
use super::{Finding, SourceFile};

/// Put together, so that this file does not break its own rule.
const WORDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("st", "ub"),
    concat!("St", "ub"),
];
const CALLS: &[&str] = &[concat!("to", "do!"), concat!("unimpl", "emented!")];

/// Finds marks of unfinished work in whatever people write.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.has_extension(&["lock"])) {
        for (number, line) in file.lines() {
            let word = WORDS.iter().find(|word| contains_word(line, word));
            let call = CALLS.iter().find(|call| line.contains(*call));
            if let Some(mark) = word.or(call) {
                let problem = format!("{mark} is left: finish it or take it out");
                findings.push(Finding::at(file, number, problem));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{CALLS, SourceFile, WORDS, check};

    #[test]
    fn every_mark_of_unfinished_work_is_found() {
        for mark in WORDS.iter().chain(CALLS) {
            let file = SourceFile::new("a.rs", &format!("fine\n// {mark}: later\n"));
            let found = check(&[file]);
            assert_eq!(found.len(), 1, "{mark}");
            assert_eq!(found[0].line, Some(2), "{mark}");
        }
    }

    #[test]
    fn words_that_only_look_like_marks_are_fine() {
        let file = SourceFile::new("a.rs", "stubborn mastodon\nnot_todo()\n");
        assert!(check(&[file]).is_empty());
    }
}

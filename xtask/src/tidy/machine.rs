//! Paths of one person's machine mean nothing on another's.

use super::{Finding, SourceFile};

/// Put together, so that this file does not break its own rule.
const PLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
];

/// Finds absolute paths into temporary and personal folders.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(place) = PLACES.iter().find(|place| begins_path(line, place)) {
                let problem = format!("a path in {place} belongs to one machine");
                findings.push(Finding::at(file, number, problem));
            }
        }
    }
    findings
}

/// Whether an absolute path in `place` is in `line`, not only a part of another path or address.
fn begins_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(begin, _)| {
        let before = line[..begin].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "._-}".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::{PLACES, SourceFile, check};

    #[test]
    fn a_path_of_one_machine_is_found() {
        for place in PLACES {
            let file = SourceFile::new("docs/notes.md", &format!("see `{place}notes`"));
            assert_eq!(check(&[file]).len(), 1, "{place}");
        }
    }

    #[test]
    fn a_part_of_another_path_is_fine() {
        let place = PLACES[0];
        let file = SourceFile::new(
            "a.md",
            &format!("https://example.com{place}x and ./a{place}b"),
        );
        assert!(check(&[file]).is_empty());
    }
}

//! A module is named after what is in it; these names say only that somebody did not know.

use super::{Finding, SourceFile};

const NAMES: &[&str] = &["common", "utils", "util", "helpers", "helper", "misc"];

/// Finds source files, their folders and inline modules with a name that says nothing.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.has_extension(&["rs", "ts", "tsx"]))
    {
        let (stem, _) = file.path.rsplit_once('.').unwrap_or((&file.path, ""));
        if let Some(name) = stem.split('/').find(|part| NAMES.contains(part)) {
            findings.push(Finding::in_file(file, says_nothing(name)));
        }
        for (number, line) in file.lines() {
            if let Some(name) = inline_module(line).filter(|name| NAMES.contains(name)) {
                findings.push(Finding::at(file, number, says_nothing(name)));
            }
        }
    }
    findings
}

fn says_nothing(name: &str) -> String {
    format!("the name {name} says nothing: name what is in it")
}

/// The name in `mod name {`.
fn inline_module(line: &str) -> Option<&str> {
    let (before, name) = line.strip_suffix(" {")?.rsplit_once(' ')?;
    (before.ends_with("mod")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check};

    #[test]
    fn names_that_say_nothing_are_found() {
        for (path, text) in [
            ("a/src/utils.rs", ""),
            ("a/tests/common/mod.rs", ""),
            ("web/src/helpers/time.ts", ""),
            ("a/src/lib.rs", "pub mod helpers {\n}\n"),
        ] {
            assert_eq!(check(&[SourceFile::new(path, text)]).len(), 1, "{path}");
        }
    }

    #[test]
    fn names_that_say_something_are_fine() {
        let file = SourceFile::new("a/src/common_prefix.rs", "mod tests {\n}\n");
        assert!(check(&[file]).is_empty());
    }
}

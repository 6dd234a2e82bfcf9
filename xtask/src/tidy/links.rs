//! A link in the documentation leads somewhere.

use std::collections::BTreeSet;

use super::{Finding, SourceFile};

/// Finds links from Markdown to files of this repository that are not there.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut places: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        places.insert(&file.path);
        let folders = file
            .path
            .match_indices('/')
            .map(|(end, _)| &file.path[..end]);
        places.extend(folders);
    }
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["md"])) {
        for (number, line) in prose_of(file) {
            for link in links_in(line) {
                let place = resolve(&file.path, link);
                if !place.is_some_and(|place| place.is_empty() || places.contains(place.as_str())) {
                    findings.push(Finding::at(file, number, format!("{link} leads nowhere")));
                }
            }
        }
    }
    findings
}

/// The lines outside of code blocks.
fn prose_of(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    file.lines().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of `[text](target)` that name a file: no addresses, and without the `#part`.
fn links_in(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split_once('#').map_or(target, |(place, _)| place))
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The path from the root of what `link` in the file at `from` names; `None` above the root.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check};

    fn problems(text: &str) -> Vec<String> {
        let files = [
            SourceFile::new("docs/guide.md", text),
            SourceFile::new("docs/protocol.md", ""),
            SourceFile::new("crates/core/src/lib.rs", ""),
        ];
        check(&files)
            .into_iter()
            .map(|finding| finding.problem)
            .collect()
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_found() {
        let found = problems("See [this](protocol.md) and [that](gone.md#part).");
        assert_eq!(found, ["gone.md leads nowhere"]);
        assert_eq!(problems("[out](../../secret.md)").len(), 1);
    }

    #[test]
    fn addresses_parts_folders_and_code_are_fine() {
        let text = "[a](https://example.com/x) [b](#part) [c](../crates/core) [d](protocol.md#x)\n\
                    ```rust\nlet x = y[1](gone);\n```\n";
        assert_eq!(problems(text), Vec::<String>::new());
    }
}

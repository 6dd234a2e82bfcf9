//! A file that no module names is not compiled, and nobody notices when it rots.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::Metadata;

use super::{Finding, SourceFile};

/// Where the targets of the workspace begin, as paths from its root.
pub(super) fn roots_of(metadata: &Metadata) -> Vec<String> {
    let workspace = &metadata.workspace_root;
    let packages = metadata.workspace_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    targets
        .filter_map(|target| target.src_path.strip_prefix(workspace).ok())
        .map(ToString::to_string)
        .collect()
}

/// Finds `.rs` files that no chain of `mod` items reaches from a target.
pub(super) fn check(roots: &[String], files: &[SourceFile]) -> Vec<Finding> {
    let sources: BTreeMap<&str, &SourceFile> = files
        .iter()
        .filter(|file| file.has_extension(&["rs"]))
        .map(|file| (file.path.as_str(), file))
        .collect();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<(String, bool)> = roots.iter().map(|root| (root.clone(), true)).collect();
    while let Some((path, is_root)) = waiting.pop() {
        let Some(file) = sources.get(path.as_str()) else {
            continue;
        };
        if reached.insert(path.clone()) {
            let children = children_of(file, is_root);
            waiting.extend(children.into_iter().map(|child| (child, false)));
        }
    }
    sources
        .into_values()
        .filter(|file| !reached.contains(&file.path))
        .map(|file| Finding::in_file(file, "no module or target reaches it: name it or remove it"))
        .collect()
}

/// The paths at which the modules that `file` names may be. Those that do not exist are harmless.
fn children_of(file: &SourceFile, is_root: bool) -> Vec<String> {
    let path = Path::new(&file.path);
    let beside = path.parent().unwrap_or(Path::new(""));
    let folder = if is_root || path.ends_with("mod.rs") {
        beside.to_path_buf()
    } else {
        path.with_extension("")
    };
    let mut children = Vec::new();
    for (_, line) in file.lines() {
        let line = line.trim();
        if let Some(name) = named_module(line) {
            children.push(folder.join(format!("{name}.rs")));
            children.push(folder.join(name).join("mod.rs"));
        } else if let Some(place) = named_path(line) {
            children.push(beside.join(place));
        }
    }
    children
        .iter()
        .filter_map(|child| child.to_str().map(str::to_owned))
        .collect()
}

/// The name in `mod name;`, with any visibility before it.
fn named_module(line: &str) -> Option<&str> {
    let item = line.strip_suffix(';')?;
    let (before, name) = item
        .rsplit_once(' ')
        .map(|(before, name)| (before.trim(), name))?;
    let is_module = before == "mod" || (before.starts_with("pub") && before.ends_with(" mod"));
    is_module.then_some(name)
}

/// The place in `#[path = "place"]`.
fn named_path(line: &str) -> Option<&str> {
    line.strip_prefix("#[path = \"")?.strip_suffix("\"]")
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check};

    fn unreached(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<SourceFile> = files
            .iter()
            .map(|(path, text)| SourceFile::new(path, text))
            .collect();
        let roots = ["a/src/lib.rs".to_owned(), "a/tests/all.rs".to_owned()];
        check(&roots, &files)
            .into_iter()
            .map(|finding| finding.path)
            .collect()
    }

    #[test]
    fn a_file_that_no_module_names_is_found() {
        let found = unreached(&[
            ("a/src/lib.rs", "mod used;\n// mod unused;\n"),
            ("a/src/used.rs", ""),
            ("a/src/unused.rs", ""),
        ]);
        assert_eq!(found, ["a/src/unused.rs"]);
    }

    #[test]
    fn modules_are_followed_into_folders_and_tests() {
        let found = unreached(&[
            ("a/src/lib.rs", "pub mod one;\npub(crate) mod two;\n"),
            ("a/src/one.rs", "mod inner;"),
            ("a/src/one/inner.rs", ""),
            ("a/src/two/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("a/src/two/tests.rs", ""),
            ("a/tests/all.rs", "#[path = \"world/model.rs\"]\nmod model;"),
            ("a/tests/world/model.rs", ""),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}

//! The files that the rules look at.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// A text file of the repository.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    /// Where it is, from the root of the workspace, with `/` between the parts.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

impl SourceFile {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether the name ends in one of these, given without the dot.
    pub(super) fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension();
        extension.is_some_and(|extension| extensions.iter().any(|one| extension == *one))
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// The files of the repository, those about to be added too; what is not text is left out.
pub(super) fn tracked_files(root: &Path) -> Result<Vec<SourceFile>> {
    let list = shell::capture(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
    .context("tidy looks at the files that git knows")?;
    let mut files = Vec::new();
    for path in list.split_terminator('\0') {
        let Ok(bytes) = fs::read(root.join(path)) else {
            continue; // listed by git, but deleted or a link to nothing
        };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(SourceFile {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

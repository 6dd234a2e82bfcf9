//! `cargo xtask tidy`: the rules of this repository that no compiler knows, one file each.
//!
//! A rule is a function from the tracked files (or from cargo's metadata) to [`Finding`]s, so that its test
//! can show it a tree that breaks it.

mod edges;
mod leftovers;
mod length;
mod links;
mod machine;
mod names;
mod reach;
mod tree;
mod words;

use std::fmt;

use anyhow::{Result, bail};

use crate::shell;
use tree::SourceFile;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// The file, from the root of the workspace.
    path: String,
    /// The line, from 1, if the rule is about one.
    line: Option<usize>,
    /// What is wrong and what to do.
    problem: String,
}

impl Finding {
    fn in_file(file: &SourceFile, problem: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line: None,
            problem: problem.into(),
        }
    }

    fn at(file: &SourceFile, line: usize, problem: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::in_file(file, problem)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.path, self.problem),
            None => write!(formatter, "{}: {}", self.path, self.problem),
        }
    }
}

/// Checks every rule and prints what breaks one.
pub(crate) fn run() -> Result<()> {
    let metadata = shell::metadata()?;
    let files = tree::tracked_files(&shell::root())?;
    let findings: Vec<Finding> = [
        edges::check(&edges::edges_of(&metadata)),
        length::check(&files),
        reach::check(&reach::roots_of(&metadata), &files),
        leftovers::check(&files),
        names::check(&files),
        links::check(&files),
        machine::check(&files),
    ]
    .into_iter()
    .flatten()
    .collect();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    bail!("{} places break a rule of this repository", findings.len())
}

//! The documents about the protocol say what the code does.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod asyncapi;
mod page;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// Every frame (`"frame"`) or body (`"body"`) of the golden files in a folder.
fn golden(folder: &str, field: &str) -> Vec<Value> {
    let folder = root().join("crates/protocol/golden").join(folder);
    let mut values = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        values.extend(cases.into_iter().map(|case| case[field].clone()));
    }
    values
}

//! `cargo xtask ci`: `test`, and the licences, advisories and bans of deny.toml.

use anyhow::Result;

use crate::{shell, test};

/// Runs the checks, then cargo-deny where it is installed.
pub(crate) fn run() -> Result<()> {
    test::run()?;
    test::headline("dependencies");
    if !shell::answers(shell::cargo().arg("deny"), "--version") {
        println!("skipped; to run it: cargo install --locked cargo-deny");
        return Ok(());
    }
    shell::run(shell::cargo().args(["deny", "check"]))
}

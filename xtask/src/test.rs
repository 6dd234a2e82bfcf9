//! `cargo xtask test`: everything that must hold before a change lands.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::{install, shell, tidy};

/// One thing to check: a headline, and the work, which prints what it finds.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: &[Check] = &[
    ("formatting", || {
        shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
    }),
    ("tidiness", tidy::run),
    ("lints", || {
        shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets"]))
    }),
    ("tests", || {
        shell::run(shell::cargo().args(["test", "--workspace", "--no-fail-fast"]))
    }),
    ("documentation", || {
        shell::run(shell::cargo().env("RUSTDOCFLAGS", "-D warnings").args([
            "doc",
            "--workspace",
            "--no-deps",
        ]))
    }),
];

/// Installs what is missing, runs every check, and ends with one line that says how it went.
pub(crate) fn run() -> Result<()> {
    headline("tools");
    install::rust_tools()?;
    install::services();
    run_checks(CHECKS)
}

/// Runs every check, also after one has failed: a slip in formatting must not hide a broken test.
fn run_checks(checks: &[Check]) -> Result<()> {
    let begin = Instant::now();
    let mut failed = Vec::new();
    for (name, check) in checks {
        headline(name);
        if let Err(error) = check() {
            println!("{name}: {error:#}");
            failed.push(*name);
        }
    }
    headline("summary");
    let seconds = begin.elapsed().as_secs();
    let passed = checks.len() - failed.len();
    if failed.is_empty() {
        println!("all {passed} checks passed in {seconds} s");
        return Ok(());
    }
    let failed = failed.join(", ");
    bail!(
        "{passed} of {} checks passed in {seconds} s; failed: {failed}",
        checks.len()
    );
}

/// Prints a line that is easy to find in a long log.
pub(crate) fn headline(name: &str) {
    println!("\n━━━ {name} ━━━");
}

#[cfg(test)]
mod tests {
    use super::run_checks;
    use anyhow::bail;

    #[test]
    fn the_summary_names_every_check_that_failed() {
        let ended = run_checks(&[
            ("first", || bail!("broken")),
            ("second", || Ok(())),
            ("third", || bail!("broken too")),
        ]);
        let summary = ended.unwrap_err().to_string();
        assert!(summary.starts_with("1 of 3 checks passed"), "{summary}");
        assert!(summary.ends_with("failed: first, third"), "{summary}");
    }

    #[test]
    fn it_succeeds_when_every_check_does() {
        assert!(run_checks(&[("only", || Ok(()))]).is_ok());
    }
}

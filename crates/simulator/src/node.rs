//! The real program, run as an operator would, killed as an operator never would.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a program may take until it accepts connections, or until it has stopped after SIGTERM.
const PATIENCE: Duration = Duration::from_mins(1);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// What comes before `serve`, where `program` is a tool that runs another.
    pub arguments: Vec<OsString>,
    /// The configuration file's text (TOML).
    pub config: String,
    /// Where its temporary directory is made; `None` is the system's place for them.
    pub parent: Option<PathBuf>,
}

impl Launch {
    /// Runs `program` itself with this configuration.
    pub fn new(program: impl Into<PathBuf>, config: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            config: config.into(),
            parent: None,
        }
    }
}

/// Where a server that comes back listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On a free port; clients have to be led there.
    AnyPort,
    /// Where it did before.
    SamePort,
}

/// A server in a directory of its own, which goes away with it.
#[derive(Debug)]
pub struct Node {
    // Before the directory, so that it is dropped, and the program killed, first.
    running: Option<Child>,
    address: SocketAddr,
    launch: Launch,
    directory: TempDir,
}

impl Node {
    /// Starts a server with an empty data directory and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When it does not start, with what it wrote to stderr.
    pub async fn start(launch: Launch) -> anyhow::Result<Self> {
        let directory = match &launch.parent {
            Some(parent) => TempDir::with_prefix_in("tidemark-", parent),
            None => TempDir::with_prefix("tidemark-"),
        }
        .context("cannot make a directory for the server")?;
        std::fs::write(directory.path().join("tidemark.toml"), &launch.config)
            .context("cannot write the server's configuration")?;
        let mut node = Self {
            running: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            launch,
            directory,
        };
        node.restart(Listen::AnyPort).await?;
        Ok(node)
    }

    /// Where it listens, or did last.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Its process, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().and_then(Child::id)
    }

    /// Kills it as a power cut would end it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the system cannot.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.running.take() {
            child.kill().await.context("cannot kill the server")?;
        }
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not run or does not stop in time.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        let mut child = self.running.take().context("the server does not run")?;
        let process = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .context("the server has stopped before it was asked to")?;
        kill_process(process, Signal::TERM).context("cannot signal the server")?;
        let ended = timeout(PATIENCE, child.wait())
            .await
            .context("the server does not stop")?;
        Ok(ended?)
    }

    /// Starts it again on the data that it left, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When it runs already or does not start, with what it wrote to stderr.
    pub async fn restart(&mut self, listen: Listen) -> anyhow::Result<()> {
        if self.running.is_some() {
            bail!("the server runs already");
        }
        let address = match listen {
            Listen::AnyPort => SocketAddr::new(self.address.ip(), 0),
            Listen::SamePort => self.address,
        };
        let mut child = self.spawn(address)?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => bail!("the server stopped before it accepted:\n{}", self.log()),
            Err(_) => bail!("the server does not accept in time:\n{}", self.log()),
        };
        self.address = address_in(&line)
            .ok_or_else(|| anyhow!("the server printed no address but: {line}"))?;
        // A program whose stdout nobody reads would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.running = Some(child);
        Ok(())
    }

    /// The last of what it wrote to stderr, over all of its runs.
    pub fn log(&self) -> String {
        const BYTES_MAX: usize = 4 * 1024;
        let written = std::fs::read(self.log_path()).unwrap_or_default();
        let tail = &written[written.len().saturating_sub(BYTES_MAX)..];
        String::from_utf8_lossy(tail).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("stderr.log")
    }

    fn spawn(&self, listen: SocketAddr) -> anyhow::Result<Child> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .context("cannot keep the server's log")?;
        Command::new(&self.launch.program)
            .args(&self.launch.arguments)
            .arg("serve")
            .arg("--config")
            .arg(self.directory.path().join("tidemark.toml"))
            .arg("--listen")
            .arg(listen.to_string())
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", self.launch.program.display()))
    }
}

/// The address in the line that a server prints when it accepts.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.split_whitespace()
        .map(|word| word.strip_prefix("http://").unwrap_or(word))
        .find_map(|word| word.trim_end_matches('/').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that stands in for the server: a shell script that is given the server's arguments.
    fn script(text: &str) -> Launch {
        Launch {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".into(), text.into(), "server".into()],
            config: "listen = \"127.0.0.1:1\"\n".to_owned(),
            parent: None,
        }
    }

    /// Counts its runs in its data directory and stops when it is asked to.
    const COUNTING: &str = r#"
        mkdir -p "$7"; echo run >> "$7/runs"
        trap 'exit 7' TERM
        echo "listening on http://127.0.0.1:$(wc -l < "$7/runs" | tr -d ' ')"
        while :; do sleep 0.02; done
    "#;

    #[test]
    fn the_address_is_found_however_it_is_worded() {
        let address = Some("127.0.0.1:8080".parse().unwrap());
        assert_eq!(address_in("127.0.0.1:8080"), address);
        assert_eq!(address_in("listening on http://127.0.0.1:8080/"), address);
        assert_eq!(address_in("starting"), None);
    }

    #[tokio::test]
    async fn a_killed_server_comes_back_on_its_data() {
        let mut node = Node::start(script(COUNTING)).await.unwrap();
        assert_eq!(node.address().port(), 1);
        node.kill().await.unwrap();
        assert_eq!(node.process_id(), None);
        node.restart(Listen::SamePort).await.unwrap();
        assert_eq!(node.address().port(), 2);
        let runs = std::fs::read_to_string(node.data().join("runs")).unwrap();
        assert_eq!(runs, "run\nrun\n");
    }

    #[tokio::test]
    async fn a_server_is_asked_to_stop_and_its_exit_code_is_known() {
        let mut node = Node::start(script(COUNTING)).await.unwrap();
        assert_eq!(node.terminate().await.unwrap().code(), Some(7));
        assert!(node.terminate().await.is_err());
    }

    #[tokio::test]
    async fn the_directory_goes_away_with_the_node() {
        let node = Node::start(script(COUNTING)).await.unwrap();
        let data = node.data();
        assert!(data.exists());
        drop(node);
        assert!(!data.exists());
    }

    #[tokio::test]
    async fn a_server_that_does_not_start_says_why() {
        let failed = Node::start(script("echo 'the port is taken' >&2; exit 1")).await;
        let words = format!("{:#}", failed.unwrap_err());
        assert!(words.contains("the port is taken"), "{words}");
    }
}

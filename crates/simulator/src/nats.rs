//! Real NATS servers for tests: on loopback, gone with the process that started them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::supervised::{Supervised, free_port, until_it_accepts};

/// What tells a cluster from another.
const CLUSTER: &str = "tidemark";

/// A NATS server.
#[derive(Debug)]
pub struct Nats {
    // Before the directory, so that the server is gone before its files.
    running: Option<Supervised>,
    directory: TempDir,
    program: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
}

/// Where `cargo xtask test` puts the program: beside `tests`, which is what cargo gives tests to write in.
pub fn program_beside(tests: &str) -> PathBuf {
    Path::new(tests).with_file_name("nats-server/bin/nats-server")
}

fn check(program: &Path) -> anyhow::Result<()> {
    if !program.exists() {
        bail!("there is no NATS server; `cargo xtask test` installs it");
    }
    Ok(())
}

/// How servers of a cluster reach one of them.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Where it listens for the others.
    pub listens: SocketAddr,
    /// Where the others find it: the same, or a proxy.
    pub found: SocketAddr,
}

impl Nats {
    /// Starts a server with these arguments beside the usual ones.
    ///
    /// # Errors
    ///
    /// When the program is missing or the server does not start.
    pub fn start(program: &Path, arguments: Vec<String>) -> anyhow::Result<Self> {
        check(program)?;
        Self::start_in(program, TempDir::with_prefix("tidemark-nats-")?, arguments)
    }

    fn start_in(
        program: &Path,
        directory: TempDir,
        arguments: Vec<String>,
    ) -> anyhow::Result<Self> {
        let mut server = Self {
            running: None,
            directory,
            program: program.to_owned(),
            arguments,
            address: ([127, 0, 0, 1], free_port()?).into(),
        };
        server.restart()?;
        Ok(server)
    }

    /// The same with the program that `cargo xtask test` put beside `tests`, which is what cargo gives tests to write in.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_beside(tests: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        Self::start(&program_beside(tests), arguments.collect())
    }

    /// Starts a server that keeps streams (`JetStream`), with the program that is beside `tests`. What they hold outlives
    /// [`kill`](Self::kill).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with_streams_beside(tests: &str) -> anyhow::Result<Self> {
        let program = program_beside(tests);
        check(&program)?;
        let directory = TempDir::with_prefix("tidemark-nats-")?;
        let streams = directory.path().join("streams").display().to_string();
        let arguments = ["--jetstream", "--store_dir", &streams].map(str::to_owned);
        Self::start_in(&program, directory, arguments.to_vec())
    }

    /// Starts the server of a cluster that is at `routes[this]`. None of them tells clients of the others.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_in_cluster(program: &Path, routes: &[Route], this: usize) -> anyhow::Result<Self> {
        let others = routes
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != this);
        let others: Vec<_> = others
            .map(|(_, route)| format!("nats://{}", route.found))
            .collect();
        let Route { listens, found } = routes[this];
        let arguments = [
            "--cluster_name",
            CLUSTER,
            "--cluster",
            &format!("nats://{listens}"),
            "--cluster_advertise",
            &found.to_string(),
            "--routes",
            &others.join(","),
            "--no_advertise",
        ];
        Self::start(program, arguments.map(str::to_owned).to_vec())
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let running = self.running.take().context("the server does not run")?;
        running.stop("KILL")
    }

    /// Starts it where it was, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When it runs already or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        if self.running.is_some() {
            bail!("the server runs already");
        }
        let log = self.directory.path().join("server.log");
        let port = self.address.port().to_string();
        let mut arguments = vec!["--addr", "127.0.0.1", "--port", &port];
        arguments.extend(self.arguments.iter().map(String::as_str));
        self.running = Some(Supervised::start(
            &self.program,
            &arguments,
            "KILL",
            self.directory.path(),
            &log,
            None,
        )?);
        until_it_accepts(self.address, &log)
    }
}

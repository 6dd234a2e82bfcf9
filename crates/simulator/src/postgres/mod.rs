//! A real PostgreSQL for tests: in a temporary directory, on loopback, gone with the process that started it.

mod pooler;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::certificates::Issued;
use crate::supervised::{
    self, LOOK_AGAIN, Owner, PATIENCE, Supervised, end_of, free_port, length_of, path_text,
    written_since,
};

pub use pooler::Pooler;

/// How often to try another port, when somebody else took one between finding and using it.
const PORTS_MAX: usize = 5;

/// The superuser of the databases.
const USER: &str = "tidemark";

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Quick, and safe as long as the machine itself does not go down.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "max_connections=400",
    "shared_buffers=64MB",
    "listen_addresses=127.0.0.1",
    "wal_level=replica",
    "max_wal_senders=4",
    // A standby that lost its primary looks for it again at once, and one that went silent is noticed.
    "wal_retrieve_retry_interval=100ms",
    "wal_receiver_timeout=5s",
    "wal_sender_timeout=5s",
];

/// What a server says that ends because of another one: at its port, or of its own that is not quite gone.
const IN_THE_WAY: &[&str] = &[
    "could not create any TCP/IP sockets",
    "pre-existing shared memory block",
    "FATAL:  lock file",
];

/// A server with its own files.
#[derive(Debug)]
pub struct Postgres {
    // Before the directory, so that the server is gone before its files.
    running: Option<Supervised>,
    directory: TempDir,
    programs: PathBuf,
    owner: Option<Owner>,
    port: u16,
    settings: Vec<String>,
}

impl Postgres {
    /// Makes a new, empty server and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed or does not start; says what it said.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with settings such as `fsync=on` beside the usual ones.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        let settings = SETTINGS.iter().chain(settings);
        Self::place(settings.map(|&setting| setting.to_owned()).collect())?.started()
    }

    /// The same with encrypted connections, for those who want them.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_encrypted(certificate: &Issued) -> anyhow::Result<Self> {
        let settings = SETTINGS.iter().chain(&["ssl=on"]);
        let mut server = Self::place(settings.map(|&setting| setting.to_owned()).collect())?;
        for (setting, source) in [
            ("ssl_cert_file", &certificate.certificate),
            ("ssl_key_file", &certificate.key),
        ] {
            // The server reads only what is its own and nobody else's.
            let copy = server.directory.path().join(setting);
            fs::copy(source, &copy)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
            supervised::give(&copy, server.owner)?;
            let copy = path_text(&copy)?;
            server.settings.push(format!("{setting}={copy}"));
        }
        server.started()
    }

    fn started(self) -> anyhow::Result<Self> {
        let mut server = self;
        let data = server.data();
        server.run(
            "initdb",
            &[
                "--no-sync",
                "--no-instructions",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--username",
                USER,
                "--pgdata",
                path_text(&data)?,
            ],
        )?;
        server.start_on_new_port()?;
        Ok(server)
    }

    /// Makes a standby that follows `self`, and waits until it accepts connections. From then on `self`
    /// confirms no commit that the standby does not have.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn standby(&self) -> anyhow::Result<Self> {
        self.standby_at(None, self.address())
    }

    /// The same with a port to listen on, unless any will do, and with another way to `self`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn standby_at(&self, port: Option<u16>, way: SocketAddr) -> anyhow::Result<Self> {
        let mut standby = Self::place(self.settings.clone())?;
        let data = standby.data();
        standby.run(
            "pg_basebackup",
            &[
                "--host=127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--username",
                USER,
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                "--pgdata",
                path_text(&data)?,
            ],
        )?;
        let mut settings = fs::File::options()
            .append(true)
            .open(data.join("postgresql.auto.conf"))?;
        let (host, through) = (way.ip(), way.port());
        writeln!(
            settings,
            "primary_conninfo = 'host={host} port={through} user={USER}'"
        )?;
        match port {
            Some(port) => {
                standby.port = port;
                standby.restart()?;
            }
            None => standby.start_on_new_port()?,
        }
        let wait = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        self.query("postgres", wait)?;
        self.query("postgres", "SELECT pg_reload_conf()")?;
        Ok(standby)
    }

    /// Makes a standby a server that takes writes.
    ///
    /// # Errors
    ///
    /// When it is none, or is not promoted.
    pub fn promote(&self) -> anyhow::Result<()> {
        let promoted = self.query("postgres", "SELECT pg_promote()")?;
        if promoted != "t" {
            bail!("the standby was not promoted");
        }
        Ok(())
    }

    /// Makes an empty database.
    ///
    /// # Errors
    ///
    /// When the server does not run or has one with this name.
    pub fn create_database(&self, name: &str) -> anyhow::Result<()> {
        self.query("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Where a database is.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Where a database is that either of two servers may have.
    pub fn url_with(&self, other: &Self, database: &str) -> String {
        url_of(&[self.address(), other.address()], database)
    }

    /// Runs SQL in a database; what it returns, as psql prints it without decoration.
    ///
    /// # Errors
    ///
    /// What the server said.
    pub fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER])
            .args(["-d", database, "-c", sql])
            .output()
            .context("cannot run psql")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Ends the server as a crash would: nothing is flushed, every session is cut off.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.end("QUIT")
    }

    /// Kills the process that the others of the server belong to (SIGKILL); they end when they notice.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.end("KILL")
    }

    fn end(&mut self, signal: &str) -> anyhow::Result<()> {
        let running = self.running.take().context("the server does not run")?;
        running.stop(signal)
    }

    /// Starts a server that has ended, where it was, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// When it runs already or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        if self.running.is_some() {
            bail!("the server runs already");
        }
        // What is left of a server that was killed may be in the way for a moment.
        let deadline = Instant::now() + PATIENCE;
        while !self.try_start()? {
            if Instant::now() > deadline {
                bail!("the server did not start:\n{}", self.log());
            }
            sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// The last of what the server wrote.
    pub fn log(&self) -> String {
        end_of(&self.log_path())
    }

    fn place(settings: Vec<String>) -> anyhow::Result<Self> {
        let owner = Owner::find()?;
        let directory = TempDir::with_prefix("tidemark-postgres-")
            .context("cannot make a directory for the server")?;
        supervised::give(directory.path(), owner)?;
        Ok(Self {
            running: None,
            directory,
            programs: programs()?,
            owner,
            port: 0,
            settings,
        })
    }

    fn start_on_new_port(&mut self) -> anyhow::Result<()> {
        for _ in 0..PORTS_MAX {
            self.port = free_port()?;
            if self.try_start()? {
                return Ok(());
            }
        }
        bail!("the server did not start:\n{}", self.log());
    }

    fn try_start(&mut self) -> anyhow::Result<bool> {
        let (data, port) = (self.data(), self.port.to_string());
        let directory = path_text(self.directory.path())?;
        let mut arguments = vec!["-D", path_text(&data)?, "-p", &port, "-k", directory];
        for setting in &self.settings {
            arguments.extend(["-c", setting]);
        }
        let before = length_of(&self.log_path());
        let running = Supervised::start(
            &self.programs.join("postgres"),
            &arguments,
            "QUIT",
            self.directory.path(),
            &self.log_path(),
            self.owner,
        )?;
        self.running = Some(running);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.query("postgres", "SELECT 1").is_ok() {
                return Ok(true);
            }
            let said = written_since(&self.log_path(), before);
            if IN_THE_WAY.iter().any(|reason| said.contains(reason)) {
                break;
            }
            sleep(LOOK_AGAIN);
        }
        if let Some(running) = self.running.take() {
            running.stop("QUIT")?;
        }
        Ok(false)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let output = supervised::command(self.programs.join(program), self.owner)
            .args(arguments)
            .current_dir(self.directory.path())
            .output()
            .with_context(|| format!("cannot run {program}"))?;
        if !output.status.success() {
            bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }
}

/// The programs of the newest PostgreSQL that is installed.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path(),
            ))
        })
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, programs)| programs.join("initdb").exists())
        .max();
    match newest {
        Some((_, programs)) => Ok(programs),
        None => bail!("PostgreSQL is not installed; `cargo xtask test` installs it on Debian"),
    }
}

/// Where a database is that any of several servers may have.
pub(crate) fn url_of(servers: &[SocketAddr], database: &str) -> String {
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    format!("postgres://{USER}@{}/{database}", servers.join(","))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::Postgres;

    fn process_runs(id: &str) -> bool {
        Command::new("kill")
            .args(["-0", id])
            .output()
            .unwrap()
            .status
            .success()
    }

    #[test]
    fn a_server_keeps_what_was_committed_when_it_crashes() {
        let mut server = Postgres::start().unwrap();
        server.create_database("things").unwrap();
        server
            .query("things", "CREATE TABLE thing (n int)")
            .unwrap();
        server
            .query("things", "INSERT INTO thing VALUES (7)")
            .unwrap();
        server.crash().unwrap();
        assert!(server.query("things", "SELECT 1").is_err());
        server.restart().unwrap();
        assert_eq!(server.query("things", "SELECT n FROM thing").unwrap(), "7");
    }

    #[test]
    fn a_standby_follows_and_takes_over() {
        let mut server = Postgres::start().unwrap();
        let standby = server.standby().unwrap();
        server.create_database("things").unwrap();
        server.crash().unwrap();
        standby.promote().unwrap();
        let databases = "SELECT count(*) FROM pg_database WHERE datname = 'things'";
        assert_eq!(standby.query("postgres", databases).unwrap(), "1");
    }

    #[test]
    fn a_server_that_is_killed_comes_back() {
        let mut server = Postgres::start().unwrap();
        server.create_database("things").unwrap();
        for _ in 0..3 {
            server.kill().unwrap();
            server.restart().unwrap();
            assert_eq!(server.query("things", "SELECT 1").unwrap(), "1");
        }
    }

    #[test]
    fn nothing_is_left_of_a_server_that_is_dropped() {
        let server = Postgres::start().unwrap();
        let files = server.directory.path().to_owned();
        let process = std::fs::read_to_string(files.join("data/postmaster.pid")).unwrap();
        let process = process.lines().next().unwrap();
        assert!(process_runs(process));
        drop(server);
        assert!(!files.exists());
        assert!(!process_runs(process));
    }
}

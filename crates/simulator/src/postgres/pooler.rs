//! A real PgBouncer in front of a server: each transaction may run on another connection.

use std::path::Path;

use anyhow::bail;
use tempfile::TempDir;

use super::{Postgres, USER};
use crate::supervised::{self, Owner, Supervised, free_port, path_text, until_it_accepts};

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A pooler that gives each transaction one of a few connections.
#[derive(Debug)]
pub struct Pooler {
    // Before the directory, as with the server.
    _running: Supervised,
    _directory: TempDir,
    port: u16,
}

impl Pooler {
    /// Starts one with `connections` connections for each database of `server`.
    ///
    /// # Errors
    ///
    /// When PgBouncer is not installed or does not start.
    pub fn start(server: &Postgres, connections: usize) -> anyhow::Result<Self> {
        if !Path::new(PROGRAM).exists() {
            bail!("PgBouncer is not installed; `cargo xtask test` installs it on Debian");
        }
        let owner = Owner::find()?;
        let directory = TempDir::with_prefix("tidemark-pgbouncer-")?;
        supervised::give(directory.path(), owner)?;
        let port = free_port()?;
        let (users, config) = (
            directory.path().join("users"),
            directory.path().join("pgbouncer.ini"),
        );
        std::fs::write(&users, format!("\"{USER}\" \"\"\n"))?;
        let upstream = server.port;
        std::fs::write(
            &config,
            format!(
                "[databases]\n* = host=127.0.0.1 port={upstream}\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = trust\nauth_file = {}\npool_mode = transaction\n\
                 default_pool_size = {connections}\nmax_client_conn = 200\n",
                users.display()
            ),
        )?;
        let log = directory.path().join("pgbouncer.log");
        let running = Supervised::start(
            Path::new(PROGRAM),
            &[path_text(&config)?],
            "TERM",
            directory.path(),
            &log,
            owner,
        )?;
        until_it_accepts(([127, 0, 0, 1], port).into(), &log)?;
        Ok(Self {
            _running: running,
            _directory: directory,
            port,
        })
    }

    /// Where a database is, through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }
}

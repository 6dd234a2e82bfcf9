//! A real HAProxy in front of several servers, as an operator has it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::bail;
use tempfile::TempDir;

use crate::supervised::{Supervised, free_port, path_text, until_it_accepts};

const PROGRAM: &str = "/usr/sbin/haproxy";

/// New connections go to the server with the fewest, and to none that is not ready. A socket may be silent for
/// longer than a request: the server's own heartbeat ends it first.
const SETTINGS: &str = "\
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    retries 3
    option redispatch
    option forwardfor
backend gateways
    balance leastconn
    option httpchk GET /ready
    default-server check inter 500ms fastinter 200ms fall 2 rise 1 observe layer4 error-limit 2 on-error mark-down
";

/// A load balancer.
#[derive(Debug)]
pub struct Balancer {
    // Before the directory, so that it is gone before its files.
    _running: Supervised,
    _directory: TempDir,
    address: SocketAddr,
}

impl Balancer {
    /// Starts one in front of `servers`, on a port that is free unless it is given.
    ///
    /// # Errors
    ///
    /// When HAProxy is not installed or does not start.
    pub fn start(servers: &[SocketAddr], port: Option<u16>) -> anyhow::Result<Self> {
        if !Path::new(PROGRAM).exists() {
            bail!("HAProxy is not installed; `cargo xtask test` installs it on Debian");
        }
        let directory = TempDir::with_prefix("tidemark-haproxy-")?;
        let port = match port {
            Some(port) => port,
            None => free_port()?,
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut config = SETTINGS.to_owned();
        for (number, server) in servers.iter().enumerate() {
            writeln!(config, "    server gateway{number} {server}")?;
        }
        writeln!(
            config,
            "frontend clients\n    bind {address}\n    default_backend gateways"
        )?;
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, config)?;
        let log = directory.path().join("haproxy.log");
        let running = Supervised::start(
            Path::new(PROGRAM),
            &["-db", "-f", path_text(&file)?],
            "TERM",
            directory.path(),
            &log,
            None,
        )?;
        until_it_accepts(address, &log)?;
        Ok(Self {
            _running: running,
            _directory: directory,
            address,
        })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

//! A NATS server of a test's own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::world::eventually;

/// Killed with this value.
pub(crate) struct NatsServer {
    port: u16,
    arguments: Vec<String>,
    process: Child,
}

impl NatsServer {
    /// One on a free port; nothing where `cargo xtask test` has not put a server yet.
    pub(crate) async fn start(arguments: &[&str]) -> Option<Self> {
        if !program().exists() {
            let missing = "there is no NATS server: `cargo xtask test` installs it";
            assert!(
                !std::env::var("CI").is_ok_and(|value| value == "true"),
                "{missing}"
            );
            eprintln!("skipped: {missing}");
            return None;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
        let process = run(port, &arguments);
        let server = Self {
            port,
            arguments,
            process,
        };
        server.answers().await;
        Some(server)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Runs it again, on the same port.
    pub(crate) async fn run_again(&mut self) {
        self.kill();
        self.process = run(self.port, &self.arguments);
        self.answers().await;
    }

    async fn answers(&self) {
        eventually(async || TcpStream::connect(self.address()).is_ok()).await;
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `cargo xtask test` puts it: beside what cargo gives tests to write in.
fn program() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().expect("it is in the target directory");
    target.join("nats-server/bin/nats-server")
}

fn run(port: u16, arguments: &[String]) -> Child {
    Command::new(program())
        .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts")
}

//! A NATS server of a test's own, with what it is configured to demand.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::eventually;

/// Killed with this value.
pub(crate) struct NatsServer {
    port: u16,
    process: Child,
}

impl NatsServer {
    /// One on a free port; nothing where `cargo xtask test` has not put a server yet.
    pub(crate) async fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Option<Self> {
        let program = program();
        if !program.exists() {
            let missing = "there is no NATS server: `cargo xtask test` installs it";
            let is_required = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_required, "{missing}");
            eprintln!("skipped: {missing}");
            return None;
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { port, process };
        eventually("NATS listens", || {
            TcpStream::connect(server.address()).is_ok()
        })
        .await;
        Some(server)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `cargo xtask test` puts it: beside what cargo gives tests to write in.
fn program() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().expect("it is in the target directory");
    target.join("nats-server/bin/nats-server")
}

//! The real server with `strace` looking over its shoulder.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tidemark_client::{Http, HttpError, ServerUrl};
use tidemark_simulator::node::{Launch, Node};
use tokio::time::{sleep, timeout};

use crate::trace::{TRACED, Trace};

/// Without the audit, which flushes as well to keep how far it is.
const CONFIG: &str = r#"
[audit]
enabled = false
[auth]
registration = "open"
[limits]
sends_per_second = 0
"#;

/// Longer than a page of the database, however strace spells it.
const STRING_BYTES_MAX: &str = "65536";
/// How long strace may take to write down the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose writes, flushes and answers are written down.
pub(crate) struct TracedServer {
    node: Node,
    directory: TempDir,
}

impl TracedServer {
    /// Starts one; nothing where this machine cannot trace, which is said.
    pub(crate) async fn start() -> Option<Self> {
        if let Err(why) = can_trace() {
            let is_build_server = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_build_server, "{why}");
            // Past the test runner, which keeps what passing tests print to itself.
            let _ = writeln!(std::io::stderr(), "flush order: skipped, {why}");
            return None;
        }
        let directory = TempDir::with_prefix("tidemark-trace-").unwrap();
        let mut launch = Launch::new("strace", CONFIG);
        let trace = directory.path().join("trace");
        let calls = format!("trace={}", TRACED.join(","));
        // With -D strace is the grandchild: the process that is started, and killed, is the server.
        let options = [
            "-D",
            "-f",
            "--seccomp-bpf",
            "-y",
            "-s",
            STRING_BYTES_MAX,
            "-e",
            &calls,
            "-o",
        ];
        launch.arguments.extend(options.map(Into::into));
        launch.arguments.push(trace.into());
        launch.arguments.push(env!("CARGO_BIN_EXE_tidemark").into());
        let node = Node::start(launch).await.unwrap();
        Some(Self { node, directory })
    }

    /// Calls of nobody yet.
    pub(crate) fn http(&self) -> Http {
        let url = ServerUrl::parse(&format!("http://{}", self.node.address())).unwrap();
        Http::new(url, None).unwrap()
    }

    /// Leaves a mark in the trace: a request for a path that does not exist, on a connection of its own.
    pub(crate) async fn mark(&self, name: &str) {
        let prefix = format!("http://{}/{name}", self.node.address());
        let url = ServerUrl::parse(&prefix).unwrap();
        let answer = Http::new(url, None).unwrap().me().await;
        assert!(
            matches!(answer, Err(HttpError::Refused { .. })),
            "{answer:?}"
        );
    }

    /// Kills the server and reads what was written down.
    pub(crate) async fn stop(mut self) -> Trace {
        let process = self.node.process_id().unwrap();
        self.node.kill().await.unwrap();
        let process = process.to_string();
        let is_end = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(&*process) && words.next() == Some("+++")
        };
        let path = self.directory.path().join("trace");
        let complete = async {
            loop {
                // What the server read and wrote is anything, but strace escapes what is not ASCII.
                let text = std::fs::read_to_string(&path).unwrap();
                if text.lines().any(is_end) {
                    return text;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let text = timeout(PATIENCE, complete).await;
        Trace::parse(&text.expect("strace does not come to an end"))
    }
}

fn can_trace() -> Result<(), String> {
    let tried = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .output();
    match tried {
        Err(error) => Err(format!("strace cannot be run: {error}")),
        Ok(output) if !output.status.success() => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(format!("strace cannot trace here: {}", words.trim()))
        }
        Ok(_) => Ok(()),
    }
}

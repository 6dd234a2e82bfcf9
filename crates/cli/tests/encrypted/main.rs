//! Encrypted and authenticated ways to the store and to the bus, by the real program: what is trusted works, what is
//! not is refused with a sentence that helps.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod bus;
mod store;

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use tidemark_simulator::node::{Launch, Node};

/// Nothing here takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program with this configuration; what the system trusts is this file alone, if there is one.
fn launch(config: &str, trusted: Option<&Path>) -> Launch {
    let program = env!("CARGO_BIN_EXE_tidemark");
    let mut launch = Launch::new("/usr/bin/env", config);
    if let Some(file) = trusted {
        let mut variable = OsString::from("SSL_CERT_FILE=");
        variable.push(file);
        launch.arguments.push(variable);
    }
    launch.arguments.push(program.into());
    launch
}

/// What a node that does not start says.
async fn refusal(launch: Launch) -> String {
    format!("{:#}", Node::start(launch).await.unwrap_err())
}

/// Waits until it is so.
async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never is so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

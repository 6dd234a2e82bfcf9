//! What scanners say of files, and what is said when they say nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod clamd;
mod http;

use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;
use tidemark_media::scan::{Scanner, ScannerDown, Verdict};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn file(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

async fn verdict(scanner: &dyn Scanner, bytes: &[u8]) -> Result<Verdict, ScannerDown> {
    scanner.scan(file(bytes).path()).await
}

/// A scanner that takes everything and says nothing.
async fn silent() -> (tokio::net::TcpListener, String) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn missing() -> &'static Path {
    Path::new("/nowhere/at/all")
}

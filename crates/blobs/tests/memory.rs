//! However large a blob is and however slowly it is read, the server holds little of it.
//!
//! A program of its own, because it measures itself: server, client and test are one process.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tempfile::TempDir;
use tidemark_blobs::{
    BlobKey, Blobs, ContentType, Expected, LocalBlobs, LocalConfig, Shown, Yielding, local,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::{Position, Url};

const MIB: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 256 * MIB / CHUNK;
/// Clients that ask for the whole and read nothing.
const SLOW_READERS: usize = 8;
/// What all of it may take. The smallest mistake, holding one blob once, takes five times as much.
const GROWTH_BYTES_MAX: usize = 48 * MIB;

/// The most memory that this process has had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

/// Each chunk differs from the others.
fn chunk(number: usize) -> Vec<u8> {
    let mut chunk = vec![0; CHUNK];
    chunk[..8].copy_from_slice(&number.to_be_bytes());
    chunk
}

async fn ask(url: &Url) -> TcpStream {
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let target = &url[Position::BeforePath..];
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Skips the head of an answer.
async fn skip_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn memory_does_not_grow_with_blobs_nor_with_slow_readers() {
    let files = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = LocalConfig {
        directory: files.path().to_owned(),
        secret: [7; 32],
        origins: Vec::new(),
        yielding: Yielding::default(),
    };
    let blobs = Arc::new(LocalBlobs::open(config).unwrap());
    let router = local::router(Arc::clone(&blobs), Arc::new(|_| {}));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let key = BlobKey::parse("large").unwrap();
    let expected = Expected {
        size: (CHUNKS * CHUNK) as u64,
        content_type: ContentType::unknown(),
    };
    let valid = Duration::from_hours(1);
    let signed = blobs
        .sign_upload(&key, &expected, valid, &base)
        .await
        .unwrap();
    let before = peak();
    let chunks = stream::iter((0..CHUNKS).map(|number| Ok::<_, std::io::Error>(chunk(number))));
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .put(signed.url)
        .header("content-type", expected.content_type.as_str())
        .header("content-length", expected.size)
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    let shown = Shown {
        file_name: "large".to_owned(),
        content_type: ContentType::unknown(),
        inline: false,
    };
    let signed = blobs
        .sign_download(&key, &shown, valid, &base)
        .await
        .unwrap();
    let mut slow = Vec::new();
    for _ in 0..SLOW_READERS {
        let mut stream = ask(&signed.url).await;
        // Their answers have begun, and could go on all the time that follows.
        skip_head(&mut stream).await;
        slow.push(stream);
    }
    let mut stream = ask(&signed.url).await;
    skip_head(&mut stream).await;
    let mut received = vec![0; CHUNK];
    for number in 0..CHUNKS {
        stream.read_exact(&mut received).await.unwrap();
        assert!(received == chunk(number), "{number}");
    }
    assert_eq!(stream.read(&mut received).await.unwrap(), 0);
    let growth = peak() - before;
    assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes");
}

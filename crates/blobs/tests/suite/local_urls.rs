//! URLs of local files: what is refused, and in which words.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::world::{World, bytes, code, eventually, expected};

#[tokio::test]
async fn each_refusal_says_why() {
    let world = World::local().await;
    let key = world.key("a");
    let signed = world.upload_url(&key, 5, "image/png").await;
    let put = |url: &Url, kind: &'static str, body: &'static str| {
        let request = world.http.put(url.clone()).header("content-type", kind);
        async move { code(request.body(body).send().await.unwrap()).await }
    };
    assert_eq!(put(&signed.url, "image/gif", "bytes").await, "400 invalid");
    assert_eq!(
        put(&signed.url, "image/png", "longer").await,
        "413 too_large"
    );
    assert_eq!(put(&signed.url, "image/png", "less").await, "400 invalid");
    let mut altered = signed.url.clone();
    altered.set_query(Some(
        &signed.url.query().unwrap().replace("size=5", "size=6"),
    ));
    assert_eq!(put(&altered, "image/png", "longer").await, "403 forbidden");
    altered.set_query(Some(&format!("{}&size=5", signed.url.query().unwrap())));
    assert_eq!(put(&altered, "image/png", "bytes").await, "400 invalid");
    altered.set_query(None);
    assert_eq!(put(&altered, "image/png", "bytes").await, "400 invalid");
    for path in [
        "/blobs/..%2f..%2fetc%2fpasswd",
        "/blobs/a%00b",
        "/blobs/A",
        "/blobs/a//b",
    ] {
        altered = signed.url.clone();
        altered.set_path(path);
        assert_eq!(
            put(&altered, "image/png", "bytes").await,
            "404 not_found",
            "{path}"
        );
    }
    let expired = world
        .blobs
        .sign_upload(&key, &expected(5, "image/png"), Duration::ZERO, &world.base)
        .await;
    let answer = world.send(&expired.unwrap(), "bytes").await;
    let detail: serde_json::Value = answer.json().await.unwrap();
    assert!(
        detail["detail"].as_str().unwrap().contains("expired"),
        "{detail}"
    );
    // Its length has to be said before.
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>("bytes")]);
    let answer = world
        .send(&signed, reqwest::Body::wrap_stream(stream))
        .await;
    assert_eq!(code(answer).await, "411 invalid");
    let nothing = world.get(&world.download_url(&key).await, &[]).await;
    assert_eq!(code(nothing).await, "404 not_found");
    assert!(!world.is_there(&key).await);
    assert!(world.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_secret_makes_urls_void() {
    let world = World::local().await;
    let other = tidemark_blobs::LocalBlobs::open(tidemark_blobs::LocalConfig {
        directory: world.directory(""),
        secret: [8; 32],
        origins: Vec::new(),
        yielding: tidemark_blobs::Yielding::default(),
    })
    .unwrap();
    let key = world.key("a");
    let expected = expected(5, "image/png");
    let signed = tidemark_blobs::Blobs::sign_upload(
        &other,
        &key,
        &expected,
        Duration::from_mins(1),
        &world.base,
    );
    let answer = world.send(&signed.await.unwrap(), "bytes").await;
    assert_eq!(code(answer).await, "403 forbidden");
}

#[tokio::test]
async fn the_server_is_told_of_what_arrived_once() {
    let world = World::local().await;
    let key = world.key("a");
    let signed = world.upload_url(&key, 5, "image/png").await;
    for _ in 0..2 {
        assert_eq!(world.send(&signed, "bytes").await.status(), 200);
    }
    assert_eq!(*world.arrived.lock().unwrap(), [key]);
}

/// Sends the head of an upload and a part of its body.
async fn cut(world: &World, url: &Url, size: usize, sent: &[u8]) -> TcpStream {
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let head = format!(
        "PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    eventually(async || temporary(world) == 1).await;
    stream
}

fn temporary(world: &World) -> usize {
    std::fs::read_dir(world.directory("temporary"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing() {
    let world = World::local().await;
    let (key, sent) = (world.key("a"), bytes(1_000_000));
    let signed = world.upload_url(&key, sent.len(), "image/png").await;
    let stream = cut(&world, &signed.url, sent.len(), &sent[..600_000]).await;
    assert!(!world.is_there(&key).await);
    drop(stream);
    eventually(async || temporary(&world) == 0).await;
    assert!(!world.is_there(&key).await);
    // One that is going on does not keep another from being first.
    let mut stream = cut(&world, &signed.url, sent.len(), &sent[..600_000]).await;
    assert_eq!(world.send(&signed, sent.clone()).await.status(), 200);
    stream.write_all(&vec![0; 400_000]).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200");
    assert!(world.read(&key).await == sent);
    assert_eq!(temporary(&world), 0);
}

/// Time goes on as soon as everything waits for something.
#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_is_given_up() {
    let world = World::local().await;
    let key = world.key("a");
    let signed = world.upload_url(&key, 1_000_000, "image/png").await;
    let began = tokio::time::Instant::now();
    let mut stream = cut(&world, &signed.url, 1_000_000, &bytes(600_000)).await;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    assert!(began.elapsed() >= Duration::from_secs(30));
    eventually(async || temporary(&world) == 0).await;
    assert!(!world.is_there(&key).await);
}

#[tokio::test]
async fn a_part_that_is_cut_is_in_nobodys_way() {
    let world = World::local().await;
    let key = world.key("a");
    let begun = world
        .blobs
        .begin_parts(&key, &expected(1_000_000, "image/png"), 5 << 20)
        .await;
    let upload = begun.unwrap();
    let signed = world
        .blobs
        .sign_part(&upload, 1, Duration::from_mins(1), &world.base)
        .await;
    let signed = signed.unwrap();
    // It hangs: nobody knows yet that the connection is broken.
    let hanging = cut(&world, &signed.url, 1_000_000, &vec![1; 600_000]).await;
    assert!(world.blobs.parts(&upload).await.unwrap().is_empty());
    let sent = bytes(1_000_000);
    assert_eq!(world.send(&signed, sent.clone()).await.status(), 200);
    world.blobs.finish_parts(&upload).await.unwrap();
    drop(hanging);
    eventually(async || temporary(&world) == 0).await;
    assert!(world.read(&key).await == sent);
}

#[tokio::test]
async fn other_methods_are_not_taken() {
    let world = World::local().await;
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let read = world.download_url(&key).await;
    for method in [Method::POST, Method::DELETE, Method::PATCH] {
        let answer = world.http.request(method, read.url.clone()).send().await;
        assert_eq!(answer.unwrap().status(), 405);
    }
    assert_eq!(world.read(&key).await, b"bytes");
}

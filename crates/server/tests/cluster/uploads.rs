//! Files that people of several nodes see.

use std::sync::Arc;

use reqwest::header::CONTENT_LENGTH;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::servers::{Cluster, NEVER, find};

/// A scanner that finds nothing and lets files through one at a time, when it is told to.
async fn scanner(passes: Arc<Semaphore>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let passes = Arc::clone(&passes);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                passes.acquire().await.unwrap().forget();
                let answer = r#"{"verdict":"clean"}"#;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
                let _ = connection.write_all(answer.as_bytes()).await;
                let _ = connection.shutdown().await;
            });
        }
    });
    url
}

async fn send(begun: &Value, bytes: &'static [u8]) {
    let request = reqwest::Client::new()
        .put(begun["url"].as_str().unwrap())
        .header("content-type", "text/plain")
        .header(CONTENT_LENGTH, bytes.len());
    let answer = request.body(bytes).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn whoever_sees_a_file_on_any_node_hears_when_it_is_ready() {
    let passes = Arc::new(Semaphore::new(0));
    let (scanner, shared) = (scanner(Arc::clone(&passes)).await, TempDir::new().unwrap());
    let settings = [
        NEVER,
        ("blobs.directory", shared.path().to_str().unwrap()),
        ("blobs.secret", "a secret that all of the nodes share"),
        ("uploads.scanner", &scanner),
        ("uploads.media", "false"),
    ];
    let cluster = Cluster::new(2, &settings).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let elsewhere = cluster.person("ann", 1);
    let room = ann.group(&["bob"]).await;
    let mut sockets = [
        ann.socket().await,
        elsewhere.socket().await,
        bob.socket().await,
    ];
    let new = json!({"name": "a.txt", "size": 5, "content_type": "text/plain"});
    let begun = ann.post("/v1/uploads", &new).await.expect(201);
    let id = begun["upload_id"].as_str().unwrap();
    send(&begun, b"hello").await;
    let message = json!({"client_id": Uuid::now_v7(), "text": "", "attachments": [id]});
    let path = format!("/v1/conversations/{room}/messages");
    let sent = ann.post(&path, &message).await.expect(201);
    // Nobody but its owner has it before somebody has looked.
    let url = format!("/v1/uploads/{id}/url");
    bob.get(&url).await.expect_problem(409, "conflict");
    elsewhere.get(&url).await.expect(200);
    passes.add_permits(1);
    for socket in &mut sockets {
        loop {
            let told = find(socket, "upload").await;
            let is_here = told["conversation"] == room && told["seq"] == sent["seq"];
            if is_here && told["attachment"]["state"] == "ready" {
                assert_eq!(told["attachment"]["upload_id"], id);
                break;
            }
        }
    }
    // From the node where it was not sent, too.
    let url = bob.get(&url).await.expect(200);
    let fetched = reqwest::get(url["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(fetched.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn the_owner_hears_on_all_devices_and_nobody_else_does() {
    let passes = Arc::new(Semaphore::new(1));
    let (scanner, shared) = (scanner(passes).await, TempDir::new().unwrap());
    let settings = [
        NEVER,
        ("blobs.directory", shared.path().to_str().unwrap()),
        ("blobs.secret", "a secret that all of the nodes share"),
        ("uploads.scanner", &scanner),
        ("uploads.media", "false"),
    ];
    let cluster = Cluster::new(2, &settings).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let room = ann.group(&["bob"]).await;
    let mut phone = cluster.person("ann", 1).socket().await;
    let mut his = bob.socket().await;
    let new = json!({"name": "a.txt", "size": 5, "content_type": "text/plain"});
    let begun = ann.post("/v1/uploads", &new).await.expect(201);
    send(&begun, b"hello").await;
    for state in ["scanning", "ready"] {
        let told = find(&mut phone, "upload").await;
        assert_eq!(told["attachment"]["upload_id"], begun["upload_id"]);
        assert_eq!(told["attachment"]["state"], state);
        assert_eq!(told.get("conversation"), None);
    }
    let last = ann.say(&room, "after it").await;
    loop {
        let frame = his.next().await;
        assert_ne!(frame["type"], "upload", "{frame}");
        if frame["seq"] == last {
            break;
        }
    }
}

//! Stopping: everybody is told, what was accepted is answered, and nobody holds it up.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Socket;
use crate::slow::talk;
use crate::world::{API_KEY, World, eventually, within};

#[tokio::test]
async fn every_socket_is_told_to_come_back_later() {
    let mut world = World::with(&[("drain_ms", "7000")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (mut one, mut two, mut three) = (
        ann.socket().await,
        bob.socket().await,
        world.operator().socket().await,
    );
    // Also those that have not said who they are.
    let mut new = Socket::open(world.address).await;
    let began = Instant::now();
    world.stop();
    for socket in [&mut one, &mut two, &mut three, &mut new] {
        let bye = socket.expect_close("going_away", 1001).await;
        assert_eq!(
            bye,
            json!({"type": "bye", "code": "going_away", "reconnect": true, "after_ms": 7_000})
        );
    }
    world.stopped().await;
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn what_was_handed_over_is_answered_first() {
    let (mut world, faults) = World::fragile(&[]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    faults.hold_flushes();
    let over_http = tokio::spawn({
        let (bob, group) = (bob.clone(), group.clone());
        async move { bob.say(&group, "over HTTP").await }
    });
    eventually(async || faults.batches_waiting() == 1).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.push(socket.say(&group, &format!("number {number}")).await);
    }
    sent.push(
        socket
            .ask(json!({"type": "read", "conversation": group, "seq": 2}))
            .await,
    );
    // Read to the last, so that all of it is on its way to the store.
    let id = socket.ask(json!({"type": "ping"})).await;
    assert_eq!(socket.expect("pong").await["id"], id);

    world.stop();
    // Whoever waits for nothing goes at once.
    other.expect_close("going_away", 1001).await;
    faults.release_flushes();
    let mut answered = Vec::new();
    let closed = loop {
        match socket.next_or_close().await {
            Ok(frame) if frame["type"] == "bye" => {}
            Ok(frame) if frame["id"].is_i64() => answered.push(frame["id"].as_i64().unwrap()),
            Ok(_) => {}
            Err(code) => break code,
        }
    };
    assert_eq!(closed, 1001);
    assert_eq!(answered, sent);
    assert_eq!(within(over_http).await.unwrap(), 3);
    world.stopped().await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_does_not_hold_it_up() {
    let (mut world, faults) = World::fragile(&[("drain_ms", "400")]).await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    faults.hold_flushes();
    socket.say(&group, "never durable").await;
    eventually(async || faults.batches_waiting() > 0).await;
    let began = Instant::now();
    world.stop();
    socket.expect_close("going_away", 1001).await;
    world.stopped().await;
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn clients_that_do_not_answer_do_not_hold_it_up() {
    let mut world = World::with(&[("drain_ms", "600")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let _never_answers_the_close = ann.socket().await;
    let never_reads = bob.socket().await;
    talk(&ann, &group, 600).await;
    let half_a_request = raw(&world, "GET /heal").await;
    let half_a_body = raw(
        &world,
        &format!(
            "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-length: 100\r\n\r\n{{",
            ann.token
        ),
    )
    .await;
    let idle = {
        let mut idle = TcpStream::connect(world.address).await.unwrap();
        idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).await.unwrap();
        idle
    };
    let began = Instant::now();
    world.stop();
    world.stopped().await;
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    drop((never_reads, half_a_request, half_a_body, idle));
}

#[tokio::test]
async fn whoever_waits_for_the_feed_is_answered_at_once() {
    let mut world = World::with(&[("drain_ms", "10000")]).await;
    // The second request is taken up with the answer to the first.
    let mut waiting = raw(
        &world,
        &format!(
            "GET /health HTTP/1.1\r\nhost: x\r\n\r\n\
             GET /v1/feed?wait_ms=60000 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {API_KEY}\r\n\r\n"
        ),
    )
    .await;
    let mut answer = [0; 15];
    within(waiting.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let began = Instant::now();
    world.stop();
    let mut rest = String::new();
    within(waiting.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.ends_with(r#"{"events":[],"next":0}"#), "{rest}");
    world.stopped().await;
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_stopped_server_takes_nobody_and_its_store_opens_again() {
    let world = World::new().await;
    let address = world.address;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let seq = ann.say(&group, "for later").await;
    let epoch = ann.online().await.1["epoch"].clone();
    let left = world.stopped().await;
    assert!(TcpStream::connect(address).await.is_err());
    let world = World::again(left, &[]).await;
    let (_socket, welcome) = world.person("ann").online().await;
    assert_eq!(welcome["epoch"], epoch);
    assert_eq!(welcome["conversations"][0]["head_seq"], seq);
}

async fn raw(world: &World, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

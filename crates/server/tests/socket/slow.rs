//! Clients that do not read what they are sent.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Socket, places};
use crate::world::{Person, World, eventually};

/// Together more than what the operating system keeps for a reader that is away.
const TALK: u64 = 700;
const TEXT_BYTES: usize = 16_000;

/// Says so many long things, a few at a time.
pub(crate) async fn talk(person: &Person, conversation: &str, times: u64) {
    let mut socket = person.socket().await;
    let text = "x".repeat(TEXT_BYTES);
    for turn in 0..times {
        socket.say(conversation, &text).await;
        if turn >= 20 {
            socket.find(|frame| frame["type"] == "ack").await;
        }
    }
    for _ in 0..times.min(20) {
        socket.find(|frame| frame["type"] == "ack").await;
    }
}

/// A socket whose operating system takes in little for it.
async fn narrow(person: &Person) -> Socket {
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(16 * 1024).unwrap();
    let tcp = tcp.connect(person.address).await.unwrap();
    let mut socket = Socket::over(tcp, person.address, None).await.unwrap();
    socket.say_hello(&person.token, json!({})).await;
    socket.expect("welcome").await;
    socket
}

/// Reads as a client does that wants everything: what a `head` announces, it asks for. What came of
/// other conversations.
async fn read_up_to(socket: &mut Socket, conversation: &str, end: u64) -> Vec<Value> {
    let (mut last, mut head, mut asked) = (2, 0, false);
    let mut others = Vec::new();
    while last < end {
        let frame = socket.next().await;
        if frame["conversation"] != conversation {
            others.push(frame);
            continue;
        }
        for seq in places(std::slice::from_ref(&frame), conversation) {
            // After a head, live events go on above it. Until the answer is there they are dropped: it
            // has them, too, or the next one has.
            if asked && seq > last + 1 {
                head = head.max(seq);
                continue;
            }
            assert_eq!(seq, last + 1, "{}", frame["type"]);
            last = seq;
        }
        match frame["type"].as_str().unwrap() {
            "head" => {
                head = frame["head_seq"].as_u64().unwrap();
                assert!(head > last);
                assert_eq!(frame["unread"], head - 2);
            }
            "events" => asked = false,
            _ => {}
        }
        if head > last && !asked {
            asked = true;
            let sync = json!({"type": "sync", "conversation": conversation, "after": last});
            socket.ask(sync).await;
        }
    }
    others
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_was_away_gets_everything_and_holds_up_nobody() {
    let world = World::new().await;
    let [ann, bob, cid] = world.people(["ann", "bob", "cid"]);
    let group = ann.group(&["bob", "cid"]).await;
    let quiet = bob.group(&["ann"]).await;
    let mut away = narrow(&bob).await;
    let mut present = cid.socket().await;
    let listening = tokio::spawn({
        let group = group.clone();
        async move { read_up_to(&mut present, &group, TALK + 2).await }
    });
    talk(&ann, &group, TALK).await;
    listening.await.unwrap();
    // What waits for the one who is away is bounded: the rest was dropped, as there is the log.
    assert!(world.metric("tidemark_outbox_overflows_total").await > 0.0);
    let other = ann.say(&quiet, "are you there?").await;

    let mut others = read_up_to(&mut away, &group, TALK + 2).await;
    while !others.iter().any(|frame| frame["conversation"] == quiet) {
        others.push(away.next().await);
    }
    assert_eq!(places(&others, &quiet), [other]);
    // And from here on it is live again.
    let seq = ann.say(&group, "welcome back").await;
    let event = away.find(|frame| frame["type"] == "event").await;
    assert_eq!(event["seq"], seq);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stays_away_is_given_up() {
    let world = World::with(&[("socket.write_timeout_ms", "200")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let mut away = narrow(&bob).await;
    talk(&ann, &group, TALK).await;
    eventually(async || world.metric("tidemark_sockets").await == 0.0).await;
    let why = r#"tidemark_socket_closes_total{code="slow_reader"}"#;
    assert!(world.metric(why).await >= 1.0);
    // In what it finds when it comes back, nothing is out of order, and it ends.
    let mut frames: Vec<Value> = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), async {
        while let Some(Ok(Message::Text(text))) =
            futures_util::StreamExt::next(&mut away.stream).await
        {
            frames.push(serde_json::from_str(&text).unwrap());
        }
    });
    end.await.unwrap();
    let mut last = 2;
    for frame in &frames {
        if frame["type"] == "head" {
            // Told in place of what was dropped; live events go on above it.
            last = frame["head_seq"].as_u64().unwrap();
        }
        for seq in places(std::slice::from_ref(frame), &group) {
            assert_eq!(seq, last + 1, "{}", frame["type"]);
            last = seq;
        }
    }
    let seen = places(&frames, &group).len();
    assert!(seen < usize::try_from(TALK).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_without_reading_the_answers_is_not_listened_to() {
    let world = World::with(&[("socket.write_timeout_ms", "500")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    talk(&ann, &group, 100).await;
    let mut greedy = narrow(&bob).await;
    // Each answer has about 256 KiB; a server that kept them all would hold gigabytes.
    let sync = json!({"type": "sync", "conversation": group, "after": 0}).to_string();
    let asking = async {
        for _ in 0..200_000 {
            let frame = Message::text(sync.clone());
            if futures_util::SinkExt::send(&mut greedy.stream, frame)
                .await
                .is_err()
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .unwrap();
    eventually(async || world.metric("tidemark_sockets").await == 0.0).await;
    let mut other = bob.socket().await;
    other.say(&group, "still served").await;
    other.expect("ack").await;
}

//! The golden files of what makes no sense, played on a real socket.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tidemark_server::config::Config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::world::{Ended, KEY, Socket, World};

fn golden(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/golden/refused");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn bytes_of(hexadecimal: &Value) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.as_str().unwrap().chars().collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
        .collect()
}

#[tokio::test]
async fn nonsense_is_refused_and_the_socket_lives_on() {
    let world = World::start(|_| ()).await;
    let mut socket = world.live().await;
    for case in golden("frames.json") {
        socket.send_text(case["text"].as_str().unwrap()).await;
        assert_eq!(socket.next().await, case["answer"], "{}", case["name"]);
        socket.send(json!({"type": "ping", "id": 1})).await;
        assert_eq!(socket.next().await["type"], "pong", "{}", case["name"]);
    }
}

#[tokio::test]
async fn a_hello_that_was_refused_can_be_said_again() {
    let world = World::start(|_| ()).await;
    let mut socket = world.connect().await;
    for case in golden("hellos.json") {
        socket.send_text(case["text"].as_str().unwrap()).await;
        assert_eq!(socket.next().await, case["answer"], "{}", case["name"]);
    }
    socket.send(json!({"type": "hello", "token": KEY})).await;
    assert_eq!(socket.next().await["type"], "welcome");
}

#[tokio::test]
async fn what_breaks_the_protocol_closes_the_socket_and_says_why() {
    let patient = World::start(|_| ()).await;
    let hasty = World::start(|config: &mut Config| {
        config.socket.hello_timeout = Duration::from_millis(50);
        config.socket.idle_timeout = Duration::from_millis(50);
    })
    .await;
    for case in golden("sockets.json") {
        let sends = case["sends"].as_array().unwrap();
        let is_about_time = sends.iter().any(|sent| sent.get("silence_ms").is_some());
        let world = if is_about_time { &hasty } else { &patient };
        let mut socket = world.connect().await;
        for sent in sends {
            play(&mut socket, sent).await;
        }
        let expected = Ended {
            bye: case["bye"].as_str().unwrap().to_owned(),
            close: u16::try_from(case["close"].as_u64().unwrap()).unwrap(),
        };
        assert_eq!(socket.end().await, expected, "{}", case["name"]);
    }
}

/// Silence needs no help: the end is waited for anyway.
async fn play(socket: &mut Socket, sent: &Value) {
    if let Some(text) = sent.get("text") {
        let text = text.as_str().unwrap().replace("TOKEN", KEY);
        socket.send_text(&text).await;
    } else if let Some(count) = sent.get("spaces") {
        let count = usize::try_from(count.as_u64().unwrap()).unwrap();
        socket.send_text(&" ".repeat(count)).await;
    } else if let Some(bytes) = sent.get("binary") {
        socket
            .send_message(Message::Binary(bytes_of(bytes).into()))
            .await;
    } else if let Some(bytes) = sent.get("invalid_utf8") {
        let frame = Frame::message(bytes_of(bytes), OpCode::Data(Data::Text), true);
        socket.send_message(Message::Frame(frame)).await;
    }
}

#[tokio::test]
async fn a_huge_frame_is_not_read_and_its_sender_hears_why() {
    let world = World::start(|_| ()).await;
    let mut socket = world.live().await;
    socket.send_text(&" ".repeat(8 * 1024 * 1024)).await;
    let expected = Ended {
        bye: "too_large".to_owned(),
        close: 1009,
    };
    assert_eq!(socket.end().await, expected);
}

//! What no sensible client sends over a socket.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use uuid::Uuid;

use crate::client::Socket;
use crate::world::{Person, World, eventually};

/// Fails unless the server does its work for somebody else, at once.
async fn is_well(world: &World) {
    let zoe = world.person("zoe");
    let group = zoe.group(&[]).await;
    let mut socket = zoe.socket().await;
    socket.say(&group, "all is well").await;
    assert_eq!(socket.find(|frame| frame["type"] == "ack").await["seq"], 3);
}

/// A text frame of these bytes, whatever they are.
fn text_frame(bytes: &[u8], is_final: bool) -> Message {
    Message::Frame(Frame::message(
        bytes.to_vec(),
        OpCode::Data(Data::Text),
        is_final,
    ))
}

fn continuation(bytes: &[u8], is_final: bool) -> Message {
    Message::Frame(Frame::message(
        bytes.to_vec(),
        OpCode::Data(Data::Continue),
        is_final,
    ))
}

/// A ping of exactly so many bytes.
fn ping_of(bytes: usize) -> String {
    let empty = json!({"type": "ping", "id": 1, "pad": ""})
        .to_string()
        .len();
    json!({"type": "ping", "id": 1, "pad": "x".repeat(bytes - empty)}).to_string()
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_socket() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut socket = ann.socket().await;
    socket.send_text(ping_of(64 * 1024)).await;
    socket.expect("pong").await;
    socket.send_text(ping_of(64 * 1024 + 1)).await;
    let bye = socket.expect_close("too_large", 1009).await;
    assert_eq!(bye["reconnect"], false);

    // In pieces, each of which would be fine.
    let mut socket = ann.socket().await;
    socket
        .stream
        .send(text_frame(&vec![b' '; 40_000], false))
        .await
        .unwrap();
    socket
        .stream
        .send(continuation(&vec![b' '; 40_000], false))
        .await
        .unwrap();
    socket.expect_close("too_large", 1009).await;

    // One that is announced, or sent, without end; also before the hello.
    let mut socket = Socket::open(world.address).await;
    let head = [
        0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4,
    ];
    socket.stream.get_mut().write_all(&head).await.unwrap();
    socket.expect_close("too_large", 1009).await;
    let mut socket = ann.socket().await;
    let sent = socket
        .stream
        .send(Message::text("x".repeat(12 * 1024 * 1024)));
    crate::world::within(sent).await.unwrap();
    socket.expect_close("too_large", 1009).await;
    is_well(&world).await;
}

#[tokio::test]
async fn what_is_no_text_ends_the_socket() {
    let world = World::new().await;
    let ann = world.person("ann");
    let reserved = Frame::message(Vec::new(), OpCode::Data(Data::Reserved(5)), true);
    let mut compressed = Frame::message(b"{}".to_vec(), OpCode::Data(Data::Text), true);
    compressed.header_mut().rsv1 = true;
    for bad in [
        text_frame(b"{\"type\":\"ping\xff\"}", true),
        text_frame(&[0xed, 0xa0, 0x80], true),
        Message::Binary(b"{\"type\":\"ping\"}".as_slice().into()),
        continuation(b"{}", true),
        Message::Frame(reserved),
        Message::Frame(compressed),
        Message::Ping(vec![0; 126].into()),
    ] {
        for mut socket in [Socket::open(world.address).await, ann.socket().await] {
            socket.stream.send(bad.clone()).await.unwrap();
            socket.expect_close("protocol_error", 4003).await;
        }
    }
    // Not masked, as every frame of a client must be.
    let mut socket = ann.socket().await;
    socket
        .stream
        .get_mut()
        .write_all(&[0x81, 0x02, b'{', b'}'])
        .await
        .unwrap();
    socket.expect_close("protocol_error", 4003).await;
    is_well(&world).await;
}

#[tokio::test]
async fn json_may_be_as_deep_as_a_frame_is_long() {
    let world = World::with(&[("limits.frame_bytes", "1048576")]).await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    let deep = 100_000;
    let (open, close) = ("[".repeat(deep), "]".repeat(deep));
    let objects = (r#"{"a":"#.repeat(deep), "}".repeat(deep));
    for (start, end) in [(&open, &close), (&objects.0, &objects.1)] {
        let frame = format!(r#"{{"type":"ping","id":1,"x":{start}0{end}}}"#);
        socket.send_text(frame).await;
        assert_eq!(socket.expect("pong").await["id"], 1);
        for wrong in [
            format!(r#"{{"type":"ping","id":1,"x":{start}"#),
            start.clone(),
            format!(r#"{{"type":{start}0{end},"id":1}}"#),
            format!(r#"{{"type":"ping","id":{start}0{end}}}"#),
            format!(
                r#"{{"type":"send","id":1,"conversation":"{group}","client_id":"{}","text":{start}0{end}}}"#,
                Uuid::now_v7()
            ),
            format!(
                r#"{{"type":"send","id":1,"conversation":"{group}","client_id":"{}","text":"x","mentions":{start}0{end}}}"#,
                Uuid::now_v7()
            ),
        ] {
            socket.send_text(wrong).await;
            let refused = socket.expect("refused").await;
            assert_eq!(refused["code"], "invalid");
            assert!(refused["detail"].as_str().unwrap().len() < 1_000);
        }
    }
    is_well(&world).await;
}

#[tokio::test]
async fn wrong_fields_are_refused_by_name_and_the_socket_goes_on() {
    let world = World::new().await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    let full = |name: &str| match name {
        "send" => json!({
            "type": "send", "conversation": group, "client_id": Uuid::now_v7(), "text": "x",
        }),
        "read" => json!({"type": "read", "conversation": group, "seq": 1}),
        "sync" => json!({"type": "sync", "conversation": group, "after": 0}),
        name => json!({"type": name, "conversation": group}),
    };
    let not_ids = [
        json!(7),
        Value::Null,
        json!("x"),
        json!([]),
        json!({}),
        json!(true),
    ];
    let not_texts = [json!(7), Value::Null, json!([]), json!({}), json!(true)];
    let not_places = [
        json!(-1),
        json!(0.5),
        json!(1e3),
        json!("1"),
        json!([]),
        json!(true),
        json!(9_007_199_254_740_992_u64),
        json!(9_223_372_036_854_775_808_u64),
        json!(u64::MAX),
    ];
    let mut wrong = Vec::new();
    for name in ["send", "read", "sync", "open", "close"] {
        wrong.extend(
            not_ids
                .iter()
                .map(|value| (name, "conversation", value.clone())),
        );
    }
    wrong.extend(
        not_ids
            .iter()
            .map(|value| ("send", "client_id", value.clone())),
    );
    wrong.extend(
        not_texts
            .iter()
            .map(|value| ("send", "text", value.clone())),
    );
    for (name, field) in [
        ("send", "reply_to"),
        ("read", "seq"),
        ("sync", "after"),
        ("sync", "limit"),
        ("open", "after"),
    ] {
        wrong.extend(not_places.iter().map(|value| (name, field, value.clone())));
    }
    for value in [
        json!("some"),
        json!(7),
        json!([7]),
        json!(["no spaces"]),
        json!({}),
    ] {
        wrong.push(("send", "mentions", value));
    }
    for value in [json!("now"), json!(0.5), json!([]), json!(u64::MAX)] {
        wrong.push(("send", "client_at", value));
    }
    for (name, field, value) in wrong {
        let mut frame = full(name);
        frame[field] = value;
        let id = socket.ask(frame.clone()).await;
        let refused = socket.expect_refused(id, "invalid").await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{detail} for {frame}");
    }
    for (name, field) in [
        ("send", "text"),
        ("send", "client_id"),
        ("read", "seq"),
        ("sync", "after"),
    ] {
        let mut frame = full(name);
        frame.as_object_mut().unwrap().remove(field);
        let id = socket.ask(frame).await;
        let refused = socket.expect_refused(id, "invalid").await;
        assert!(
            refused["detail"].as_str().unwrap().contains(field),
            "{refused}"
        );
    }
    socket.say(&group, "still here").await;
    assert_eq!(socket.expect("ack").await["seq"], 3);
}

#[tokio::test]
async fn frames_that_are_none_are_refused_and_what_is_unknown_is_ignored() {
    let world = World::new().await;
    let mut socket = world.person("ann").socket().await;
    for text in [
        "",
        " ",
        "null",
        "7",
        "\"ping\"",
        "[]",
        "[\"ping\"]",
        "{}",
        "{",
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\"} {}",
        "{'type':'ping'}",
        "\u{feff}{\"type\":\"ping\"}",
        "{\"type\":7}",
        "{\"type\":\"\"}",
        "{\"type\":\"Ping\"}",
        "{\"type\":\"ping\",\"id\":\"1\"}",
        "{\"type\":\"ping\",\"id\":1.5}",
        "{\"type\":\"ping\",\"id\":9223372036854775808}",
        "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"welcome\"}",
    ] {
        socket.send_text(text.to_owned()).await;
        let refused = socket.expect("refused").await;
        assert_eq!(refused["code"], "invalid", "{text}");
        assert_eq!(refused.get("id"), None, "{text}");
    }
    for (frame, id) in [
        (json!({"type": "sail", "id": 5, "to": "sea"}), 5),
        (
            json!({"type": "react", "id": 6, "conversation": Uuid::now_v7()}),
            6,
        ),
        (json!({"type": "watch", "id": -7, "users": {}}), -7),
        (
            json!({"type": "x".repeat(50_000), "id": i64::MAX}),
            i64::MAX,
        ),
    ] {
        socket.send(frame).await;
        let refused = socket.expect_refused(id, "invalid").await;
        assert!(refused["detail"].as_str().unwrap().len() < 300);
    }
    socket
        .send(json!({"type": "ping", "id": i64::MIN, "later": {"and": ["more"]}}))
        .await;
    assert_eq!(socket.expect("pong").await["id"], i64::MIN);
}

#[tokio::test]
async fn any_text_comes_back_as_it_was() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    let controls: String = (0..=0x20_u32)
        .chain(0x7f..=0xa0)
        .filter_map(char::from_u32)
        .collect();
    let texts = [
        "\0".to_owned(),
        "\0 before and \0 after\0".to_owned(),
        controls,
        "\u{feff}\u{200b}\u{202e}\u{2028}\u{2029}\u{fffd}\u{ffff}\u{10ffff}".to_owned(),
        "e\u{301} é 👩\u{200d}👩\u{200d}👧 \u{1f3f4}".to_owned(),
        "\\u0000 \\ \" / {\"type\":\"bye\"}".to_owned(),
        " \n\t ".to_owned(),
    ];
    for text in &texts {
        let id = socket.say(&group, text).await;
        assert_eq!(socket.expect("ack").await["id"], id);
        assert_eq!(other.expect("event").await["text"], *text);
    }
    let events = bob
        .get(&format!("/v1/conversations/{group}/events?after=2"))
        .await
        .expect(200);
    let messages = bob
        .get(&format!("/v1/conversations/{group}/messages"))
        .await
        .expect(200);
    for (list, field) in [(&events, "events"), (&messages, "messages")] {
        let list = list[field].as_array().unwrap();
        let came: Vec<_> = list.iter().map(|it| it["text"].as_str().unwrap()).collect();
        assert_eq!(came, texts);
    }
    // What is no text at all is refused: half a surrogate pair.
    let half = format!(
        r#"{{"type":"send","id":99,"conversation":"{group}","client_id":"{}","text":"\ud800"}}"#,
        Uuid::now_v7()
    );
    socket.send_text(half).await;
    socket.expect_refused(99, "invalid").await;
}

#[tokio::test]
async fn a_hundred_senseless_frames_in_a_row_end_the_socket() {
    let world = World::new().await;
    let mut socket = world.person("ann").socket().await;
    for _ in 0..2 {
        for _ in 0..99 {
            socket.send_text("nonsense".to_owned()).await;
        }
        socket.ask(json!({"type": "ping"})).await;
        for _ in 0..99 {
            socket.expect("refused").await;
        }
        socket.expect("pong").await;
    }
    // More than it reads: what it says at the end arrives all the same.
    for _ in 0..1_000 {
        socket.stream.feed(Message::text("nonsense")).await.unwrap();
    }
    socket.stream.flush().await.unwrap();
    for _ in 0..99 {
        socket.expect("refused").await;
    }
    socket.expect_close("protocol_error", 4003).await;
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut socket = Socket::open(world.address).await;
    let hello = json!({"type": "hello", "token": ann.token}).to_string();
    let mut frame = vec![0x81, 0xfe];
    frame.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    let mask = [7, 77, 177, 27];
    frame.extend(mask);
    frame.extend(
        hello
            .bytes()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    for byte in frame {
        socket.stream.get_mut().write_all(&[byte]).await.unwrap();
        socket.stream.get_mut().flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(socket.expect("welcome").await["user"]["id"], "ann");
}

#[tokio::test]
async fn many_who_never_say_hello_are_closed_and_bother_nobody() {
    let world = World::with(&[("socket.hello_timeout_ms", "300")]).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Socket::open(world.address).await);
    }
    is_well(&world).await;
    for socket in &mut silent {
        socket.expect_close("protocol_error", 4003).await;
    }
    eventually(async || world.metric("tidemark_sockets").await == 0.0).await;
}

#[tokio::test]
async fn a_foreign_conversation_looks_like_none() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let foreign = bob.group(&[]).await;
    let former = bob.group(&["ann"]).await;
    bob.remove(&former, "ann").await;
    let mut socket = ann.socket().await;
    for request in [
        json!({"type": "send", "client_id": Uuid::now_v7(), "text": "x"}),
        json!({"type": "send", "client_id": Uuid::now_v7(), "text": "x", "reply_to": 1}),
        json!({"type": "send", "client_id": Uuid::now_v7(), "text": ""}),
        json!({"type": "read", "seq": 1}),
        json!({"type": "read", "seq": 1_000}),
        json!({"type": "sync", "after": 0}),
        json!({"type": "sync", "after": 1_000}),
        json!({"type": "open"}),
        json!({"type": "open", "after": 1}),
    ] {
        let mut answers = Vec::new();
        for conversation in [Uuid::now_v7().to_string(), foreign.clone(), former.clone()] {
            let mut request = request.clone();
            request["conversation"] = json!(conversation);
            request["id"] = json!(1);
            socket.send(request).await;
            answers.push(raw_answer(&mut socket).await);
        }
        assert!(answers[0].contains("not_found"), "{answers:?}");
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
    }
}

async fn raw_answer(socket: &mut Socket) -> String {
    match crate::world::within(futures_util::StreamExt::next(&mut socket.stream)).await {
        Some(Ok(Message::Text(text))) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_flood_of_pings_and_of_sockets_that_come_and_go_is_borne() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut socket = ann.socket().await;
    for _ in 0..5_000 {
        socket.stream.feed(Message::Ping("x".into())).await.unwrap();
    }
    socket.stream.flush().await.unwrap();
    let id = socket.ask(json!({"type": "ping"})).await;
    socket.answer(id).await;
    let come_and_go = |person: Person| async move {
        for _ in 0..30 {
            drop(Socket::open(person.address).await);
            let mut socket = Socket::open(person.address).await;
            socket.say_hello(&person.token, json!({})).await;
        }
    };
    tokio::join!(come_and_go(ann.clone()), come_and_go(world.person("bob")));
    is_well(&world).await;
    drop(socket);
    let gone = async || world.metric("tidemark_sockets").await == 0.0;
    tokio::time::timeout(Duration::from_secs(10), eventually(gone))
        .await
        .unwrap();
}

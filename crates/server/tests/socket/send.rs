//! Sending: what the sender, their other devices and everybody else get, and when.

use serde_json::{Value, json};
use tidemark_store::memory::Survival;
use uuid::Uuid;

use crate::client::places;
use crate::world::{World, eventually};

#[tokio::test]
async fn a_send_is_acked_to_its_socket_and_an_event_to_all_others() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut phone, mut laptop, mut other) =
        (ann.socket().await, ann.socket().await, bob.socket().await);
    let client_id = Uuid::now_v7().to_string();
    let id = phone
        .ask(json!({
            "type": "send", "conversation": group, "client_id": client_id, "text": "hello",
            "mentions": ["bob"], "client_at": 1_700_000_000_000_u64,
        }))
        .await;
    let ack = phone.expect("ack").await;
    let at = ack["at"].as_i64().unwrap();
    assert_eq!(
        ack,
        json!({
            "type": "ack", "id": id, "conversation": group, "client_id": client_id,
            "seq": 3, "at": at, "duplicate": false,
        })
    );
    let event = json!({
        "type": "event", "conversation": group, "seq": 3, "at": at, "kind": "message",
        "sender": "ann", "client_id": client_id, "text": "hello", "mentions": ["bob"],
        "client_at": 1_700_000_000_000_u64,
    });
    assert_eq!(laptop.expect("event").await, event);
    assert_eq!(other.expect("event").await, event);
    for socket in [&mut phone, &mut laptop, &mut other] {
        assert_eq!(
            socket
                .drain(&group)
                .await
                .iter()
                .filter(|it| it["seq"] == 3)
                .count(),
            0
        );
    }
}

#[tokio::test]
async fn a_repeat_is_acked_with_the_first_place_and_nobody_hears_it() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    let send = json!({
        "type": "send", "conversation": group, "client_id": Uuid::now_v7(), "text": "once",
    });
    socket.ask(send.clone()).await;
    let first = socket.expect("ack").await;
    let id = socket.ask(send.clone()).await;
    let again = socket.expect("ack").await;
    assert_eq!(again["id"], id);
    assert_eq!(again["duplicate"], true);
    for field in ["seq", "at", "client_id", "conversation"] {
        assert_eq!(again[field], first[field], "{field}");
    }

    let mut contradiction = send.clone();
    contradiction["text"] = json!("twice");
    let id = socket.ask(contradiction.clone()).await;
    socket.expect_refused(id, "conflict").await;

    // The same over HTTP, and for somebody else the name is free.
    let path = format!("/v1/conversations/{group}/messages");
    let body = ann.post(&path, &send).await.expect(200);
    assert_eq!(
        body,
        json!({"seq": first["seq"], "at": first["at"], "duplicate": true})
    );
    ann.post(&path, &contradiction)
        .await
        .expect_problem(409, "conflict");
    bob.post(&path, &contradiction).await.expect(201);
    let heard = other.drain(&group).await;
    assert_eq!(places(&heard, &group), [3, 4], "{heard:?}");
}

#[tokio::test]
async fn two_hundred_sends_at_once_are_acked_in_their_order() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    let mut ids = Vec::new();
    for number in 0..200 {
        ids.push(socket.say(&group, &format!("number {number}")).await);
    }
    for (id, seq) in ids.into_iter().zip(3..) {
        let ack = socket.expect("ack").await;
        assert_eq!((&ack["id"], &ack["seq"]), (&json!(id), &json!(seq)));
    }
    for number in 0..200 {
        let event = other.expect("event").await;
        assert_eq!(event["seq"], number + 3);
        assert_eq!(event["text"], format!("number {number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acks_and_events_come_in_one_order_whoever_sends() {
    const EACH: usize = 60;
    let world = World::new().await;
    let people = world.people(["ann", "bob", "cid", "dan"]);
    let group = people[0].group(&["bob", "cid", "dan"]).await;
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(person.socket().await);
    }
    let mut talking = Vec::new();
    for mut socket in sockets {
        let group = group.clone();
        talking.push(tokio::spawn(async move {
            // Pipelined, so that acks, others' events and requests cross each other.
            for _ in 0..EACH {
                socket.say(&group, "so many words").await;
            }
            let mut frames = Vec::new();
            while places(&frames, &group).len() < EACH * 4 {
                frames.push(socket.next().await);
            }
            frames
        }));
    }
    for talk in talking {
        let frames = talk.await.unwrap();
        let expected: Vec<u64> = (3..).take(EACH * 4).collect();
        assert_eq!(places(&frames, &group), expected);
        assert_eq!(frames.iter().filter(|it| it["type"] == "ack").count(), EACH);
    }
}

#[tokio::test]
async fn a_send_over_http_shows_on_every_socket() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut one, mut two) = (ann.socket().await, bob.socket().await);
    let seq = ann.say(&group, "over there").await;
    for socket in [&mut one, &mut two] {
        let event = socket.expect("event").await;
        assert_eq!(event["seq"], seq);
        assert_eq!(event["sender"], "ann");
    }
    // The server side is nobody's device.
    let seq = world.operator().say(&group, "maintenance at noon").await;
    assert_eq!(one.expect("event").await["seq"], seq);
}

#[tokio::test]
async fn other_events_reach_sockets_too() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let mut socket = bob.socket().await;
    let path = format!("/v1/conversations/{group}");
    ann.call(
        reqwest::Method::PATCH,
        &path,
        Some(json!({"title": "Harbour"}).to_string()),
    )
    .await
    .expect(200);
    let event = socket.expect("event").await;
    assert_eq!(
        event,
        json!({
            "type": "event", "conversation": group, "seq": 3, "at": event["at"],
            "kind": "settings", "by": "ann", "title": "Harbour",
        })
    );
    world.person("cid").get("/v1/users/me").await.expect(200);
    ann.add(&group, &["cid"]).await;
    let event = socket.expect("event").await;
    assert_eq!(event["kind"], "members");
    assert_eq!(event["joined"], json!([{"user": "cid", "role": "member"}]));
}

#[tokio::test]
async fn refusals_carry_the_number_of_the_request_and_nothing_happened() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&[]).await;
    let theirs = bob.group(&[]).await;
    let mut socket = ann.socket().await;
    let send = |conversation: &str, text: &str| {
        json!({
            "type": "send", "conversation": conversation, "client_id": Uuid::now_v7(), "text": text,
        })
    };
    let with = |field: &str, value: Value| {
        let mut frame = send(&group, "hello");
        frame[field] = value;
        frame
    };
    let long = "ä".repeat(8 * 1024) + "x";
    for (frame, code) in [
        (send(&theirs, "hello"), "not_found"),
        (send(&Uuid::now_v7().to_string(), "hello"), "not_found"),
        (send(&group, ""), "invalid"),
        (send(&group, &long), "too_large"),
        (with("reply_to", json!(1)), "invalid"),
        (with("reply_to", json!(99)), "invalid"),
        (with("mentions", json!("some")), "invalid"),
        (with("thread", json!(1)), "invalid"),
        (with("attachments", json!([Uuid::now_v7()])), "invalid"),
        (with("client_id", json!("seven")), "invalid"),
        (with("text", json!(7)), "invalid"),
    ] {
        let id = socket.ask(frame).await;
        socket.expect_refused(id, code).await;
    }
    let many: Vec<String> = (0..101).map(|number| format!("user-{number}")).collect();
    let id = socket.ask(with("mentions", json!(many))).await;
    socket.expect_refused(id, "too_large").await;
    // A text of exactly the limit is not too long.
    socket.say(&group, &"ä".repeat(8 * 1024)).await;
    assert_eq!(socket.expect("ack").await["seq"], 3);
}

#[tokio::test]
async fn nothing_is_acked_or_shown_before_it_is_durable() {
    let (world, faults) = World::fragile(&[]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    faults.hold_flushes();
    let sent = socket.say(&group, "wait for it").await;
    eventually(async || faults.batches_waiting() == 1).await;
    for waiting in [&mut socket, &mut other] {
        waiting.ask(json!({"type": "ping"})).await;
        waiting.expect("pong").await;
        let id = waiting
            .ask(json!({"type": "sync", "conversation": group, "after": 2}))
            .await;
        let page = waiting.expect("events").await;
        assert_eq!(page["id"], id);
        assert_eq!(
            (&page["events"], &page["head_seq"]),
            (&json!([]), &json!(2))
        );
    }
    let (_, welcome) = bob.online().await;
    assert_eq!(welcome["conversations"][0]["head_seq"], 2);
    faults.release_flushes();
    assert_eq!(socket.expect("ack").await["id"], sent);
    assert_eq!(other.expect("event").await["seq"], 3);
}

#[tokio::test]
async fn a_failed_flush_is_unavailable_and_never_an_event() {
    for (survival, duplicate) in [(Survival::Lost, false), (Survival::Kept, true)] {
        let (world, faults) = World::fragile(&[]).await;
        let [ann, bob] = world.people(["ann", "bob"]);
        let group = ann.group(&["bob"]).await;
        let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
        faults.fail_flushes(1, survival);
        let send = json!({
            "type": "send", "conversation": group, "client_id": Uuid::now_v7(), "text": "perhaps",
        });
        let id = socket.ask(send.clone()).await;
        let refused = socket.expect_refused(id, "unavailable").await;
        assert!(refused["retry_after_ms"].as_u64().unwrap() > 0);
        // It stays so until the store has recovered, over HTTP as well.
        let id = socket.say(&group, "now?").await;
        socket.expect_refused(id, "unavailable").await;
        let path = format!("/v1/conversations/{group}/messages");
        let answer = ann.post(&path, &send).await;
        answer.expect_problem(503, "unavailable");
        ann.get("/ready").await.expect_problem(503, "unavailable");

        faults.recover();
        assert_eq!(ann.get("/ready").await.status, 200);
        let id = socket.ask(send).await;
        let ack = socket.find(|frame| frame["type"] == "ack").await;
        assert_eq!((&ack["id"], &ack["seq"]), (&json!(id), &json!(3)));
        assert_eq!(ack["duplicate"], duplicate);
        // Whichever way it was, the other sees it once, and before what follows.
        assert_eq!(socket.say(&group, "next").await, id + 1);
        let mut seen = Vec::new();
        while places(&seen, &group).len() < 2 {
            seen.push(other.next().await);
        }
        assert_eq!(places(&seen, &group), [3, 4], "{seen:?}");
    }
}

#[tokio::test]
async fn whoever_sends_too_fast_is_told_when_to_go_on() {
    let world = World::with(&[
        ("limits.sends_per_second", "1"),
        ("limits.sends_burst", "5"),
    ])
    .await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut phone, mut laptop) = (ann.socket().await, ann.socket().await);
    for _ in 0..5 {
        phone.say(&group, "flood").await;
        phone.find(|frame| frame["type"] == "ack").await;
    }
    // One allowance for all of a user's devices, and for HTTP: nobody finds a new one. A machine that
    // is slow lets one more pass for each second.
    for socket in [&mut phone, &mut laptop] {
        let mut passed = 0;
        let refused = loop {
            let id = socket.say(&group, "flood").await;
            let answer = socket.answer(id).await;
            if answer["type"] == "refused" {
                break answer;
            }
            passed += 1;
        };
        assert!(passed < 4, "{passed}");
        assert_eq!(refused["code"], "rate_limited");
        let wait = refused["retry_after_ms"].as_u64().unwrap();
        assert!((1..=1_000).contains(&wait), "{wait}");
    }
    let path = format!("/v1/conversations/{group}/messages");
    let refused = loop {
        let message = json!({"client_id": Uuid::now_v7(), "text": "flood"});
        let answer = ann.post(&path, &message).await;
        if answer.status != 201 {
            break answer;
        }
    };
    refused.expect_problem(429, "rate_limited");
    // Nobody else pays for it, and neither does anything but sending.
    bob.say(&group, "hello").await;
    phone
        .ask(json!({"type": "sync", "conversation": group, "after": 0}))
        .await;
    phone.find(|frame| frame["type"] == "events").await;
}

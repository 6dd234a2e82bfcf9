//! Who hears that somebody is writing, and how often.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Socket;
use crate::world::{World, now_seconds};

fn typing(conversation: &str) -> Value {
    json!({"type": "typing", "conversation": conversation})
}

/// Everything on its way to the socket before now.
async fn so_far(socket: &mut Socket) -> Vec<Value> {
    let id = socket.ask(json!({"type": "ping"})).await;
    let mut before = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["id"] == id {
            return before;
        }
        before.push(frame);
    }
}

const NOTHING: [Value; 0] = [];

#[tokio::test]
async fn all_other_sockets_of_members_hear_of_it_once_in_a_while() {
    let world = World::new().await;
    let [ann, bob, eve] = world.people(["ann", "bob", "eve"]);
    let group = ann.group(&["bob"]).await;
    let (mut phone, mut laptop) = (ann.socket().await, ann.socket().await);
    let (mut other, mut stranger) = (bob.socket().await, eve.socket().await);
    let mut operator = world.operator().socket().await;
    operator
        .ask(json!({"type": "open", "conversation": group}))
        .await;
    operator.expect("events").await;

    let before = now_seconds() * 1000.0;
    for _ in 0..20 {
        phone.send(typing(&group)).await;
    }
    assert_eq!(so_far(&mut phone).await, NOTHING);
    let after = now_seconds() * 1000.0;
    for socket in [&mut other, &mut laptop] {
        let heard = so_far(socket).await;
        let [frame] = &*heard else {
            panic!("once, and not {heard:?}")
        };
        let until = frame["until"].as_i64().unwrap();
        let expected =
            json!({"type": "typing", "conversation": group, "user": "ann", "until": until});
        assert_eq!(*frame, expected);
        assert!((before - 1.0 + 6_000.0..=after + 6_000.0).contains(&(until as f64)));
    }
    for socket in [&mut stranger, &mut operator] {
        assert_eq!(so_far(socket).await, NOTHING);
    }

    // What they wrote is there: whatever they write now is something else.
    phone.say(&group, "here it is").await;
    phone.expect("ack").await;
    phone.send(typing(&group)).await;
    assert_eq!(so_far(&mut phone).await, NOTHING);
    assert_eq!(other.expect("event").await["text"], "here it is");
    assert_eq!(other.expect("typing").await["user"], "ann");
    // And somebody else is somebody else.
    other.send(typing(&group)).await;
    assert_eq!(phone.expect("typing").await["user"], "bob");
}

#[tokio::test]
async fn only_members_may_type() {
    let world = World::new().await;
    let [ann, bob, eve] = world.people(["ann", "bob", "eve"]);
    let group = ann.group(&["bob"]).await;
    let (mut here, mut member) = (ann.socket().await, bob.socket().await);
    let mut stranger = eve.socket().await;
    for unknown in [group.clone(), Uuid::now_v7().to_string()] {
        let id = stranger.ask(typing(&unknown)).await;
        stranger.expect_refused(id, "not_found").await;
        // Also where it has the conversation on screen, or tried to.
        let id = stranger
            .ask(json!({"type": "open", "conversation": unknown}))
            .await;
        stranger.expect_refused(id, "not_found").await;
        let id = stranger.ask(typing(&unknown)).await;
        stranger.expect_refused(id, "not_found").await;
    }
    let mut operator = world.operator().socket().await;
    let id = operator.ask(typing(&group)).await;
    operator.expect_refused(id, "forbidden").await;
    ann.remove(&group, "bob").await;
    let id = member.ask(typing(&group)).await;
    let answer = member.answer(id).await;
    assert_eq!(answer["code"], "not_found", "{answer}");
    let heard = so_far(&mut here).await;
    assert!(heard.iter().all(|it| it["type"] != "typing"), "{heard:?}");
    // And back.
    ann.add(&group, &["bob"]).await;
    member.find(|frame| frame["type"] == "added").await;
    member.send(typing(&group)).await;
    here.find(|frame| frame["type"] == "typing").await;
}

#[tokio::test]
async fn members_of_larger_conversations_are_not_told() {
    let world = World::with(&[("fanout.receipt_members", "2")]).await;
    let [ann, bob, _] = world.people(["ann", "bob", "cem"]);
    let group = ann.group(&["bob", "cem"]).await;
    let (mut here, mut there) = (ann.socket().await, bob.socket().await);
    here.send(typing(&group)).await;
    assert_eq!(so_far(&mut here).await, NOTHING);
    assert_eq!(so_far(&mut there).await, NOTHING);
    ann.remove(&group, "cem").await;
    here.expect("event").await;
    here.send(typing(&group)).await;
    assert_eq!(there.expect("event").await["kind"], "members");
    there.expect("typing").await;
}

#[tokio::test]
async fn a_conversation_that_was_joined_a_moment_ago_is_as_good_as_any() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (mut here, mut there) = (ann.socket().await, bob.socket().await);
    let group = ann.group(&["bob"]).await;
    for socket in [&mut here, &mut there] {
        socket.find(|frame| frame["type"] == "added").await;
    }
    there.send(typing(&group)).await;
    assert_eq!(here.expect("typing").await["user"], "bob");
}

#[tokio::test]
async fn a_flood_is_refused_and_floods_nobody() {
    let world = World::with(&[("limits.signals_per_second", "1")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut flood, mut other) = (ann.socket().await, bob.socket().await);
    let mut refused = 0;
    for _ in 0..200 {
        flood.ask(typing(&group)).await;
    }
    for frame in so_far(&mut flood).await {
        assert_eq!(frame["code"], "rate_limited", "{frame}");
        assert!(frame["retry_after_ms"].as_u64().unwrap() > 0, "{frame}");
        refused += 1;
    }
    assert!((150..=190).contains(&refused), "{refused}");
    assert_eq!(so_far(&mut other).await.len(), 1);
    // What is worth keeping passes all the same.
    flood.say(&group, "still here").await;
    flood.expect("ack").await;
}

//! Roles and rules over the socket.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Person, World};

async fn set(person: &Person, conversation: &str, rules: Value) {
    let path = format!("/v1/conversations/{conversation}");
    let changed = person.call(Method::PATCH, &path, Some(rules.to_string()));
    changed.await.expect(200);
}

async fn give(person: &Person, conversation: &str, user: &str, role: &str) {
    let path = format!("/v1/conversations/{conversation}/members/{user}");
    let role = json!({"role": role}).to_string();
    person
        .call(Method::PATCH, &path, Some(role))
        .await
        .expect(200);
}

/// Whoever may see the message reads the edit, and whoever may not reads that there was one.
#[tokio::test]
async fn where_newcomers_do_not_see_all_an_edit_is_told_as_a_head() {
    let world = World::new().await;
    let [ann, bob, cid] = world.people(["ann", "bob", "cid"]);
    let group = ann.group(&["bob"]).await;
    set(&ann, &group, json!({"history": "since_joined"})).await;
    let said = ann.say(&group, "secret").await;
    let came = ann.add(&group, &["cid"]).await;
    let (mut old, mut new) = (bob.socket().await, cid.socket().await);
    let path = format!("/v1/conversations/{group}/messages/{said}");
    let edit = json!({"text": "another secret"}).to_string();
    ann.call(Method::PATCH, &path, Some(edit)).await.expect(200);
    for (socket, text) in [(&mut old, "another secret"), (&mut new, "")] {
        let head = socket.expect("head").await;
        assert_eq!(head["head_seq"], json!(came + 1));
        let sync = json!({"type": "sync", "conversation": group, "after": came});
        let id = socket.ask(sync).await;
        let page = socket.answer(id).await;
        assert_eq!(page["events"][0]["text"], json!(text), "{page}");
    }
    // What is the same for all comes as before, right behind it.
    ann.say(&group, "for all").await;
    for socket in [&mut old, &mut new] {
        let event = socket.expect("event").await;
        assert_eq!(
            (&event["seq"], &event["text"]),
            (&json!(came + 2), &json!("for all"))
        );
    }
}

#[tokio::test]
async fn a_cursor_of_before_goes_on_where_the_member_came() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    set(&ann, &group, json!({"history": "since_joined"})).await;
    ann.remove(&group, "bob").await;
    ann.say(&group, "secret").await;
    let came = ann.add(&group, &["bob"]).await;
    let (mut socket, _) = bob.hello(json!({"cursors": {group.clone(): 2}})).await;
    let page = socket.expect("events").await;
    assert_eq!(
        (&page["visible_from"], &page["more"]),
        (&json!(came), &json!(false))
    );
    assert_eq!(page["events"][0]["seq"], json!(came));
    ann.say(&group, "hello").await;
    assert_eq!(socket.expect("event").await["seq"], json!(came + 1));
}

#[tokio::test]
async fn a_guest_neither_writes_nor_types_until_they_are_a_member() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (bob.socket().await, ann.socket().await);
    give(&ann, &group, "bob", "guest").await;
    socket.expect("event").await;
    other.expect("event").await;
    let typing = json!({"type": "typing", "conversation": group});
    for frame in [
        typing.clone(),
        json!({"type": "react", "conversation": group, "target": 1, "emoji": "👍", "on": true}),
    ] {
        let id = socket.ask(frame).await;
        socket.expect_refused(id, "forbidden").await;
    }
    let id = socket.say(&group, "me too").await;
    socket.expect_refused(id, "forbidden").await;
    give(&ann, &group, "bob", "member").await;
    socket.expect("event").await;
    other.expect("event").await;
    socket.send(typing).await;
    assert_eq!(other.expect("typing").await["user"], json!("bob"));
}

#[tokio::test]
async fn slow_mode_says_how_long_to_wait_and_a_ban_ends_the_subscription() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    set(&ann, &group, json!({"slow_mode_seconds": 600})).await;
    let mut socket = bob.socket().await;
    let id = socket.say(&group, "one").await;
    assert_eq!(socket.answer(id).await["type"], json!("ack"));
    let id = socket.say(&group, "two").await;
    let refused = socket.expect_refused(id, "rate_limited").await;
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    assert!((590_000..=600_000).contains(&wait), "{wait}");
    let ban = format!("/v1/conversations/{group}/bans/bob");
    ann.put(&ban, &json!({})).await.expect(200);
    assert_eq!(socket.expect("removed").await["conversation"], json!(group));
}

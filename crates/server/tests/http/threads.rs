//! Threads over HTTP, and what was fetched.

#![expect(
    clippy::similar_names,
    reason = "a room and the root of a thread are what all of this is about"
)]

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Caller, World};

async fn group(maker: &Caller, members: &[&str]) -> String {
    let new = json!({"kind": "group", "members": members});
    let made = maker.post("/v1/conversations", new).await;
    made.text("id")
}

async fn say(caller: &Caller, room: &str, more: Value) -> u64 {
    let mut message = json!({"client_id": Uuid::now_v7(), "text": "hello"});
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    let path = format!("/v1/conversations/{room}/messages");
    let answer = caller.post(&path, message).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["seq"].as_u64().unwrap()
}

fn places(page: &Value) -> Vec<u64> {
    let messages = page["messages"].as_array().unwrap().iter();
    messages.map(|it| it["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn replies_are_read_below_their_message_and_counted_there() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = group(&ann, &["bob"]).await;
    let root = say(&ann, &room, json!({})).await;
    let hidden = say(&bob, &room, json!({"thread": root})).await;
    let shown = say(
        &bob,
        &room,
        json!({"thread": root, "also_in_conversation": true, "reply_to": hidden}),
    )
    .await;
    let path = format!("/v1/conversations/{room}/messages/{root}/thread");
    let page = ann.get(&path).await.body;
    assert_eq!(places(&page), [hidden, shown]);
    assert_eq!(page["messages"][1]["thread"], root);
    assert_eq!(page["messages"][1]["also_in_conversation"], true);
    let counts = json!([
        page["replies"],
        page["participants"],
        page["unread"],
        page["more"]
    ]);
    assert_eq!(counts, json!([2, ["bob"], 2, false]));

    let timeline = format!("/v1/conversations/{room}/messages");
    let main = ann.get(&format!("{timeline}?main=true")).await.body;
    assert_eq!(places(&main), [root, shown]);
    let whole = ann.get(&timeline).await.body;
    assert_eq!(places(&whole), [root, hidden, shown]);
    let first = &whole["messages"][0];
    let below = json!([
        first["replies"],
        first["thread_participants"],
        first["last_reply_seq"]
    ]);
    assert_eq!(below, json!([2, ["bob"], shown]));
    assert_eq!(whole["messages"][1].get("replies"), None);

    let read = ann
        .put(&format!("{path}/read"), json!({"seq": hidden}))
        .await;
    assert_eq!(read.body, json!({"read_seq": hidden, "unread": 1}));
    let back = ann.put(&format!("{path}/read"), json!({"seq": 1})).await;
    assert_eq!(back.body, json!({"read_seq": hidden, "unread": 1}));
    let seen = ann.get(&format!("/v1/conversations/{room}")).await.body;
    assert_eq!(seen["unread"], 2, "the conversation's cursor is another");

    bob.delete(&format!("{timeline}/{shown}")).await;
    let list = ann.get("/v1/threads").await.body;
    assert_eq!(list["threads"].as_array().unwrap().len(), 1);
    let thread = &list["threads"][0];
    let counts = json!([
        thread["conversation"],
        thread["root"]["replies"],
        thread["unread"]
    ]);
    assert_eq!(counts, json!([room, 1, 0]));
    assert_eq!(list["next"], Value::Null);
}

#[tokio::test]
async fn what_is_no_thread_is_refused() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = group(&ann, &[]).await;
    let root = say(&ann, &room, json!({})).await;
    let reply = say(&ann, &room, json!({"thread": root})).await;
    let path = format!("/v1/conversations/{room}/messages");
    let also = json!({"client_id": Uuid::now_v7(), "text": "x", "also_in_conversation": true});
    let nested = json!({"client_id": Uuid::now_v7(), "text": "x", "thread": reply});
    for message in [also, nested] {
        let refused = ann.post(&path, message).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (400, &json!("invalid"))
        );
    }
    assert_eq!(ann.get(&format!("{path}/{reply}/thread")).await.status, 400);
    assert_eq!(ann.get(&format!("{path}/1/thread")).await.status, 404);
    assert_eq!(bob.get(&format!("{path}/{root}/thread")).await.status, 404);
    let unknown = bob.get(&format!("/v1/threads?conversation={room}")).await;
    assert_eq!(unknown.status, 404);
    ann.delete(&format!("{path}/{root}")).await;
    let late = json!({"client_id": Uuid::now_v7(), "text": "x", "thread": root});
    assert_eq!(ann.post(&path, late).await.status, 409);
}

#[tokio::test]
async fn what_was_fetched_is_shown_until_it_is_read() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = group(&ann, &["bob"]).await;
    let seq = say(&ann, &room, json!({})).await;
    let path = format!("/v1/conversations/{room}");
    let answer = bob
        .put(&format!("{path}/delivered"), json!({"seq": seq}))
        .await;
    assert_eq!(answer.body, json!({"delivered_seq": seq}));
    let readers = format!("{path}/readers?seq={seq}");
    let fetched = json!({"readers": [], "delivered": [{"user": "bob", "delivered_seq": seq}]});
    assert_eq!(ann.get(&readers).await.body, fetched);
    bob.put(&format!("{path}/read"), json!({"seq": seq})).await;
    let read = json!({"readers": [{"user": "bob", "read_seq": seq}], "delivered": []});
    assert_eq!(ann.get(&readers).await.body, read);
}

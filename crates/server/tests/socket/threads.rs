//! Threads and delivered cursors, live.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_thread_cursor_is_shown_to_the_users_own_devices_only() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let root = ann.say(&group, "hello").await;
    let (mut phone, mut laptop, mut other) =
        (bob.socket().await, bob.socket().await, ann.socket().await);
    let send = json!({
        "type": "send", "conversation": group, "text": "a reply", "thread": root,
        "client_id": uuid::Uuid::now_v7(),
    });
    other.ask(send).await;
    let ack = other.expect("ack").await;
    assert_eq!(ack["first_in_thread"], true);
    let reply = ack["seq"].clone();
    for socket in [&mut phone, &mut laptop] {
        let event = socket.expect("event").await;
        assert_eq!(
            (&event["thread"], &event["first_in_thread"]),
            (&json!(root), &json!(true))
        );
    }
    let read = json!({"type": "thread_read", "conversation": group, "thread": root, "seq": reply});
    let id = phone.ask(read).await;
    let shown = json!({
        "type": "thread_read", "conversation": group, "thread": root, "read_seq": reply,
        "head_seq": reply, "unread": 0,
    });
    let mut answer = shown.clone();
    answer["id"] = json!(id);
    assert_eq!(phone.expect("thread_read").await, answer);
    assert_eq!(laptop.expect("thread_read").await, shown);
    let rest = other.drain(&group).await;
    assert!(
        rest.iter().all(|frame| frame["type"] != "thread_read"),
        "{rest:?}"
    );
}

#[tokio::test]
async fn what_was_fetched_is_shown_to_the_others_in_small_conversations() {
    let world = World::with(&[("fanout.receipt_members", "2")]).await;
    let [ann, bob, _] = world.people(["ann", "bob", "cid"]);
    let small = ann.group(&["bob"]).await;
    let large = ann.group(&["bob", "cid"]).await;
    let (mut phone, mut other) = (bob.socket().await, ann.socket().await);
    for (room, delivered) in [(&large, 2), (&small, 3)] {
        let seq = ann.say(room, "hello").await;
        phone.expect("event").await;
        other.expect("event").await;
        let id = phone
            .ask(json!({"type": "delivered", "conversation": room, "seq": seq}))
            .await;
        let answer = phone.expect("delivered").await;
        assert_eq!(
            (&answer["id"], &answer["delivered_seq"]),
            (&json!(id), &json!(delivered))
        );
    }
    let shown = json!({
        "type": "delivered", "conversation": small, "user": "bob", "delivered_seq": 3,
    });
    assert_eq!(other.expect("delivered").await, shown);
}

//! Everything that a device has missed, in one call.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_device_hears_what_is_new_what_was_added_and_what_is_gone() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let known = ann.group(&["bob"]).await;
    let gone = ann.group(&["bob"]).await;
    let start = bob
        .post("/v1/sync", json!({"conversations": {&known: 2, &gone: 2}}))
        .await
        .body;
    let epoch = &start["epoch"];
    ann.say(&known, "news").await;
    let new = ann.group(&["bob"]).await;
    ann.delete(&format!("/v1/conversations/{gone}/members/bob"))
        .await;

    let request = json!({"epoch": epoch, "conversations": {&known: 2, &gone: 2}});
    let synced = bob.post("/v1/sync", request).await.body;
    assert_eq!(synced["removed"], json!([gone]));
    assert_eq!(synced["added"][0]["id"], json!(new));
    assert_eq!(synced["added"].as_array().unwrap().len(), 1);
    let only = &synced["conversations"].as_array().unwrap()[..];
    assert_eq!(only.len(), 1);
    assert_eq!(only[0]["id"], json!(known));
    assert_eq!(
        (&only[0]["head_seq"], &only[0]["unread"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(only[0]["events"][0]["text"], "news");
    assert_eq!(only[0]["more"], false);
}

#[tokio::test]
async fn a_cursor_that_another_device_moved_is_told_although_nothing_happened() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    ann.say(&id, "one").await;
    bob.put(&format!("/v1/conversations/{id}/read"), json!({"seq": 3}))
        .await;
    let synced = bob
        .post("/v1/sync", json!({"conversations": {&id: 3}}))
        .await
        .body;
    let conversation = &synced["conversations"][0];
    assert_eq!(
        (&conversation["read_seq"], &conversation["unread"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(conversation["events"], json!([]));
}

#[tokio::test]
async fn a_long_absence_is_made_up_for_in_pages() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    for _ in 3..=9 {
        ann.say(&id, "something").await;
    }
    let mut cursor = 0;
    let mut calls = 0;
    loop {
        let request = json!({"conversations": {&id: cursor}, "limit": 4});
        let synced = ann.post("/v1/sync", request).await.body;
        let page = &synced["conversations"][0];
        for event in page["events"].as_array().unwrap() {
            cursor += 1;
            assert_eq!(event["seq"], cursor);
        }
        calls += 1;
        if page["more"] == Value::Bool(false) {
            break;
        }
    }
    assert_eq!((cursor, calls), (9, 3));
}

#[tokio::test]
async fn another_history_begins_anew() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    let request = json!({"epoch": Uuid::now_v7(), "conversations": {&id: 700}});
    let synced = ann.post("/v1/sync", request).await.body;
    assert_eq!(synced["added"][0]["id"], json!(id));
    assert_eq!(
        (&synced["conversations"], &synced["removed"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn so_many_cursors_and_no_more() {
    let world = World::with("[limits]\nhello_cursors = 3").await;
    let ann = world.person("ann").await;
    let cursors = |count| -> Value {
        let ids = std::iter::repeat_with(|| (Uuid::now_v7().to_string(), json!(1)));
        Value::Object(ids.take(count).collect())
    };
    let allowed = ann
        .post("/v1/sync", json!({"conversations": cursors(3)}))
        .await;
    assert_eq!(allowed.body["removed"].as_array().unwrap().len(), 3);
    let refused = ann
        .post("/v1/sync", json!({"conversations": cursors(4)}))
        .await;
    assert!(refused.is_problem(413, "too_large"));
}

//! Editing, deleting, reacting and pinning over HTTP.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

/// Ann's group with bob, where she said "hello" at 3; and the path of that message.
async fn said(world: &World) -> (Caller, Caller, String, String) {
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    assert_eq!(ann.say(&id, "hello").await, 3);
    let path = format!("/v1/conversations/{id}/messages/3");
    (ann, bob, id, path)
}

async fn shown(caller: &Caller, id: &str) -> Value {
    let page = caller
        .get(&format!("/v1/conversations/{id}/messages"))
        .await;
    page.body["messages"][0].clone()
}

#[track_caller]
fn assert_accepted(answer: &Answer, seq: u64, duplicate: bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body["at"].is_i64(), "{answer:?}");
    assert_eq!(
        (&answer.body["seq"], &answer.body["duplicate"]),
        (&json!(seq), &json!(duplicate))
    );
}

#[tokio::test]
async fn a_message_is_changed_by_events_and_each_wish_may_be_made_again() {
    let world = World::new().await;
    let (ann, bob, id, path) = said(&world).await;
    let put = async |path: String| bob.put(&path, json!({})).await;
    let edit = json!({"text": "hello all", "mentions": ["bob"]});
    for duplicate in [false, true] {
        assert_accepted(&ann.patch(&path, edit.clone()).await, 4, duplicate);
    }
    for duplicate in [false, true] {
        let reaction = format!("{path}/reactions/%F0%9F%91%8D");
        assert_accepted(&put(reaction).await, 5, duplicate);
    }
    assert_accepted(&put(format!("{path}/reactions/:boat:")).await, 6, false);
    for duplicate in [false, true] {
        assert_accepted(&put(format!("{path}/pin")).await, 7, duplicate);
    }
    let mut message = shown(&bob, &id).await;
    assert!(message["edited_at"].is_i64());
    for field in ["edited_at", "at", "client_id"] {
        message.as_object_mut().unwrap().remove(field);
    }
    let expected = json!({
        "conversation": id, "seq": 3, "kind": "message", "sender": "ann", "text": "hello all",
        "mentions": ["bob"], "deleted": false, "pinned": true,
        "reactions": [
            {"emoji": "👍", "count": 1, "mine": true}, {"emoji": ":boat:", "count": 1, "mine": true},
        ],
    });
    assert_eq!(message, expected);
    assert_eq!(shown(&ann, &id).await["reactions"][0]["mine"], false);
    assert_accepted(
        &bob.delete(&format!("{path}/reactions/:boat:")).await,
        8,
        false,
    );
    assert_accepted(
        &bob.delete(&format!("{path}/reactions/:boat:")).await,
        3,
        true,
    );
    assert_accepted(&ann.delete(&format!("{path}/pin")).await, 9, false);
    for duplicate in [false, true] {
        assert_accepted(&ann.delete(&path).await, 10, duplicate);
    }
    let message = shown(&bob, &id).await;
    assert_eq!(
        (&message["text"], &message["deleted"]),
        (&json!(""), &json!(true))
    );
    assert_eq!(
        (&message["reactions"], &message["pinned"]),
        (&json!([]), &json!(false))
    );
    assert_eq!(
        (message.get("mentions"), message.get("edited_at")),
        (None, None)
    );
}

#[tokio::test]
async fn the_log_tells_what_happened_and_keeps_no_word_of_what_was_deleted() {
    let world = World::new().await;
    let (ann, bob, id, path) = said(&world).await;
    ann.patch(&path, json!({"text": "hello there"})).await;
    bob.delete(&format!("{path}/reactions/x")).await;
    let events = format!("/v1/conversations/{id}/events?after=2");
    let edit = ann.get(&events).await.body["events"][1].clone();
    let expected = json!({
        "conversation": id, "seq": 4, "at": edit["at"], "kind": "edit", "target": 3, "by": "ann",
        "text": "hello there", "mentions": [],
    });
    assert_eq!(edit, expected);
    // Bob keeps no order here; the operator does.
    assert!(bob.delete(&path).await.is_problem(403, "forbidden"));
    assert_accepted(&world.operator().delete(&path).await, 5, false);
    let log = ann.get(&events).await.body;
    let inbox = bob.get("/v1/conversations").await.body;
    let feed = world.operator().get("/v1/feed?after=0").await.body;
    for text in [&log, &inbox, &feed].map(Value::to_string) {
        assert!(!text.contains("hello"), "{text}");
    }
    assert_eq!(log["events"][0]["deleted"], true);
    let delete = &log["events"][2];
    assert_eq!(
        (&delete["kind"], &delete["target"], &delete["reason"]),
        (&json!("delete"), &json!(3), &json!("moderator"))
    );
    assert_eq!(delete["by"], "tidemark:administrator");
}

#[tokio::test]
async fn what_was_deleted_is_not_unread() {
    let world = World::new().await;
    let (ann, bob, id, path) = said(&world).await;
    ann.patch(&path, json!({"text": "hello bob", "mentions": ["bob"]}))
        .await;
    let conversation = format!("/v1/conversations/{id}");
    assert_eq!(bob.get(&conversation).await.body["unread"], 1);
    ann.delete(&path).await;
    assert_eq!(bob.get(&conversation).await.body["unread"], 0);
}

#[tokio::test]
async fn a_name_is_kept_for_ever() {
    let world = World::new().await;
    let (ann, bob, _, path) = said(&world).await;
    let name = Uuid::now_v7();
    let edit = |text: &str| json!({"text": text, "client_id": name});
    assert_accepted(&ann.patch(&path, edit("one")).await, 4, false);
    ann.patch(&path, json!({"text": "two"})).await;
    assert_accepted(&ann.patch(&path, edit("one")).await, 4, true);
    let other = ann.patch(&path, edit("three")).await;
    assert!(other.is_problem(409, "conflict"));
    let pin = format!("{path}/pin?client_id={}", Uuid::now_v7());
    let put = || bob.put(&pin, json!({}));
    assert_accepted(&put().await, 6, false);
    ann.delete(&format!("{path}/pin")).await;
    assert_accepted(&put().await, 6, true);
}

#[tokio::test]
async fn what_may_not_be_changed_is_refused() {
    let world = World::new().await;
    let (ann, bob, id, path) = said(&world).await;
    let eve = world.person("eve").await;
    let text = json!({"text": "x"});
    assert!(
        bob.patch(&path, text.clone())
            .await
            .is_problem(403, "forbidden")
    );
    assert!(bob.delete(&path).await.is_problem(403, "forbidden"));
    let put = async |caller: Caller, path: String| caller.put(&path, json!({})).await;
    let unknown = format!("/v1/conversations/{}/messages/3", Uuid::now_v7());
    for (caller, path) in [(&eve, &path), (&ann, &unknown)] {
        for answer in [
            caller.patch(path, text.clone()).await,
            caller.delete(path).await,
            put(caller.clone(), format!("{path}/reactions/x")).await,
            put(caller.clone(), format!("{path}/pin")).await,
        ] {
            assert!(answer.is_problem(404, "not_found"), "{answer:?}");
        }
    }
    for place in ["0", "2", "4", "9007199254740991"] {
        let path = format!("/v1/conversations/{id}/messages/{place}");
        assert!(
            ann.patch(&path, text.clone())
                .await
                .is_problem(404, "not_found")
        );
        assert!(
            ann.delete(&format!("{path}/pin"))
                .await
                .is_problem(404, "not_found")
        );
    }
    for place in ["9223372036854775808", "-1", "1.5", "three", "%20"] {
        let path = format!("/v1/conversations/{id}/messages/{place}");
        assert!(
            ann.patch(&path, text.clone())
                .await
                .is_problem(400, "invalid")
        );
        assert!(ann.delete(&path).await.is_problem(400, "invalid"));
    }
    for emoji in [
        "ab",
        "%20",
        "%0A",
        "%F0%9F%91%8D%F0%9F%91%8D",
        &"x".repeat(65),
        "%FF",
    ] {
        let answer = put(ann.clone(), format!("{path}/reactions/{emoji}")).await;
        assert!(answer.is_problem(400, "invalid"), "{emoji} {answer:?}");
    }
    for body in [
        json!({}),
        json!({"text": 7}),
        json!({"text": ""}),
        json!({"text": null}),
    ] {
        assert!(ann.patch(&path, body).await.is_problem(400, "invalid"));
    }
    let some = json!({"text": "x", "mentions": "some"});
    assert!(ann.patch(&path, some).await.is_problem(400, "invalid"));
    let long = json!({"text": "x".repeat(16 * 1024 + 1)});
    assert!(ann.patch(&path, long).await.is_problem(413, "too_large"));
    let named = format!("{path}/pin?client_id=seven");
    assert!(put(ann.clone(), named).await.is_problem(400, "invalid"));
    ann.delete(&format!("/v1/conversations/{id}/members/bob"))
        .await;
    assert!(
        put(bob, format!("{path}/pin"))
            .await
            .is_problem(404, "not_found")
    );
    ann.delete(&path).await;
    assert!(ann.patch(&path, text).await.is_problem(409, "conflict"));
    let stranger = world.stranger();
    assert!(stranger.delete(&path).await.is_problem(401, "unauthorized"));
}

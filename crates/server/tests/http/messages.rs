//! Sending, the timeline, catching up.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_message_is_accepted_once_under_its_client_id() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    let path = format!("/v1/conversations/{id}/messages");
    let message = json!({"client_id": Uuid::now_v7(), "text": "The tide is coming in."});
    let first = ann.post(&path, message.clone()).await;
    assert_eq!(first.status, 201);
    assert_eq!(
        (&first.body["seq"], &first.body["duplicate"]),
        (&json!(3), &json!(false))
    );
    ann.say(&id, "in between").await;
    let again = ann.post(&path, message.clone()).await;
    let expected = json!({"seq": 3, "at": first.body["at"], "duplicate": true});
    assert_eq!((again.status, again.body), (200, expected));
    let mut other = message;
    other["text"] = json!("something else");
    assert!(ann.post(&path, other).await.is_problem(409, "conflict"));
}

#[tokio::test]
async fn every_field_of_a_message_comes_back() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    let path = format!("/v1/conversations/{id}/messages");
    ann.say(&id, "first").await;
    let client_id = Uuid::now_v7();
    let message = json!({
        "client_id": client_id, "text": "a\u{0}b \u{1f30a} <b>", "reply_to": 3, "mentions": ["ann"],
        "client_at": 1_234, "a_field_of_tomorrow": {"deep": [1]},
    });
    assert_eq!(ann.post(&path, message).await.status, 201);
    let mut shown = ann.get(&path).await.body["messages"][1].clone();
    assert!(
        shown
            .as_object_mut()
            .unwrap()
            .remove("at")
            .unwrap()
            .is_i64()
    );
    let expected = json!({
        "conversation": id, "seq": 4, "kind": "message", "sender": "ann", "client_id": client_id,
        "text": "a\u{0}b \u{1f30a} <b>", "reply_to": 3, "mentions": ["ann"], "client_at": 1_234,
        "deleted": false, "reactions": [], "pinned": false,
    });
    assert_eq!(shown, expected);
}

fn seqs(list: &Value) -> Vec<u64> {
    let entries = list.as_array().unwrap().iter();
    entries.map(|it| it["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_timeline_is_read_from_either_end_and_from_the_middle() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    for number in 3..=12 {
        assert_eq!(ann.say(&id, "something").await, number);
    }
    for (window, expected, more) in [
        ("", vec![10, 11, 12], true),
        ("&before=5", vec![3, 4], false),
        ("&before=10", vec![7, 8, 9], true),
        ("&after=0", vec![3, 4, 5], true),
        ("&after=10", vec![11, 12], false),
        ("&around=7", vec![6, 7, 8], true),
    ] {
        let path = format!("/v1/conversations/{id}/messages?limit=3{window}");
        let page = ann.get(&path).await.body;
        assert_eq!(seqs(&page["messages"]), expected, "{window}");
        assert_eq!(
            (&page["head_seq"], &page["more"]),
            (&json!(12), &json!(more)),
            "{window}"
        );
    }
    let path = format!("/v1/conversations/{id}/messages?before=3&after=3");
    assert!(ann.get(&path).await.is_problem(400, "invalid"));
}

#[tokio::test]
async fn catching_up_gives_exactly_what_is_missing() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    for _ in 3..=12 {
        ann.say(&id, "something").await;
    }
    let mut held = Vec::new();
    loop {
        let after = held.last().copied().unwrap_or(0);
        let path = format!("/v1/conversations/{id}/events?after={after}&limit=5");
        let page = ann.get(&path).await.body;
        held.extend(seqs(&page["events"]));
        assert_eq!(page["head_seq"], 12);
        if page["more"] == Value::Bool(false) {
            break;
        }
    }
    assert_eq!(held, (1..=12).collect::<Vec<_>>());
    let beyond = ann
        .get(&format!("/v1/conversations/{id}/events?after=99"))
        .await;
    assert_eq!(
        beyond.body,
        json!({"events": [], "head_seq": 12, "more": false})
    );
    for after in ["-1", "1.5", "9007199254740992", "9223372036854775808", "x"] {
        let answer = ann
            .get(&format!("/v1/conversations/{id}/events?after={after}"))
            .await;
        assert!(answer.is_problem(400, "invalid"), "{after}: {answer:?}");
    }
}

#[tokio::test]
async fn a_user_who_sends_too_fast_is_told_when_to_go_on() {
    let world = World::with("[limits]\nsends_per_second = 1\nsends_burst = 2").await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    ann.say(&id, "one").await;
    ann.say(&id, "two").await;
    let message = json!({"client_id": Uuid::now_v7(), "text": "three"});
    let path = format!("/v1/conversations/{id}/messages");
    let refused = ann.post(&path, message).await;
    assert!(refused.is_problem(429, "rate_limited"), "{refused:?}");
    bob.say(&id, "another user is another matter").await;
}

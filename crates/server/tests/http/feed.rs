//! The log of everything, for the server side of an application.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_consumer_that_goes_on_from_next_sees_everything_once_in_order() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let (one, other) = (ann.group(&[]).await, ann.group(&[]).await);
    for _ in 0..5 {
        ann.say(&one, "here").await;
        ann.say(&other, "there").await;
    }
    let mut events: Vec<Value> = Vec::new();
    let mut after = 0;
    loop {
        let page = world
            .operator()
            .get(&format!("/v1/feed?after={after}&limit=4"))
            .await
            .body;
        let found = page["events"].as_array().unwrap();
        if found.is_empty() {
            assert_eq!(page["next"], after);
            break;
        }
        events.extend(found.iter().cloned());
        after = page["next"].as_u64().unwrap();
        assert_eq!(found.last().unwrap()["position"], after);
    }
    assert_eq!(events.len(), 14);
    assert!(events.is_sorted_by_key(|event| event["position"].as_u64()));
    for id in [one, other] {
        let seqs: Vec<_> = events
            .iter()
            .filter(|event| event["conversation"] == json!(id))
            .map(|event| event["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, (1..=7).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_call_that_waits_is_answered_by_what_comes() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    let operator = world.operator();
    let head = operator.get("/v1/feed").await.body["next"]
        .as_u64()
        .unwrap();
    let waiting = tokio::spawn(async move {
        operator
            .get(&format!("/v1/feed?after={head}&wait_ms=60000"))
            .await
    });
    ann.say(&id, "news").await;
    let page = waiting.await.unwrap().body;
    assert_eq!(page["events"][0]["text"], "news");
}

#[tokio::test]
async fn the_feed_is_for_api_keys_only() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    assert!(ann.get("/v1/feed").await.is_problem(403, "forbidden"));
    assert!(
        world
            .stranger()
            .get("/v1/feed")
            .await
            .is_problem(401, "unauthorized")
    );
}

/// Whoever begins at the beginning, however late, does not read what was taken away meanwhile.
#[tokio::test]
async fn what_was_deleted_is_empty_however_late_it_is_read() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    let seq = ann.say(&room, "a secret word").await;
    let path = format!("/v1/conversations/{room}/messages/{seq}");
    let edited = ann.patch(&path, json!({"text": "another secret"})).await;
    assert_eq!(edited.status, 200, "{edited:?}");
    let deleted = ann.delete(&path).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let feed = world.operator().get("/v1/feed").await.body;
    let positions: Vec<_> = feed["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["position"].as_u64().unwrap())
        .collect();
    assert_eq!(positions, [1, 2, 3, 4, 5], "each event keeps its place");
    assert!(!feed.to_string().contains("secret"), "{feed}");
}

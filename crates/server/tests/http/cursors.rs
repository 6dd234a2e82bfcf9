//! Read cursors, unread counts, readers.

use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn unread_counts_what_others_said_above_the_cursor() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let conversation = format!("/v1/conversations/{id}");
    ann.say(&id, "one").await;
    bob.say(&id, "two").await;
    let mention = json!({"client_id": Uuid::now_v7(), "text": "three", "mentions": ["bob"]});
    ann.post(&format!("{conversation}/messages"), mention).await;
    let all = json!({"client_id": Uuid::now_v7(), "text": "four", "mentions": "all"});
    ann.post(&format!("{conversation}/messages"), all).await;

    let shown = bob.get(&conversation).await.body;
    assert_eq!(
        (&shown["unread"], &shown["mentions"]),
        (&json!(3), &json!(2))
    );
    let read = format!("{conversation}/read");
    let moved = bob.put(&read, json!({"seq": 5})).await.body;
    assert_eq!(moved, json!({"read_seq": 5, "unread": 1, "mentions": 1}));
    let back = bob.put(&read, json!({"seq": 3})).await.body;
    assert_eq!(back, json!({"read_seq": 5, "unread": 1, "mentions": 1}));
    for seq in [
        json!(0),
        json!(-1),
        json!(99),
        json!(1.5),
        json!("5"),
        json!(null),
    ] {
        let answer = bob.put(&read, json!({"seq": seq})).await;
        assert!(answer.is_problem(400, "invalid"), "{seq}: {answer:?}");
    }
}

#[tokio::test]
async fn readers_are_those_whose_cursor_is_that_far() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let conversation = format!("/v1/conversations/{id}");
    ann.say(&id, "one").await;
    ann.say(&id, "two").await;
    bob.put(&format!("{conversation}/read"), json!({"seq": 3}))
        .await;
    let readers = ann.get(&format!("{conversation}/readers?seq=3")).await.body;
    assert_eq!(
        readers,
        json!({"readers": [{"user": "bob", "read_seq": 3}], "delivered": []})
    );
    assert!(
        ann.get(&format!("{conversation}/readers"))
            .await
            .is_problem(400, "invalid")
    );
}

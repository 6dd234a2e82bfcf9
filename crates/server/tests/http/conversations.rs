//! Beginning, finding and changing conversations.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_new_group_has_its_maker_as_owner_and_shows_all_its_fields() {
    let world = World::new().await;
    let (ann, _bob) = (world.person("ann").await, world.person("bob").await);
    let new = json!({"kind": "group", "title": "Harbour", "members": ["bob"]});
    let made = ann.post("/v1/conversations", new).await;
    assert_eq!(made.status, 201);
    let mut body = made.body;
    let fields = body.as_object_mut().unwrap();
    let id = fields.remove("id").unwrap();
    assert!(fields.remove("created_at").unwrap().as_i64().unwrap() > 1_700_000_000_000);
    let expected = json!({
        "kind": "group", "title": "Harbour", "topic": null, "visibility": "private", "head_seq": 2,
        "member_count": 2, "role": "owner", "read_seq": 2, "unread": 0, "mentions": 0, "muted": false,
        "muted_until": null, "archived": false, "favourite": false, "marked_unread_at": null,
        "history": "all", "slow_mode_seconds": null, "announcements_only": false, "mention_all": "member",
        "last_message": null,
    });
    assert_eq!(body, expected);
    let path = format!("/v1/conversations/{}", id.as_str().unwrap());
    assert_eq!(ann.get(&path).await.body["title"], "Harbour");
}

#[tokio::test]
async fn two_people_have_one_direct_conversation() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let made = ann
        .post(
            "/v1/conversations",
            json!({"kind": "direct", "members": ["bob"]}),
        )
        .await;
    assert_eq!(made.status, 201);
    let found = bob
        .post(
            "/v1/conversations",
            json!({"kind": "direct", "members": ["ann"]}),
        )
        .await;
    assert_eq!((found.status, &found.body["id"]), (200, &made.body["id"]));
    for members in [json!([]), json!(["ann"]), json!(["bob", "cid"])] {
        let new = json!({"kind": "direct", "members": members});
        let answer = ann.post("/v1/conversations", new).await;
        assert!(
            (400..=404).contains(&answer.status),
            "{members}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_retry_with_the_same_client_id_finds_what_the_first_try_made() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let new = json!({"kind": "group", "title": "Once", "client_id": Uuid::now_v7()});
    let first = ann.post("/v1/conversations", new.clone()).await;
    let again = ann.post("/v1/conversations", new).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
}

#[tokio::test]
async fn whoever_is_named_has_to_exist_unless_the_application_says_who_does() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let new = json!({"kind": "group", "members": ["nobody"]});
    let answer = ann.post("/v1/conversations", new.clone()).await;
    assert!(answer.is_problem(400, "invalid"), "{answer:?}");

    let secret = "a secret of at least thirty-two bytes";
    let world = World::with(&format!("[auth.jwt]\nhs256_secret = '{secret}'")).await;
    let made = world.operator().post("/v1/conversations", new).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["member_count"], 1);
    assert_eq!(world.operator().get("/v1/users/nobody").await.status, 200);
}

#[tokio::test]
async fn the_inbox_shows_what_was_last_active_first_page_by_page() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let mut groups = Vec::new();
    for _ in 0..5 {
        groups.push(ann.group(&[]).await);
    }
    ann.say(&groups[1], "hello").await;
    let mut seen = Vec::new();
    let mut path = "/v1/conversations?limit=2".to_owned();
    loop {
        let page = ann.get(&path).await.body;
        for conversation in page["conversations"].as_array().unwrap() {
            seen.push(conversation["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        path = format!("/v1/conversations?limit=2&before={next}");
    }
    let order = [1, 4, 3, 2, 0].map(|index| groups[index].clone());
    assert_eq!(seen, order);
    let page = ann.get("/v1/conversations?limit=1").await.body;
    assert_eq!(page["conversations"][0]["last_message"]["text"], "hello");
}

#[tokio::test]
async fn settings_change_field_by_field_and_only_by_whoever_may() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    let answer = ann
        .patch(&path, json!({"title": null, "topic": "boats"}))
        .await;
    assert_eq!((answer.status, &answer.body["seq"]), (200, &json!(3)));
    let again = ann.patch(&path, json!({"topic": "boats"})).await;
    assert_eq!((again.status, again.body), (200, json!({"seq": 3})));
    let shown = bob.get(&path).await.body;
    assert_eq!(
        (&shown["title"], &shown["topic"]),
        (&Value::Null, &json!("boats"))
    );
    assert!(
        bob.patch(&path, json!({"topic": "x"}))
            .await
            .is_problem(403, "forbidden")
    );
    let long = "x".repeat(2000);
    assert!(
        ann.patch(&path, json!({"topic": long}))
            .await
            .is_problem(413, "too_large")
    );
    assert!(
        ann.patch(&path, json!({"visibility": "public"}))
            .await
            .is_problem(400, "invalid")
    );
    assert!(
        ann.patch(&path, json!({"retention_days": 3}))
            .await
            .is_problem(400, "invalid")
    );
}

#[tokio::test]
async fn a_public_channel_is_seen_and_joined_by_anybody_and_a_private_one_is_not_there() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let channel =
        |visibility| json!({"kind": "channel", "title": "News", "visibility": visibility});
    let open = ann
        .post("/v1/conversations", channel("public"))
        .await
        .text("id");
    let closed = ann
        .post("/v1/conversations", channel("private"))
        .await
        .text("id");

    let shown = bob.get(&format!("/v1/conversations/{open}")).await;
    assert_eq!((shown.status, &shown.body["role"]), (200, &Value::Null));
    let events = format!("/v1/conversations/{open}/events");
    assert!(bob.get(&events).await.is_problem(403, "forbidden"));
    let joined = bob
        .post(&format!("/v1/conversations/{open}/join"), json!({}))
        .await;
    assert_eq!((joined.status, &joined.body["seq"]), (200, &json!(3)));
    assert_eq!(
        bob.get(&events).await.body["events"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let left = bob
        .post(&format!("/v1/conversations/{open}/leave"), json!({}))
        .await;
    assert_eq!(left.status, 200);
    assert!(bob.get(&events).await.is_problem(403, "forbidden"));

    let join = bob
        .post(&format!("/v1/conversations/{closed}/join"), json!({}))
        .await;
    let nowhere = Uuid::now_v7();
    let unknown = bob
        .post(&format!("/v1/conversations/{nowhere}/join"), json!({}))
        .await;
    assert!(join.is_problem(404, "not_found"));
    assert_eq!(join, unknown);
}

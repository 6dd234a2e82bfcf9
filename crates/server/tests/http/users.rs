//! Profiles.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_profile_changes_field_by_field() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let patch = json!({"display_name": "Ann of the Sea", "avatar": "https://example.org/a.png"});
    assert_eq!(ann.patch("/v1/users/me", patch).await.status, 200);
    let patch = json!({"avatar": null});
    let changed = ann.patch("/v1/users/me", patch).await;
    let mut expected =
        json!({"id": "ann", "username": "ann", "display_name": "Ann of the Sea", "avatar": null});
    assert_eq!(bob.get("/v1/users/ann").await.body, expected);
    expected["show_last_seen"] = json!(true);
    assert_eq!(changed.body, expected);
    assert_eq!(ann.get("/v1/users/me").await.body, expected);
}

#[tokio::test]
async fn a_profile_that_would_harm_others_is_refused() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    for patch in [
        json!({"avatar": "javascript:alert(1)"}),
        json!({"display_name": ""}),
        json!({"display_name": "a\u{1b}[2J"}),
        json!({"display_name": 7}),
        json!({"show_last_seen": null}),
        json!({"show_last_seen": "no"}),
    ] {
        let answer = ann.patch("/v1/users/me", patch.clone()).await;
        assert!(answer.is_problem(400, "invalid"), "{patch}");
    }
}

#[tokio::test]
async fn people_are_found_by_how_their_id_or_name_begins() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    world.person("bob").await;
    let patch = json!({"display_name": "Bobby"});
    ann.patch("/v1/users/me", patch).await;
    let found = ann.get("/v1/users?prefix=BO").await;
    let ids: Vec<_> = found.body["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, ["ann", "bob"]);
    let one = ann.get("/v1/users?prefix=bo&limit=1").await;
    assert_eq!(one.body["users"].as_array().unwrap().len(), 1);
    assert!(
        ann.get("/v1/users?limit=0")
            .await
            .is_problem(400, "invalid")
    );
    assert!(
        ann.get("/v1/users/nobody")
            .await
            .is_problem(404, "not_found")
    );
}

#[tokio::test]
async fn an_api_key_is_nobody() {
    let world = World::new().await;
    let operator = world.operator();
    assert_eq!(
        operator.get("/v1/users/me").await.body["id"],
        "tidemark:administrator"
    );
    for answer in [
        operator.patch("/v1/users/me", json!({})).await,
        operator.get("/v1/conversations").await,
        operator.get("/v1/sessions").await,
        operator.post("/v1/sync", json!({})).await,
    ] {
        assert!(answer.is_problem(403, "forbidden"), "{answer:?}");
    }
}

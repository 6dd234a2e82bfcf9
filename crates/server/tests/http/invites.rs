//! Invites over HTTP.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn an_invite_is_made_shown_used_and_revoked() {
    let world = World::new().await;
    let (ann, bob, cid) = (
        world.person("ann").await,
        world.person("bob").await,
        world.person("cid").await,
    );
    let id = ann.group(&[]).await;
    let invites = format!("/v1/conversations/{id}/invites");
    let new = json!({"expires_in_ms": 60_000, "uses_max": 1, "role": "guest"});
    let made = ann.post(&invites, new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (invite, code) = (made.text("invite_id"), made.text("code"));
    assert!(code.len() > 40, "a secret of many bits");
    assert_eq!(
        (&made.body["role"], &made.body["uses"]),
        (&json!("guest"), &json!(0))
    );

    let listed = ann.get(&invites).await;
    assert_eq!(listed.body["invites"][0]["invite_id"], json!(invite));
    assert!(
        !listed.body.to_string().contains(&code),
        "codes are shown once"
    );

    let preview = bob.get(&format!("/v1/invites/{code}")).await;
    assert_eq!(
        preview.body,
        json!({"title": "Harbour", "kind": "group", "member_count": 1})
    );
    let join = format!("/v1/invites/{code}/join");
    for _ in 0..2 {
        let joined = bob.post(&join, json!({})).await;
        assert_eq!(joined.status, 200, "{joined:?}");
        assert_eq!(
            (&joined.body["id"], &joined.body["role"]),
            (&json!(id), &json!("guest"))
        );
    }
    let events = ann.get(&format!("/v1/conversations/{id}/events")).await;
    let event = events.body["events"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&event["by"], &event["invite_id"]),
        (&json!("bob"), &json!(invite))
    );

    let unknown = cid
        .post("/v1/invites/tmi_no-such-code/join", json!({}))
        .await;
    assert!(unknown.is_problem(404, "not_found"));
    assert_eq!(cid.post(&join, json!({})).await, unknown, "used up");
    let revoked = ann.delete(&format!("{invites}/{invite}")).await;
    assert_eq!((revoked.status, revoked.body), (204, Value::Null));
    assert_eq!(cid.get(&format!("/v1/invites/{code}")).await, unknown);
    assert!(
        ann.delete(&format!("{invites}/{invite}"))
            .await
            .is_problem(404, "not_found")
    );
    assert!(
        world
            .stranger()
            .get(&format!("/v1/invites/{code}"))
            .await
            .is_problem(401, "unauthorized")
    );
    // A code opens nothing else.
    assert!(
        world
            .caller(Some(code))
            .get("/v1/users/me")
            .await
            .is_problem(401, "unauthorized")
    );
}

#[tokio::test]
async fn guesses_are_counted() {
    let world =
        World::with("[limits]\nsends_per_second = 1\nsends_burst = 2\nlogins_per_minute = 0\n")
            .await;
    let ann = world.person("ann").await;
    let mut last = 0;
    for _ in 0..4 {
        last = ann.get("/v1/invites/tmi_guess").await.status;
    }
    assert_eq!(last, 429);
}

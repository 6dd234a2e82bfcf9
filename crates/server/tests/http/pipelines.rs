//! Those who follow the feed, as whoever runs the server sees them.

use serde_json::{Value, json};

use crate::world::World;

/// The audit, as soon as it is like this.
async fn audit_that(world: &World, wish: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let answer = world.operator().get("/v1/pipelines/audit").await;
        if answer.status == 200 && wish(&answer.body) {
            return answer.body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the audit is not as wished");
}

#[tokio::test]
async fn pipelines_say_how_far_they_are() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    ann.say(&room, "here").await;
    let audit = audit_that(&world, |it| it["position"] == 3).await;
    let list = world.operator().get("/v1/pipelines").await.body;
    assert_eq!(list["pipelines"][0]["name"], "audit");
    for (field, value) in [
        ("state", json!("running")),
        ("head", json!(3)),
        ("lag_events", json!(0)),
        ("lag_seconds", json!(0)),
        ("failures", json!(0)),
        ("dead_letters", json!(0)),
        ("paused", Value::Null),
        ("trouble", Value::Null),
    ] {
        assert_eq!(audit[field], value, "{field}");
    }
    assert!(audit["node"].is_string());

    let operator = world.operator();
    let paused = operator
        .post("/v1/pipelines/audit/pause", json!({"reason": "because"}))
        .await;
    assert_eq!(
        (&paused.body["state"], &paused.body["paused"]["reason"]),
        (&json!("paused"), &json!("because"))
    );
    let resumed = operator.post("/v1/pipelines/audit/resume", json!({})).await;
    assert_eq!(resumed.body["paused"], Value::Null);
    let back = operator
        .post("/v1/pipelines/audit/rewind", json!({"to": 1}))
        .await;
    assert_eq!(back.status, 200);
    audit_that(&world, |it| it["position"] == 3).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    audit_that(&world, |_| true).await;
    let operator = world.operator();
    for (path, body) in [
        ("/v1/pipelines/audit/rewind", json!({"to": 1_000})),
        ("/v1/pipelines/audit/rewind", json!({})),
        ("/v1/pipelines/audit/rewind", json!({"to": -1})),
        (
            "/v1/pipelines/audit/pause",
            json!({"reason": "x".repeat(501)}),
        ),
    ] {
        let answer = operator.post(path, body).await;
        assert!(answer.is_problem(400, "invalid"), "{path}");
    }
    for path in ["pause", "resume", "dead/replay", "dead/drop"] {
        let unknown = format!("/v1/pipelines/nothing/{path}");
        let answer = operator.post(&unknown, json!({})).await;
        assert!(answer.is_problem(404, "not_found"), "{path}");
    }
    let letter = json!({"position": 1});
    for path in ["replay", "drop"] {
        let path = format!("/v1/pipelines/audit/dead/{path}");
        let answer = operator.post(&path, letter.clone()).await;
        assert!(answer.is_problem(404, "not_found"), "{path}");
    }
    let running = operator.delete("/v1/pipelines/audit").await;
    assert!(running.is_problem(409, "conflict"));
}

#[tokio::test]
async fn pipelines_are_for_api_keys_only() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    for path in ["", "/audit", "/nothing", "/audit/dead"] {
        let answer = ann.get(&format!("/v1/pipelines{path}")).await;
        assert!(answer.is_problem(403, "forbidden"), "{path}");
    }
    for path in ["pause", "resume", "dead/replay", "dead/drop"] {
        let path = format!("/v1/pipelines/audit/{path}");
        let answer = ann.post(&path, json!({})).await;
        assert!(answer.is_problem(403, "forbidden"), "{path}");
    }
    let forget = ann.delete("/v1/pipelines/audit").await;
    assert!(forget.is_problem(403, "forbidden"));
}

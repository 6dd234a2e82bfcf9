//! What belongs to one user: personal state, and the list of mentions.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Caller, World};

/// A time long after any test.
const FAR: i64 = 9_000_000_000_000;

async fn group(maker: &Caller, members: &[&str]) -> String {
    let new = json!({"kind": "group", "members": members});
    let made = maker.post("/v1/conversations", new).await;
    made.text("id")
}

async fn say(caller: &Caller, room: &str, text: &str, mentions: Value) -> u64 {
    let message = json!({"client_id": Uuid::now_v7(), "text": text, "mentions": mentions});
    let path = format!("/v1/conversations/{room}/messages");
    let answer = caller.post(&path, message).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["seq"].as_u64().unwrap()
}

fn path(room: &str) -> String {
    format!("/v1/conversations/{room}/personal")
}

#[tokio::test]
async fn a_state_changes_field_by_field_and_is_the_callers_alone() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = group(&ann, &["bob"]).await;
    let mut expected = json!({
        "conversation": room, "version": 0, "muted_until": null, "archived": false,
        "favourite": false, "marked_unread_at": null, "draft": null,
    });
    let nothing = ann.put(&path(&room), json!({})).await;
    assert_eq!((nothing.status, &nothing.body), (200, &expected));
    let steps = [
        json!({"muted_until": FAR, "favourite": true}),
        json!({"draft": {"text": "Tomorrow at", "reply_to": 2}, "marked_unread_at": 1}),
        json!({"archived": true, "favourite": null}),
        json!({"draft": null}),
    ];
    for (step, version) in steps.into_iter().zip(1..) {
        for (name, value) in step.as_object().unwrap() {
            let is_flag = expected[name].is_boolean();
            let takes_away = value.is_null() && is_flag;
            expected[name] = if takes_away {
                json!(false)
            } else {
                value.clone()
            };
        }
        expected["version"] = json!(version);
        // What is not known is no mistake, and saying it again changes nothing.
        let mut wish = step.clone();
        wish["colour"] = json!("red");
        for wish in [step, wish] {
            let answer = ann.put(&path(&room), wish).await;
            assert_eq!((answer.status, &answer.body), (200, &expected));
        }
    }
    let seen = ann.get(&format!("/v1/conversations/{room}")).await.body;
    let inbox = ann.get("/v1/conversations").await.body;
    for view in [&seen, &inbox["conversations"][0]] {
        assert_eq!(view["muted"], true);
        for name in ["muted_until", "archived", "favourite", "marked_unread_at"] {
            assert_eq!(view[name], expected[name], "{name}");
        }
        assert_eq!(view.get("draft"), None);
    }
    let other = bob.get(&format!("/v1/conversations/{room}")).await.body;
    assert_eq!(
        (&other["muted"], &other["archived"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(other["marked_unread_at"], Value::Null);
    let past = ann.put(&path(&room), json!({"muted_until": 0})).await;
    assert_eq!(past.body["muted_until"], 0);
    let seen = ann.get(&format!("/v1/conversations/{room}")).await.body;
    assert_eq!(seen["muted"], false, "that time is over");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = group(&ann, &[]).await;
    let long = "x".repeat(16 * 1024 + 1);
    for (wish, status, word) in [
        (json!({"muted_until": -1}), 400, "muted_until"),
        (json!({"muted_until": "tomorrow"}), 400, "muted_until"),
        (json!({"archived": 1}), 400, "archived"),
        (json!({"marked_unread_at": 0}), 400, "marked_unread_at"),
        (json!({"marked_unread_at": 3}), 400, "marked_unread_at"),
        (json!({"draft": "text"}), 400, "draft"),
        (json!({"draft": {}}), 400, "text"),
        (
            json!({"draft": {"text": "a", "reply_to": 3}}),
            400,
            "reply_to",
        ),
        (
            json!({"draft": {"text": long}, "favourite": true}),
            413,
            "draft.text",
        ),
        (json!([]), 400, "object"),
    ] {
        let answer = ann.put(&path(&room), wish).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text("detail").contains(word), "{answer:?}");
    }
    let changes = ann.get("/v1/personal").await.body;
    assert_eq!(changes, json!({"changes": [], "version": 0, "more": false}));

    let wish = json!({"archived": true});
    let unknown = path(&Uuid::now_v7().to_string());
    let foreign = bob.put(&path(&room), wish.clone()).await;
    assert_eq!(foreign.status, 404);
    assert_eq!(foreign, bob.put(&unknown, wish.clone()).await);
    assert_eq!(
        world
            .operator()
            .put(&path(&room), wish.clone())
            .await
            .status,
        403
    );
    assert_eq!(world.stranger().put(&path(&room), wish).await.status, 401);
    for path in [
        "/v1/personal?after=-1",
        "/v1/mentions?before=x",
        "/v1/mentions?limit=0",
    ] {
        assert_eq!(ann.get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_device_catches_up_by_version() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        let room = group(&ann, &[]).await;
        ann.put(
            &path(&room),
            json!({"draft": {"text": format!("draft {n}")}}),
        )
        .await;
        rooms.push(room);
    }
    ann.put(&path(&rooms[0]), json!({"draft": {"text": "newer"}}))
        .await;
    let (mut after, mut drafts) = (0, Vec::new());
    loop {
        let page = ann
            .get(&format!("/v1/personal?after={after}&limit=2"))
            .await
            .body;
        let changes = page["changes"].as_array().unwrap();
        drafts.extend(changes.iter().map(|it| it["draft"]["text"].clone()));
        after = page["version"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
        assert_eq!(changes.len(), 2);
    }
    assert_eq!(after, 6);
    assert_eq!(
        drafts,
        ["draft 1", "draft 2", "draft 3", "draft 4", "newer"]
    );
    ann.post(&format!("/v1/conversations/{}/leave", rooms[1]), json!({}))
        .await;
    let world = world.restart().await;
    let page = world
        .caller(ann.token.clone())
        .get("/v1/personal?after=1")
        .await
        .body;
    assert_eq!(
        (
            page["version"].as_u64(),
            page["changes"].as_array().unwrap().len()
        ),
        (Some(6), 4)
    );
}

#[tokio::test]
async fn mentions_are_listed_over_all_conversations() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let (one, two) = (group(&ann, &["bob"]).await, group(&ann, &["bob"]).await);
    let first = say(&ann, &one, "for bob", json!(["bob"])).await;
    say(&ann, &one, "for nobody", json!([])).await;
    let second = say(&ann, &two, "for all", json!("all")).await;
    say(&bob, &two, "for all but me", json!("all")).await;
    let newest = bob.get("/v1/mentions?limit=1").await.body;
    let mention = &newest["mentions"][0];
    assert_eq!(
        (
            &mention["conversation"],
            &mention["seq"],
            &mention["sender"],
            &mention["text"]
        ),
        (
            &json!(two),
            &json!(second),
            &json!("ann"),
            &json!("for all")
        )
    );
    assert!(mention["at"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(newest["next"], mention["position"]);
    let rest = bob
        .get(&format!("/v1/mentions?before={}", newest["next"]))
        .await
        .body;
    assert_eq!(rest["mentions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &rest["mentions"][0]["conversation"],
            &rest["mentions"][0]["seq"]
        ),
        (&json!(one), &json!(first))
    );
    assert_eq!(rest["next"], Value::Null);
    bob.post(&format!("/v1/conversations/{one}/leave"), json!({}))
        .await;
    let left = bob.get("/v1/mentions").await.body;
    assert_eq!(left["mentions"], json!([mention]), "only where one is now");
}

//! Bans, rules, handing over and what messages said before, over HTTP.

use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn who_is_banned_is_out_until_the_ban_is_lifted() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    let ban = format!("{path}/bans/bob");
    let banned = ann.put(&ban, json!({"reason": "spam"})).await;
    assert_eq!((banned.status, &banned.body["seq"]), (200, &json!(3)));
    let bans = ann.get(&format!("{path}/bans")).await.body;
    let at = &banned.body["at"];
    let expected = json!([{"user": "bob", "seq": 3, "at": at, "by": "ann", "reason": "spam"}]);
    assert_eq!((&bans["bans"], &bans["more"]), (&expected, &json!(false)));
    assert!(bob.get(&path).await.is_problem(404, "not_found"));
    let add = json!({"users": ["bob"]});
    let refused = ann.post(&format!("{path}/members"), add.clone()).await;
    assert!(refused.is_problem(403, "forbidden"));
    assert!(refused.text("detail").contains("banned"), "{refused:?}");
    assert_eq!(ann.delete(&ban).await.status, 200);
    assert!(ann.delete(&ban).await.is_problem(404, "not_found"));
    assert_eq!(ann.post(&format!("{path}/members"), add).await.status, 200);
    // A reason is optional, and so is a body.
    for body in ["", "{}"] {
        let banned = ann.put_text(&ban, body).await;
        assert_eq!(banned.status, 200, "{body} {banned:?}");
        let bans = ann.get(&format!("{path}/bans")).await.body;
        assert_eq!(bans["bans"][0]["reason"], json!(null));
        assert_eq!(ann.delete(&ban).await.status, 200);
    }
    for body in [" ", "null", "{"] {
        let refused = ann.put_text(&ban, body).await;
        assert!(refused.is_problem(400, "invalid"), "{body}");
    }
    assert!(
        ann.put(&format!("{path}/bans/nobody"), json!({}))
            .await
            .is_problem(404, "not_found")
    );
}

#[tokio::test]
async fn rules_are_set_shown_and_kept() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    let set = async |patch| ann.patch(&path, patch).await;
    let rules =
        json!({"history": "since_joined", "slow_mode_seconds": 3_600, "mention_all": "admin"});
    assert_eq!(set(rules.clone()).await.status, 200);
    let shown = bob.get(&path).await.body;
    for (name, value) in rules.as_object().unwrap() {
        assert_eq!(&shown[name], value);
    }
    assert_eq!(
        (&shown["announcements_only"], &shown["visible_from"]),
        (&json!(false), &json!(2))
    );

    let message =
        |mentions| json!({"client_id": Uuid::now_v7(), "text": "hi", "mentions": mentions});
    let messages = format!("{path}/messages");
    let to_all = bob.post(&messages, message(json!("all"))).await;
    assert!(to_all.is_problem(403, "forbidden"));
    let first = message(json!([]));
    assert_eq!(bob.post(&messages, first.clone()).await.status, 201);
    let second = bob
        .request(reqwest::Method::POST, &messages, Some(message(json!([]))))
        .await;
    assert_eq!(second.status(), 429);
    let wait: u64 = second.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=3_600).contains(&wait), "{wait}");
    let again = bob.post(&messages, first).await;
    assert_eq!(
        (again.status, &again.body["duplicate"]),
        (200, &json!(true))
    );

    assert_eq!(
        set(json!({"slow_mode_seconds": null, "announcements_only": true}))
            .await
            .status,
        200
    );
    assert_eq!(ann.get(&path).await.body["slow_mode_seconds"], json!(null));
    assert!(
        bob.post(&messages, message(json!([])))
            .await
            .is_problem(403, "forbidden")
    );
    for bad in [
        json!({"history": "none"}),
        json!({"slow_mode_seconds": 86_401}),
        json!({"mention_all": "king"}),
    ] {
        assert!(set(bad).await.is_problem(400, "invalid"));
    }
    let direct = json!({"kind": "direct", "members": ["bob"]});
    let direct = ann.post("/v1/conversations", direct).await.text("id");
    let refused = ann
        .patch(
            &format!("/v1/conversations/{direct}"),
            json!({"announcements_only": true}),
        )
        .await;
    assert!(refused.is_problem(403, "forbidden"));
}

#[tokio::test]
async fn a_newcomer_reads_from_where_they_came() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&[]).await;
    let path = format!("/v1/conversations/{id}");
    ann.patch(&path, json!({"history": "since_joined"})).await;
    let secret = ann.say(&id, "secret").await;
    ann.post(&format!("{path}/members"), json!({"users": ["bob"]}))
        .await;
    let edit = json!({"text": "another secret"});
    ann.patch(&format!("{path}/messages/{secret}"), edit).await;

    let events = bob.get(&format!("{path}/events")).await.body;
    assert_eq!(
        (&events["visible_from"], &events["events"][0]["seq"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(
        events["events"][1]["text"],
        json!(""),
        "an edit of what they do not see"
    );
    assert!(!events.to_string().contains("secret"));
    let sync = json!({"conversations": {id.clone(): 1}});
    let synced = bob.post("/v1/sync", sync).await.body;
    assert!(!synced.to_string().contains("secret"));
    assert_eq!(synced["conversations"][0]["visible_from"], json!(5));
    let messages = bob.get(&format!("{path}/messages")).await.body;
    assert_eq!(
        (&messages["messages"], &messages["more"]),
        (&json!([]), &json!(false))
    );
    let pin = bob
        .put(&format!("{path}/messages/{secret}/pin"), json!({}))
        .await;
    let nothing = bob.put(&format!("{path}/messages/99/pin"), json!({})).await;
    assert!(pin.is_problem(404, "not_found"));
    assert_eq!(pin, nothing);
    let operator = world.operator().get(&format!("{path}/events")).await.body;
    assert_eq!(operator["events"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn what_a_message_said_is_read_until_it_is_deleted() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let message = format!(
        "/v1/conversations/{id}/messages/{}",
        bob.say(&id, "one").await
    );
    bob.patch(&message, json!({"text": "two", "mentions": ["ann"]}))
        .await;
    let history = format!("{message}/history");
    let shown = ann.get(&history).await.body;
    let versions = shown["versions"].as_array().unwrap();
    assert_eq!(
        (&versions[0]["text"], &versions[1]["text"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!(
        (&versions[1]["by"], &versions[1]["mentions"]),
        (&json!("bob"), &json!(["ann"]))
    );
    let later = bob.get(&format!("{history}?after=3")).await.body;
    assert_eq!(later["versions"].as_array().unwrap().len(), 1);
    ann.delete(&message).await;
    let shown = ann.get(&history).await.body;
    assert!(
        shown["versions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["text"] == "")
    );
}

#[tokio::test]
async fn an_owner_hands_over() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    let handed = ann
        .post(&format!("{path}/owner"), json!({"user": "bob"}))
        .await;
    assert_eq!((handed.status, &handed.body["seq"]), (200, &json!(3)));
    assert_eq!(ann.get(&path).await.body["role"], json!("admin"));
    assert_eq!(bob.get(&path).await.body["role"], json!("owner"));
}

#[tokio::test]
async fn the_last_owner_hands_over_before_they_go() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    let leave = format!("{path}/leave");
    let role = format!("{path}/members/ann");
    for refused in [
        ann.post(&leave, json!({})).await,
        ann.delete(&role).await,
        ann.patch(&role, json!({"role": "admin"})).await,
        world.operator().delete(&role).await,
    ] {
        assert!(refused.is_problem(409, "conflict"), "{refused:?}");
        assert!(refused.text("detail").contains("hand it over"));
    }
    let owner = json!({"user": "bob"});
    let handed = ann.post(&format!("{path}/owner"), owner).await;
    assert_eq!(handed.status, 200);
    assert_eq!(ann.post(&leave, json!({})).await.status, 200);
    assert_eq!(bob.post(&leave, json!({})).await.status, 200);
}

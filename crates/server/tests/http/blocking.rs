//! Blocking others, as the two people notice it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

async fn block(caller: &Caller, other: &str) -> Answer {
    caller
        .put(&format!("/v1/users/{other}/block"), json!({}))
        .await
}

async fn unblock(caller: &Caller, other: &str) -> Answer {
    caller.delete(&format!("/v1/users/{other}/block")).await
}

async fn direct(caller: &Caller, other: &str) -> Answer {
    let new = json!({"kind": "direct", "members": [other]});
    caller.post("/v1/conversations", new).await
}

async fn send(caller: &Caller, room: &str, client_id: Uuid) -> Answer {
    let message = json!({"client_id": client_id, "text": "hello"});
    let path = format!("/v1/conversations/{room}/messages");
    caller.post(&path, message).await
}

async fn names(caller: &Caller) -> Vec<Value> {
    let page = caller.get("/v1/blocks").await;
    assert_eq!((page.status, &page.body["more"]), (200, &json!(false)));
    let users = page.body["users"].as_array().unwrap();
    users.iter().map(|one| one["user"].clone()).collect()
}

#[tokio::test]
async fn a_list_is_kept_of_whom_one_blocks() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let bob = world.person("bob").await;
    world.person("cem").await;
    for other in ["cem", "bob", "bob"] {
        let done = block(&ann, other).await;
        assert_eq!((done.status, &done.body), (204, &Value::Null));
    }
    assert_eq!(names(&ann).await, ["bob", "cem"]);
    assert_eq!(names(&bob).await, Vec::<Value>::new());
    let first = ann.get("/v1/blocks?limit=1").await.body;
    assert_eq!(
        (&first["users"][0]["user"], &first["more"]),
        (&json!("bob"), &json!(true))
    );
    assert!(first["users"][0]["at"].is_i64());
    let second = ann.get("/v1/blocks?limit=1&after=bob").await.body;
    assert_eq!(
        (&second["users"][0]["user"], &second["more"]),
        (&json!("cem"), &json!(false))
    );
    for other in ["cem", "cem"] {
        assert_eq!(unblock(&ann, other).await.status, 204);
    }
    let world = world.restart().await;
    let ann = world.caller(ann.token);
    assert_eq!(names(&ann).await, ["bob"]);
}

#[tokio::test]
async fn what_cannot_be_blocked_is_refused() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    assert!(block(&ann, "ann").await.is_problem(400, "invalid"));
    assert!(block(&ann, "nobody").await.is_problem(404, "not_found"));
    assert!(unblock(&ann, "nobody").await.is_problem(404, "not_found"));
    assert!(
        ann.get("/v1/blocks?limit=0")
            .await
            .is_problem(400, "invalid")
    );
    let operator = world.operator();
    assert!(block(&operator, "ann").await.is_problem(403, "forbidden"));
    assert!(unblock(&operator, "ann").await.is_problem(403, "forbidden"));
    assert!(
        operator
            .get("/v1/blocks")
            .await
            .is_problem(403, "forbidden")
    );
    assert!(
        block(&world.stranger(), "ann")
            .await
            .is_problem(401, "unauthorized")
    );
}

#[tokio::test]
async fn neither_of_the_two_writes_in_their_direct_conversation() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = direct(&ann, "bob").await.text("id");
    let name = Uuid::now_v7();
    let said = send(&bob, &room, name).await;
    let message = format!("/v1/conversations/{room}/messages/{}", said.body["seq"]);
    assert_eq!(block(&ann, "bob").await.status, 204);

    let mut words = Vec::new();
    for caller in [&ann, &bob] {
        let refused = [
            send(caller, &room, Uuid::now_v7()).await,
            caller
                .put(&format!("{message}/reactions/:boat:"), json!({}))
                .await,
            caller.put(&format!("{message}/pin"), json!({})).await,
        ];
        for answer in refused {
            assert!(answer.is_problem(403, "forbidden"), "{answer:?}");
            words.push(answer.text("detail"));
        }
    }
    let edited = bob.patch(&message, json!({"text": "hi"})).await;
    assert!(edited.is_problem(403, "forbidden"), "{edited:?}");
    words.dedup();
    assert_eq!(words.len(), 1, "nobody hears who blocked whom: {words:?}");

    // What was accepted stays accepted, the conversation is found and read, and one's own message can be deleted.
    let again = send(&bob, &room, name).await;
    assert_eq!((again.status, &again.body["seq"]), (200, &said.body["seq"]));
    let found = direct(&bob, "ann").await;
    assert_eq!((found.status, found.text("id")), (200, room.clone()));
    let path = format!("/v1/conversations/{room}/messages");
    assert_eq!(bob.get(&path).await.status, 200);
    assert_eq!(bob.delete(&message).await.status, 200);

    assert_eq!(unblock(&ann, "bob").await.status, 204);
    assert_eq!(send(&bob, &room, Uuid::now_v7()).await.status, 201);
}

#[tokio::test]
async fn whoever_is_blocked_brings_the_blocker_nowhere_but_by_an_invite() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    world.person("cem").await;
    assert_eq!(block(&ann, "bob").await.status, 204);
    for (caller, other) in [(&ann, "bob"), (&bob, "ann")] {
        let begun = direct(caller, other).await;
        assert!(begun.is_problem(403, "forbidden"), "{begun:?}");
    }
    let new = json!({"kind": "group", "members": ["cem", "ann"]});
    let begun = bob.post("/v1/conversations", new).await;
    assert!(begun.is_problem(403, "forbidden"), "{begun:?}");
    let room = bob.group(&["cem"]).await;
    let path = format!("/v1/conversations/{room}");
    let added = bob
        .post(&format!("{path}/members"), json!({"users": ["ann"]}))
        .await;
    assert!(added.is_problem(403, "forbidden"), "{added:?}");

    let invite = bob.post(&format!("{path}/invites"), json!({})).await;
    let code = invite.text("code");
    let joined = ann
        .post(&format!("/v1/invites/{code}/join"), json!({}))
        .await;
    assert_eq!(joined.status, 200, "{joined:?}");
    bob.say(&room, "hello").await;
    ann.say(&room, "hello").await;
    assert_eq!(ann.group(&["bob"]).await.len(), 36);
}

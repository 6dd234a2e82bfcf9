//! Programs that take part, and the keys that let them in.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

/// Makes a key, and returns whoever has it.
async fn key(world: &World, key: Value) -> Caller {
    let made = world.operator().post("/v1/keys", key).await;
    assert_eq!(made.status, 201, "{made:?}");
    world.caller(Some(made.text("key")))
}

/// A group of ann's with the bot `tickets` in it.
async fn group_with_bot(world: &World) -> (Caller, String) {
    let bot = json!({"username": "tickets", "display_name": "Tickets"});
    let made = world.operator().post("/v1/bots", bot).await;
    assert_eq!((made.status, &made.body["bot"]), (201, &json!(true)));
    let ann = world.person("ann").await;
    let room = ann.group(&["tickets"]).await;
    (ann, room)
}

async fn send(caller: &Caller, room: &str, text: &str) -> Answer {
    let message = json!({"client_id": Uuid::now_v7(), "text": text});
    let path = format!("/v1/conversations/{room}/messages");
    caller.post(&path, message).await
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("detail"))
}

#[tokio::test]
async fn a_bot_takes_part_with_a_key_that_is_good_for_what_it_says() {
    let world = World::new().await;
    let (ann, room) = group_with_bot(&world).await;
    let sender = json!({"name": "sender", "acts_as": "tickets", "scopes": ["send"]});
    let sender = key(&world, sender).await;
    let reader = json!({"name": "reader", "acts_as": "tickets", "scopes": ["read"]});
    let reader = key(&world, reader).await;

    assert_eq!(send(&sender, &room, "a ticket").await.status, 201);
    let messages = format!("/v1/conversations/{room}/messages");
    let seen = ann.get(&messages).await.body;
    assert_eq!(seen["messages"][0]["sender"], "tickets");
    assert_eq!(reader.get(&messages).await.body, seen);
    let read = format!("/v1/conversations/{room}/read");
    assert_eq!(reader.put(&read, json!({"seq": 3})).await.status, 200);

    let needs = |scope: &str| (403, format!("this takes a key with the scope `{scope}`"));
    assert_eq!(refusal(&send(&reader, &room, "no").await), needs("send"));
    assert_eq!(refusal(&sender.get(&messages).await), needs("read"));
    let renamed = reader
        .patch("/v1/users/me", json!({"display_name": "x"}))
        .await;
    assert_eq!(refusal(&renamed), needs("manage"));
    assert_eq!(refusal(&sender.get("/v1/feed").await), needs("feed"));
    assert_eq!(refusal(&sender.get("/v1/keys").await), needs("operate"));

    let all = key(&world, json!({"name": "all", "acts_as": "tickets"})).await;
    let renamed = all
        .patch("/v1/users/me", json!({"display_name": "x"}))
        .await;
    assert_eq!(renamed.status, 200);
    assert_eq!(
        all.get("/v1/feed").await.status,
        403,
        "a bot is no administrator"
    );
    assert_eq!(all.get("/v1/bots").await.status, 403);
}

#[tokio::test]
async fn a_key_of_one_conversation_says_something_there_by_its_url() {
    let world = World::new().await;
    let (ann, room) = group_with_bot(&world).await;
    let elsewhere = ann.group(&["tickets"]).await;
    let wanted = json!({
        "name": "incoming", "acts_as": "tickets", "scopes": ["send"], "conversation": room,
    });
    let holder = key(&world, wanted).await;
    assert_eq!(send(&holder, &room, "here").await.status, 201);
    let refused = send(&holder, &elsewhere, "there").await;
    assert_eq!(
        refusal(&refused),
        (403, format!("this key is for the conversation {room} only"))
    );

    let url = format!("/v1/incoming/{}", holder.token.as_ref().unwrap());
    let stranger = world.stranger();
    let id = Uuid::now_v7();
    let message = json!({"text": "the build is red", "client_id": id});
    assert_eq!(stranger.post(&url, message.clone()).await.status, 201);
    let again = stranger.post(&url, message).await;
    assert_eq!(
        (again.status, &again.body["duplicate"]),
        (200, &json!(true))
    );
    assert_eq!(
        stranger.post(&url, json!({"text": "unnamed"})).await.status,
        201
    );
    let seen = ann
        .get(&format!("/v1/conversations/{room}/messages"))
        .await
        .body;
    let seen = seen["messages"].as_array().unwrap();
    let texts: Vec<_> = seen.iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["here", "the build is red", "unnamed"]);
    assert!(seen.iter().all(|it| it["sender"] == "tickets"));

    assert_eq!(stranger.post(&url, json!({})).await.status, 400);
    let of_all = key(&world, json!({"name": "of all", "acts_as": "tickets"})).await;
    let of_all = format!("/v1/incoming/{}", of_all.token.as_ref().unwrap());
    assert_eq!(
        stranger.post(&of_all, json!({"text": "no"})).await.status,
        403
    );
    let nobody = stranger
        .post("/v1/incoming/tmk_nothing", json!({"text": "no"}))
        .await;
    assert_eq!(nobody.status, 401);
    assert_eq!(
        world.operator().delete("/v1/keys/incoming").await.status,
        204
    );
    assert_eq!(stranger.post(&url, json!({"text": "no"})).await.status, 401);
}

#[tokio::test]
async fn an_administrator_may_give_less_than_everything() {
    let world = World::with("[auth]\nregistration = 'closed'").await;
    let reader = key(&world, json!({"name": "warehouse", "scopes": ["feed"]})).await;
    assert_eq!(reader.get("/v1/feed").await.status, 200);
    assert_eq!(reader.get("/v1/pipelines").await.status, 403);
    assert_eq!(reader.get("/v1/conversations").await.status, 403);
    let account = json!({"username": "ann", "password": "correct horse"});
    assert_eq!(
        reader.post("/v1/accounts", account.clone()).await.status,
        403
    );
    let operator = key(&world, json!({"name": "operator", "scopes": ["operate"]})).await;
    assert_eq!(operator.post("/v1/accounts", account).await.status, 201);
    assert_eq!(operator.get("/v1/pipelines").await.status, 200);
    assert_eq!(operator.get("/v1/feed").await.status, 403);
    for more in [
        json!({"name": "more"}),
        json!({"name": "more", "scopes": ["operate", "feed"]}),
        json!({"name": "more", "acts_as": "ann"}),
        json!({"name": "more", "acts_as": "ann", "scopes": ["read"]}),
    ] {
        let refused = operator.post("/v1/keys", more.clone()).await;
        assert_eq!(refused.status, 403, "{more}");
    }
    let same = json!({"name": "same", "scopes": ["operate"]});
    assert_eq!(operator.post("/v1/keys", same).await.status, 201);
}

#[tokio::test]
async fn keys_and_bots_are_listed_without_their_secrets() {
    let world = World::new().await;
    let operator = world.operator();
    group_with_bot(&world).await;
    key(&world, json!({"name": "all"})).await;
    key(
        &world,
        json!({"name": "bot's", "acts_as": "tickets", "scopes": ["read", "send"]}),
    )
    .await;
    let keys = operator.get("/v1/keys").await.body;
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for (field, all, bots) in [
        ("name", json!("all"), json!("bot's")),
        ("acts_as", Value::Null, json!("tickets")),
        ("scopes", Value::Null, json!(["read", "send"])),
        ("conversation", Value::Null, Value::Null),
    ] {
        assert_eq!([&keys[0][field], &keys[1][field]], [&all, &bots], "{field}");
    }
    assert!(keys.iter().all(|key| key.get("key").is_none()));
    let bots = operator.get("/v1/bots").await.body;
    assert_eq!(bots["bots"][0]["display_name"], "Tickets");
    let person = operator.get("/v1/users/ann").await.body;
    assert_eq!(person.get("bot"), None);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let (ann, _) = group_with_bot(&world).await;
    let operator = world.operator();
    for (wrong, status) in [
        (json!({}), 400),
        (json!({"name": ""}), 400),
        (json!({"name": "a", "scopes": ["everything"]}), 400),
        (
            json!({"name": "a", "acts_as": "tickets", "scopes": ["feed"]}),
            400,
        ),
        (json!({"name": "a", "acts_as": "nobody"}), 404),
        (json!({"name": "a", "conversation": "here"}), 400),
    ] {
        let refused = operator.post("/v1/keys", wrong.clone()).await;
        assert_eq!(refused.status, status, "{wrong}: {refused:?}");
    }
    key(&world, json!({"name": "a"})).await;
    assert_eq!(
        operator.post("/v1/keys", json!({"name": "a"})).await.status,
        409
    );
    assert_eq!(operator.delete("/v1/keys/b").await.status, 404);
    for (name, status) in [("tickets", 409), ("ann", 409), ("", 400), ("a b", 400)] {
        let refused = operator.post("/v1/bots", json!({"username": name})).await;
        assert_eq!(refused.status, status, "{name:?}: {refused:?}");
    }
    for path in ["/v1/keys", "/v1/bots"] {
        assert_eq!(ann.get(path).await.status, 403);
        assert_eq!(
            ann.post(path, json!({"name": "x", "username": "x"}))
                .await
                .status,
            403
        );
    }
    let credentials = json!({"username": "tickets", "password": "any password"});
    assert_eq!(
        world
            .stranger()
            .post("/v1/sessions", credentials)
            .await
            .status,
        401
    );
}

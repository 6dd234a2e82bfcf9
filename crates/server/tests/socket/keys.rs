//! Keys that are good for less than everything.

use serde_json::{Value, json};

use crate::client::Socket;
use crate::world::{Person, World};

async fn key(world: &World, wanted: Value) -> Person {
    let made = world.operator().post("/v1/keys", &wanted).await;
    let key = made.expect(201)["key"].as_str().unwrap().to_owned();
    world.caller("tickets", key)
}

#[tokio::test]
async fn a_key_that_only_reads_hears_everything_and_sends_nothing() {
    let world = World::new().await;
    let bot = json!({"username": "tickets"});
    world.operator().post("/v1/bots", &bot).await.expect(201);
    let ann = world.person("ann");
    let room = ann.group(&["tickets"]).await;
    let reader = json!({"name": "reader", "acts_as": "tickets", "scopes": ["read"]});
    let reader = key(&world, reader).await;
    let (mut socket, _) = reader.online().await;
    ann.say(&room, "heard").await;
    let heard = socket.expect("event").await;
    assert_eq!(heard["text"], "heard");
    let id = socket.say(&room, "unheard").await;
    let refused = socket.expect_refused(id, "forbidden").await;
    assert_eq!(refused["detail"], "this takes a key with the scope `send`");
}

#[tokio::test]
async fn a_key_that_may_not_read_everything_gets_no_socket() {
    let world = World::new().await;
    let bot = json!({"username": "tickets"});
    world.operator().post("/v1/bots", &bot).await.expect(201);
    let ann = world.person("ann");
    let room = ann.group(&["tickets"]).await;
    for wanted in [
        json!({"name": "sender", "acts_as": "tickets", "scopes": ["send"]}),
        json!({"name": "one room", "acts_as": "tickets", "conversation": room}),
    ] {
        let person = key(&world, wanted).await;
        let mut socket = Socket::open(person.address).await;
        socket.say_hello(&person.token, json!({})).await;
        socket.expect_close("unauthorized", 4001).await;
    }
}

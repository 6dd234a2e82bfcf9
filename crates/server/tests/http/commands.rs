//! What bots can be asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tidemark_webhooks::{Secret, Signature};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

const LOOPBACK: &str = "[webhooks]\nallowed_networks = ['127.0.0.0/8']\ntimeout_ms = 500";

/// Where a bot listens.
#[derive(Clone, Default)]
struct Bot(Arc<Mutex<Talk>>);

#[derive(Default)]
struct Talk {
    /// What it was asked.
    asked: Vec<(HeaderMap, Bytes)>,
    /// What it answers.
    answer: String,
}

impl Bot {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bot = self.clone();
        let hear = move |headers: HeaderMap, body: Bytes| async move {
            let mut bot = bot.0.lock();
            bot.asked.push((headers, body));
            bot.answer.clone()
        };
        let router = Router::new()
            .route("/ask", post(hear))
            .route("/never", post(std::future::pending::<()>))
            .route(
                "/broken",
                post(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn answer(&self, answer: &Value) {
        self.0.lock().answer = answer.to_string();
    }

    fn asked(&self) -> Vec<Value> {
        let bot = self.0.lock();
        let bodies = bot.asked.iter().map(|(_, body)| body);
        bodies
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect()
    }
}

struct Scene {
    world: World,
    ann: Caller,
    room: String,
    bot: Bot,
    url: String,
    secret: String,
}

/// A group of ann's and ben's, with the bot `tickets`, which knows `/remind`.
async fn scene() -> Scene {
    let world = World::with(LOOPBACK).await;
    let made = world
        .operator()
        .post("/v1/bots", json!({"username": "tickets"}))
        .await;
    assert_eq!(made.status, 201);
    let ann = world.person("ann").await;
    world.person("ben").await;
    let room = ann.group(&["tickets", "ben"]).await;
    let bot = Bot::default();
    let url = bot.listen().await;
    let mut scene = Scene {
        world,
        ann,
        room,
        bot,
        url,
        secret: String::new(),
    };
    scene.secret = scene.listens_at("/ask").await.text("secret");
    scene
}

impl Scene {
    async fn listens_at(&self, path: &str) -> Answer {
        let commands = json!([{"name": "remind", "usage": "TEXT", "description": "Reminds you"}]);
        let wanted = json!({"url": format!("{}{path}", self.url), "commands": commands});
        let set = self
            .world
            .operator()
            .put("/v1/bots/tickets/commands", wanted)
            .await;
        assert_eq!(set.status, 200, "{set:?}");
        set
    }

    async fn give(&self, caller: &Caller, name: &str, arguments: &str) -> Answer {
        let command = json!({"client_id": Uuid::now_v7(), "arguments": arguments});
        let path = format!("/v1/conversations/{}/commands/{name}", self.room);
        caller.post(&path, command).await
    }
}

#[tokio::test]
async fn a_command_reaches_the_bot_and_its_answer_whoever_gave_it() {
    let scene = scene().await;
    let list = format!("/v1/conversations/{}/commands", scene.room);
    assert_eq!(
        scene.ann.get(&list).await.body,
        json!({"commands": [
            {"bot": "tickets", "name": "remind", "usage": "TEXT", "description": "Reminds you"},
        ]})
    );
    scene.bot.answer(&json!({"text": "I shall"}));
    let done = scene.give(&scene.ann, "remind", "me at 5").await;
    assert_eq!(
        done.body,
        json!({"bot": "tickets", "text": "I shall", "seq": null})
    );
    let asked = scene.bot.asked().pop().unwrap();
    for (field, value) in [
        ("command", json!("remind")),
        ("arguments", json!("me at 5")),
        ("conversation", json!(scene.room)),
    ] {
        assert_eq!(asked[field], value);
    }
    assert_eq!(asked["user"]["id"], "ann");
    let (headers, body) = scene.bot.0.lock().asked.pop().unwrap();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signature = Signature {
        id: text("webhook-id"),
        timestamp_s: text("webhook-timestamp").parse().unwrap(),
        signatures: text("webhook-signature"),
    };
    let secret = Secret::parse(&scene.secret).unwrap();
    let verified = secret.verify(&signature, &body, signature.timestamp_s, Duration::ZERO);
    assert_eq!(verified, Ok(()));
    let messages = format!("/v1/conversations/{}/messages", scene.room);
    assert_eq!(scene.ann.get(&messages).await.body["messages"], json!([]));
}

#[tokio::test]
async fn what_is_for_all_is_said_by_the_bot_and_once() {
    let scene = scene().await;
    scene
        .bot
        .answer(&json!({"text": "ann wants tea", "visible": "all"}));
    let command = json!({"client_id": Uuid::now_v7(), "arguments": "tea"});
    let path = format!("/v1/conversations/{}/commands/remind", scene.room);
    let first = scene.ann.post(&path, command.clone()).await;
    let again = scene.ann.post(&path, command).await;
    assert_eq!(first.body["text"], Value::Null);
    assert_eq!(first.body["seq"], again.body["seq"]);
    let messages = format!("/v1/conversations/{}/messages", scene.room);
    let messages = scene.ann.get(&messages).await.body;
    assert_eq!(messages["messages"].as_array().unwrap().len(), 1);
    assert_eq!(messages["messages"][0]["sender"], "tickets");
    let ids: Vec<_> = scene
        .bot
        .asked()
        .iter()
        .map(|it| it["client_id"].clone())
        .collect();
    assert_eq!(ids[0], ids[1], "so that the bot knows");
}

#[tokio::test]
async fn only_who_writes_here_gives_commands_and_only_to_members() {
    let scene = scene().await;
    let zoe = scene.world.person("zoe").await;
    assert_eq!(scene.give(&zoe, "remind", "").await.status, 404);
    let list = format!("/v1/conversations/{}/commands", scene.room);
    assert_eq!(zoe.get(&list).await.status, 404);
    let members = format!("/v1/conversations/{}/members", scene.room);
    let guest = json!({"users": ["zoe"], "role": "guest"});
    assert_eq!(scene.ann.post(&members, guest).await.status, 200);
    assert_eq!(scene.give(&zoe, "remind", "").await.status, 403);
    assert_eq!(scene.give(&scene.ann, "forget", "").await.status, 404);
    let removed = scene.ann.delete(&format!("{members}/tickets")).await;
    assert_eq!(removed.status, 200);
    assert_eq!(scene.give(&scene.ann, "remind", "").await.status, 404);
    assert_eq!(scene.ann.get(&list).await.body, json!({"commands": []}));
    assert!(scene.bot.asked().is_empty());
}

#[tokio::test]
async fn a_bot_that_does_not_do_it_says_so_and_holds_up_nobody() {
    let scene = scene().await;
    for (path, why) in [
        ("/broken", "it answered 500"),
        ("/never", "there was no answer in time"),
        ("/nowhere", "it answered 404"),
    ] {
        let set = scene.listens_at(path).await;
        assert_eq!(set.body.get("secret"), None, "it has one");
        let failed = scene.give(&scene.ann, "remind", "").await;
        assert_eq!(
            (failed.status, failed.text("code").as_str()),
            (503, "unavailable")
        );
        let detail = failed.text("detail");
        assert!(detail.contains(why), "{detail}");
    }
    scene.listens_at("/ask").await;
    scene.bot.answer(&json!(["not", "an", "object"]));
    assert_eq!(scene.give(&scene.ann, "remind", "").await.status, 503);
    scene.bot.answer(&json!({}));
    let done = scene.give(&scene.ann, "remind", "").await;
    assert_eq!(
        done.body,
        json!({"bot": "tickets", "text": null, "seq": null})
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = scene().await;
    let operator = scene.world.operator();
    let url = "https://bots.example/ask";
    let command = |name: &str| json!({"name": name});
    for commands in [
        json!([]),
        json!([command("")]),
        json!([command("/remind")]),
        json!([command("Remind")]),
        json!([command(&"x".repeat(33))]),
        json!([command("a"), command("a")]),
        json!([{"name": "a", "usage": "two\nlines"}]),
        json!([{"name": "a", "description": "x".repeat(201)}]),
        Value::Array(
            (0..51)
                .map(|number| command(&format!("a{number}")))
                .collect(),
        ),
    ] {
        let wanted = json!({"url": url, "commands": commands});
        let refused = operator.put("/v1/bots/tickets/commands", wanted).await;
        assert_eq!(refused.status, 400, "{commands}: {refused:?}");
    }
    let wanted = json!({"url": url, "commands": [command("a")]});
    let person = operator.put("/v1/bots/ann/commands", wanted.clone()).await;
    assert_eq!(person.status, 404);
    assert_eq!(
        scene
            .ann
            .put("/v1/bots/tickets/commands", wanted)
            .await
            .status,
        403
    );
    operator
        .post("/v1/bots", json!({"username": "other"}))
        .await;
    let taken = json!({"url": url, "commands": [command("remind")]});
    let taken = operator.put("/v1/bots/other/commands", taken).await;
    assert_eq!(taken.status, 409);
    let too_long = scene
        .give(&scene.ann, "remind", &"x".repeat(16 * 1024 + 1))
        .await;
    assert_eq!(too_long.status, 413);
    assert_eq!(
        operator.delete("/v1/bots/tickets/commands").await.status,
        204
    );
    assert_eq!(operator.get("/v1/bots/tickets/commands").await.status, 404);
}

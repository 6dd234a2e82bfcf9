//! Addresses of others that are told of events.

use std::collections::HashSet;
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

use crate::world::{Caller, World};

const LOOPBACK: &str = "[webhooks]\nallowed_networks = ['127.0.0.0/8']";
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever is called.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    calls: Vec<(HeaderMap, Bytes)>,
    /// What every call is answered; a success if nothing is said.
    answer: Option<StatusCode>,
    /// Texts that are not taken.
    dislikes: HashSet<String>,
}

impl Listener {
    /// Listens, and says where.
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = self.clone();
        let hear = move |headers: HeaderMap, body: Bytes| async move { heard.hear(headers, body) };
        let router = Router::new().route("/hook", post(hear));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn hear(&self, headers: HeaderMap, body: Bytes) -> StatusCode {
        let mut heard = self.0.lock();
        if let Some(status) = heard.answer {
            return status;
        }
        let call: Value = serde_json::from_slice(&body).unwrap();
        let disliked = |event: &Value| {
            heard
                .dislikes
                .contains(event["text"].as_str().unwrap_or_default())
        };
        if call["events"].as_array().unwrap().iter().any(disliked) {
            return StatusCode::UNPROCESSABLE_ENTITY;
        }
        heard.calls.push((headers, body));
        StatusCode::NO_CONTENT
    }

    fn answer(&self, status: Option<StatusCode>) {
        self.0.lock().answer = status;
    }

    fn calls(&self) -> Vec<Value> {
        let heard = self.0.lock();
        let bodies = heard.calls.iter().map(|(_, body)| body);
        bodies
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect()
    }

    fn events(&self) -> Vec<Value> {
        let calls = self.calls();
        let events = calls
            .iter()
            .flat_map(|call| call["events"].as_array().unwrap());
        events.cloned().collect()
    }

    fn texts(&self) -> Vec<String> {
        let events = self.events();
        let texts = events.iter().filter_map(|event| event["text"].as_str());
        texts.map(str::to_owned).collect()
    }
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it is not so");
}

async fn make(operator: &Caller, webhook: Value) -> Value {
    let made = operator.post("/v1/webhooks", webhook).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

/// How a webhook is among the pipelines.
async fn pipeline(operator: &Caller, webhook: &Value) -> Value {
    let name = webhook["pipeline"].as_str().unwrap();
    operator.get(&format!("/v1/pipelines/{name}")).await.body
}

fn path(webhook: &Value) -> String {
    format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap())
}

#[tokio::test]
async fn what_happens_is_told_signed_in_order_and_without_a_gap() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    let ann = world.person("ann").await;
    let (one, two) = (ann.group(&[]).await, ann.group(&[]).await);
    ann.say(&one, "from before").await;
    let webhook = json!({"url": listener.listen().await, "description": "tickets"});
    let webhook = make(&world.operator(), webhook).await;
    for number in 0..20 {
        for room in [&one, &two] {
            ann.say(room, &format!("{number} in {room}")).await;
        }
    }
    until(async || listener.texts().len() >= 40).await;

    let calls = listener.calls();
    let events = listener.events();
    assert_eq!(events.len(), 40, "nothing of before, and nothing twice");
    let positions: Vec<_> = events
        .iter()
        .map(|it| it["position"].as_u64().unwrap())
        .collect();
    assert!(positions.is_sorted());
    assert_eq!(calls[0]["after"], webhook["told"]);
    for pair in calls.windows(2) {
        assert_eq!(pair[1]["after"], pair[0]["through"]);
    }
    let secret = Secret::parse(webhook["secret"].as_str().unwrap()).unwrap();
    let mut ids = HashSet::new();
    for (headers, body) in &listener.0.lock().calls {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let signature = Signature {
            id: text("webhook-id"),
            timestamp_s: text("webhook-timestamp").parse().unwrap(),
            signatures: text("webhook-signature"),
        };
        let verified = secret.verify(&signature, body, signature.timestamp_s, Duration::ZERO);
        assert_eq!(verified, Ok(()));
        assert!(ids.insert(signature.id), "each has an id of its own");
    }
    let list = world.operator().get("/v1/webhooks").await.body;
    assert_eq!(list["webhooks"][0]["description"], "tickets");
    assert_eq!(list["webhooks"][0].get("secret"), None);
}

#[tokio::test]
async fn a_webhook_is_told_of_what_it_asks_for() {
    let world = World::with(LOOPBACK).await;
    let ann = world.person("ann").await;
    let (one, two) = (ann.group(&[]).await, ann.group(&[]).await);
    let (of_one, of_edits) = (Listener::default(), Listener::default());
    let operator = world.operator();
    let wanted = json!({"url": of_one.listen().await, "conversations": [one], "after": 0});
    make(&operator, wanted).await;
    let wanted = json!({"url": of_edits.listen().await, "kinds": ["edit", "created"], "after": 0});
    make(&operator, wanted).await;
    ann.say(&two, "elsewhere").await;
    let seq = ann.say(&one, "hello").await;
    let message = format!("/v1/conversations/{one}/messages/{seq}");
    assert_eq!(
        ann.patch(&message, json!({"text": "hallo"})).await.status,
        200
    );
    until(async || of_one.events().len() >= 4 && of_edits.events().len() >= 3).await;
    let kinds = |listener: &Listener| -> Vec<String> {
        let events = listener.events();
        events
            .iter()
            .map(|it| it["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&of_one), ["created", "members", "message", "edit"]);
    assert_eq!(kinds(&of_edits), ["created", "created", "edit"]);
}

#[tokio::test]
async fn whoever_was_away_is_told_of_everything_and_holds_up_nobody() {
    let world = World::with(LOOPBACK).await;
    let (away, here) = (Listener::default(), Listener::default());
    away.answer(Some(StatusCode::SERVICE_UNAVAILABLE));
    let operator = world.operator();
    let webhook = make(&operator, json!({"url": away.listen().await})).await;
    make(&operator, json!({"url": here.listen().await})).await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    ann.say(&room, "one").await;
    until(async || here.texts() == ["one"]).await;
    until(async || pipeline(&operator, &webhook).await["state"] == "troubled").await;
    let trouble = pipeline(&operator, &webhook).await["trouble"]["reason"].clone();
    assert_eq!(trouble, "it answered 503");
    ann.say(&room, "two").await;
    away.answer(None);
    until(async || away.texts().len() >= 2).await;
    assert_eq!(away.texts(), ["one", "two"]);
    until(async || pipeline(&operator, &webhook).await["state"] == "running").await;
}

#[tokio::test]
async fn one_event_that_is_not_taken_goes_to_the_dead_letters_and_can_be_replayed() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    listener.0.lock().dislikes.insert("bad".to_owned());
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    for text in ["a", "b", "bad", "c", "d"] {
        ann.say(&room, text).await;
    }
    let operator = world.operator();
    let wanted = json!({"url": listener.listen().await, "kinds": ["message"], "after": 0});
    let webhook = make(&operator, wanted).await;
    until(async || listener.texts().len() >= 4).await;
    assert_eq!(listener.texts(), ["a", "b", "c", "d"]);
    assert_eq!(pipeline(&operator, &webhook).await["dead_letters"], 1);

    listener.0.lock().dislikes.clear();
    let name = webhook["pipeline"].as_str().unwrap();
    let replay = format!("/v1/pipelines/{name}/dead/replay");
    assert_eq!(operator.post(&replay, json!({})).await.status, 200);
    until(async || pipeline(&operator, &webhook).await["dead_letters"] == 0).await;
    assert_eq!(listener.texts(), ["a", "b", "c", "d", "bad"]);
    let last = listener.calls().pop().unwrap();
    assert_eq!((last.get("after"), last.get("through")), (None, None));
}

#[tokio::test]
async fn whoever_is_gone_is_called_no_more_until_told_otherwise() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    listener.answer(Some(StatusCode::GONE));
    let operator = world.operator();
    let webhook = make(&operator, json!({"url": listener.listen().await})).await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    ann.say(&room, "one").await;
    let disabled = async || operator.get(&path(&webhook)).await.body["disabled"].clone();
    until(async || disabled().await["reason"] == "it answered 410 Gone").await;
    listener.answer(None);
    let enabled = operator
        .patch(&path(&webhook), json!({"enabled": true}))
        .await;
    assert_eq!(enabled.body["disabled"], Value::Null);
    until(async || listener.texts() == ["one"]).await;

    let off = operator
        .patch(&path(&webhook), json!({"enabled": false}))
        .await;
    assert_eq!(off.body["disabled"]["reason"], "an administrator said so");
}

#[tokio::test]
async fn a_webhook_that_lost_something_is_told_again() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    let operator = world.operator();
    let webhook = make(&operator, json!({"url": listener.listen().await})).await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    for text in ["one", "two"] {
        ann.say(&room, text).await;
    }
    until(async || listener.texts() == ["one", "two"]).await;
    let position = listener.events()[2]["position"].as_u64().unwrap();
    let name = webhook["pipeline"].as_str().unwrap();
    until(async || {
        pipeline(&operator, &webhook).await["position"]
            .as_u64()
            .unwrap()
            > position
    })
    .await;
    let rewind = format!("/v1/pipelines/{name}/rewind");
    let rewound = operator.post(&rewind, json!({"to": position})).await;
    assert_eq!(rewound.status, 200, "{rewound:?}");
    until(async || listener.texts() == ["one", "two", "two"]).await;
    assert_eq!(listener.calls().last().unwrap()["after"], position);
}

#[tokio::test]
async fn a_secret_is_changed_without_a_call_that_cannot_be_believed() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    let operator = world.operator();
    let webhook = make(&operator, json!({"url": listener.listen().await})).await;
    let try_out = format!("{}/test", path(&webhook));
    let tested = operator.post(&try_out, json!({})).await.body;
    assert_eq!(tested, json!({"ok": true, "problem": null}));
    let secret = format!("{}/secret", path(&webhook));
    let second = operator.post(&secret, json!({})).await.body;
    operator.post(&try_out, json!({})).await;
    let third = operator.post(&secret, json!({"drop_old": true})).await.body;
    operator.post(&try_out, json!({})).await;
    let texts = [&webhook, &second, &third].map(|it| it["secret"].as_str().unwrap());
    let believed: Vec<[bool; 3]> = listener
        .0
        .lock()
        .calls
        .iter()
        .map(|(headers, body)| {
            let text = |name: &str| headers[name].to_str().unwrap().to_owned();
            let timestamp_s = text("webhook-timestamp").parse().unwrap();
            let signature = Signature {
                id: text("webhook-id"),
                timestamp_s,
                signatures: text("webhook-signature"),
            };
            texts.map(|secret| {
                let secret = Secret::parse(secret).unwrap();
                secret
                    .verify(&signature, body, timestamp_s, Duration::ZERO)
                    .is_ok()
            })
        })
        .collect();
    assert_eq!(
        believed,
        [
            [true, false, false],
            [true, true, false],
            [false, false, true]
        ]
    );
    assert!(listener.events().is_empty(), "a test tells of nothing");
}

#[tokio::test]
async fn a_removed_webhook_leaves_nothing_behind() {
    let world = World::with(LOOPBACK).await;
    let listener = Listener::default();
    let operator = world.operator();
    let webhook = make(&operator, json!({"url": listener.listen().await})).await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    until(async || listener.events().len() == 2).await;
    assert_eq!(operator.delete(&path(&webhook)).await.status, 204);
    assert_eq!(operator.get(&path(&webhook)).await.status, 404);
    assert_eq!(operator.delete(&path(&webhook)).await.status, 404);
    until(async || {
        let pipelines = operator.get("/v1/pipelines").await.body;
        let pipelines = pipelines["pipelines"].as_array().unwrap().clone();
        pipelines.iter().all(|it| it["name"] != webhook["pipeline"])
    })
    .await;
    ann.say(&room, "unheard").await;
    let other = Listener::default();
    make(&operator, json!({"url": other.listen().await, "after": 0})).await;
    until(async || other.texts() == ["unheard"]).await;
    assert!(listener.texts().is_empty());
}

#[tokio::test]
async fn the_own_network_is_not_called_unless_that_is_allowed() {
    let world = World::new().await;
    let listener = Listener::default();
    let url = listener.listen().await;
    let operator = world.operator();
    let refused = operator.post("/v1/webhooks", json!({"url": url})).await;
    assert_eq!(
        (refused.status, refused.text("code").as_str()),
        (400, "invalid")
    );
    let by_name = url.replace("127.0.0.1", "localhost");
    let webhook = make(&operator, json!({"url": by_name})).await;
    let test = format!("{}/test", path(&webhook));
    let tested = operator.post(&test, json!({})).await.body;
    assert_eq!(tested["ok"], false);
    let problem = tested["problem"].as_str().unwrap();
    assert!(problem.contains("is not a public address"), "{problem}");
    assert!(listener.calls().is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::with(LOOPBACK).await;
    let operator = world.operator();
    let url = "https://bots.example/hook";
    for wrong in [
        json!({}),
        json!({"url": "not a url"}),
        json!({"url": "ftp://bots.example/"}),
        json!({"url": "https://name:word@bots.example/"}),
        json!({"url": format!("https://bots.example/{}", "x".repeat(2_048))}),
        json!({"url": url, "kinds": []}),
        json!({"url": url, "kinds": ["messages"]}),
        json!({"url": url, "conversations": []}),
        json!({"url": url, "conversations": ["here"]}),
        json!({"url": url, "description": "x".repeat(501)}),
    ] {
        let refused = operator.post("/v1/webhooks", wrong.clone()).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
    }
    let ann = world.person("ann").await;
    for (caller, status) in [(&ann, 403), (&world.stranger(), 401)] {
        assert_eq!(caller.get("/v1/webhooks").await.status, status);
        let made = caller.post("/v1/webhooks", json!({"url": url})).await;
        assert_eq!(made.status, status);
    }
    let nobody = "/v1/webhooks/018f0000-0000-7000-8000-000000000000";
    assert_eq!(operator.get(nobody).await.status, 404);
    assert_eq!(
        operator
            .patch(nobody, json!({"enabled": true}))
            .await
            .status,
        404
    );
}

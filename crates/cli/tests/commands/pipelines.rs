//! `tidemark pipeline`, against a server that runs, and with a stream of NATS that has its troubles.

use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tidemark_simulator::nats::Nats;
use tidemark_simulator::node::Listen;
use tokio::time::{Instant, sleep};

use crate::world::{Ended, PATIENCE, World, ended};

const KEY: &str = "an API key for tests of pipelines";

impl World {
    async fn pipeline(&self, arguments: &[&str]) -> Ended {
        let url = self.url();
        let mut all = vec!["pipeline", "--url", &url, "--json"];
        all.extend(arguments);
        ended(self.command(&all).env("TIDEMARK_API_KEY", KEY)).await
    }

    /// One of them, as soon as it is like this.
    async fn pipeline_that(&self, name: &str, wish: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let all = self.pipeline(&["list"]).await.done();
            let found = all.into_iter().find(|it| it["name"] == name);
            if let Some(found) = found.clone().filter(|it| wish(it)) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{found:?}");
            sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

fn is_done(pipeline: &Value) -> bool {
    pipeline["lag_events"] == 0 && pipeline["position"] == pipeline["head"]
}

#[tokio::test]
async fn a_pipeline_is_paused_resumed_and_rewound() {
    let world = World::start_with_key(KEY, "").await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.say(&token, room, "one\ntwo\n").await;
    let audit = world.pipeline_that("audit", is_done).await;
    assert_eq!(
        (&audit["state"], &audit["position"]),
        (&json!("running"), &json!(4))
    );
    let port = world.node.address().port().to_string();
    let node = audit["node"].as_str().unwrap();
    assert!(node.ends_with(&format!(":{port}")), "{node}");

    let paused = world
        .pipeline(&["pause", "audit", "--reason", "to look at it"])
        .await
        .done();
    assert_eq!(paused[0]["state"], "paused");
    // What is under way when it is paused ends; what comes after is not looked at.
    sleep(std::time::Duration::from_millis(500)).await;
    world.say(&token, room, "three\n").await;
    sleep(std::time::Duration::from_millis(1_500)).await;
    let audit = world.pipeline_that("audit", |_| true).await;
    assert_eq!(
        (&audit["position"], &audit["lag_events"], &audit["reason"]),
        (&json!(4), &json!(1), &json!("to look at it"))
    );

    // A pause outlives the server.
    let mut world = world;
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    sleep(std::time::Duration::from_millis(1_500)).await;
    let audit = world.pipeline_that("audit", |_| true).await;
    assert_eq!(
        (&audit["state"], &audit["position"]),
        (&json!("paused"), &json!(4))
    );
    let resumed = world.pipeline(&["resume", "audit"]).await.done();
    assert_ne!(resumed[0]["state"], "paused");
    world.pipeline_that("audit", is_done).await;

    world.pipeline(&["pause", "audit"]).await.done();
    let rewound = world.pipeline(&["rewind", "audit", "--to", "1"]).await;
    assert_eq!(rewound.done()[0]["position"], 1);
    let ahead = world.pipeline(&["rewind", "audit", "--to", "3"]).await;
    ahead.failed(4, "can only go back");
    world.pipeline(&["resume", "audit"]).await.done();
    let audit = world.pipeline_that("audit", is_done).await;
    assert_eq!(audit["position"], 5);

    let unknown = world.pipeline(&["pause", "nothing"]).await;
    unknown.failed(4, "no such pipeline");
    world
        .pipeline(&["forget", "audit"])
        .await
        .failed(4, "runs it");
    let letters = world.pipeline(&["dead", "list", "audit"]).await.done();
    assert_eq!(letters, [Value::Null; 0]);
    world
        .pipeline(&["dead", "drop", "audit"])
        .await
        .failed(2, "--all");
    let text = world
        .run_as("", &["pipeline", "--url", &world.url(), "list"])
        .await;
    text.failed(3, "TIDEMARK_API_KEY");

    // The same in the store, while nobody has it.
    world.node.terminate().await.unwrap();
    let data = world.node.data();
    let list = [
        "pipeline",
        "--data",
        data.to_str().unwrap(),
        "--json",
        "list",
    ];
    let kept = ended(&mut world.command(&list)).await.done();
    let audit = kept.iter().find(|it| it["name"] == "audit").unwrap();
    assert_eq!(
        (&audit["state"], &audit["position"]),
        (&json!("absent"), &json!(5))
    );
}

/// A NATS with a stream of its own, which takes no large message.
struct Stream {
    nats: Nats,
    stream: stream::Stream,
}

const SMALL: i32 = 2_000;

fn stream_config(message_bytes_max: i32) -> stream::Config {
    stream::Config {
        name: "CHAT".to_owned(),
        subjects: vec!["chat.>".to_owned()],
        max_message_size: message_bytes_max,
        ..stream::Config::default()
    }
}

impl Stream {
    async fn start() -> Self {
        let nats = Nats::start_with_streams_beside(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let context = Self::context(&nats).await;
        let stream = context.create_stream(stream_config(SMALL)).await.unwrap();
        Self { nats, stream }
    }

    async fn context(nats: &Nats) -> jetstream::Context {
        jetstream::new(async_nats::connect(nats.url()).await.unwrap())
    }

    fn config(&self) -> String {
        let url = self.nats.url();
        format!("[feed.nats]\nurl = \"{url}\"\nstream = \"CHAT\"\nsubject = \"chat\"\n")
    }

    /// What is in the stream: subject, id and event, in order.
    async fn messages(&mut self) -> Vec<(String, String, Value)> {
        let count = self.stream.info().await.unwrap().state.messages;
        let wanted = consumer::pull::OrderedConfig::default();
        let reader = self.stream.create_consumer(wanted).await.unwrap();
        let mut incoming = reader.messages().await.unwrap();
        let mut messages = Vec::new();
        for _ in 0..count {
            let message = incoming.next().await.unwrap().unwrap();
            let headers = message.headers.clone().unwrap();
            let id = headers.get("Nats-Msg-Id").unwrap().as_str().to_owned();
            let event = serde_json::from_slice(&message.payload).unwrap();
            messages.push((message.subject.to_string(), id, event));
        }
        messages
    }
}

fn positions(messages: &[(String, String, Value)]) -> Vec<u64> {
    let position = |it: &(String, String, Value)| it.2["position"].as_u64().unwrap();
    messages.iter().map(position).collect()
}

/// From the first event to a dead letter that is repaired and replayed, over an outage and a kill.
#[tokio::test]
async fn the_feed_is_copied_into_a_stream_whatever_happens() {
    let mut stream = Stream::start().await;
    let mut world = World::start_with_key(KEY, &stream.config()).await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.say(&token, room, "one\n").await;
    // Too large for the stream as it is.
    world
        .say(&token, room, &format!("{}\n", "x".repeat(5_000)))
        .await;
    world.say(&token, room, "three\n").await;
    let nats = world.pipeline_that("nats", is_done).await;
    assert_eq!(
        (&nats["state"], &nats["dead_letters"]),
        (&json!("running"), &json!(1))
    );
    let messages = stream.messages().await;
    assert_eq!(positions(&messages), [1, 2, 3, 5]);
    let (subject, id, event) = &messages[2];
    assert_eq!(*subject, format!("chat.message.{room}"));
    assert!(id.ends_with("-3"), "{id}");
    assert_eq!((&event["text"], &event["seq"]), (&json!("one"), &json!(3)));

    let letters = world.pipeline(&["dead", "list", "nats"]).await.done();
    assert_eq!(letters.len(), 1);
    let (position, reason) = (&letters[0]["position"], letters[0]["reason"].as_str());
    assert_eq!((position, &letters[0]["seq"]), (&json!(4), &json!(4)));
    assert!(reason.unwrap().contains("size"), "{reason:?}");

    // The stream takes more from now on, and the event comes after all.
    let context = Stream::context(&stream.nats).await;
    context.update_stream(stream_config(100_000)).await.unwrap();
    let replayed = world.pipeline(&["dead", "replay", "nats", "--all"]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    world
        .pipeline_that("nats", |it| it["dead_letters"] == 0)
        .await;
    assert_eq!(positions(&stream.messages().await), [1, 2, 3, 5, 4]);

    // The stream is away: nothing is lost, nothing is given up, and no send notices.
    stream.nats.kill().unwrap();
    world.say(&token, room, "four\nfive\n").await;
    let nats = world
        .pipeline_that("nats", |it| it["state"] == "troubled")
        .await;
    assert_eq!(
        (&nats["dead_letters"], &nats["position"]),
        (&json!(0), &json!(5))
    );
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    stream.nats.restart().unwrap();
    world.pipeline_that("nats", is_done).await;

    // All of it again: the stream knows what it has.
    world
        .pipeline(&["rewind", "nats", "--to", "0"])
        .await
        .done();
    world.pipeline_that("nats", is_done).await;
    let context = Stream::context(&stream.nats).await;
    stream.stream = context.get_stream("CHAT").await.unwrap();
    assert_eq!(positions(&stream.messages().await), [1, 2, 3, 5, 4, 6, 7]);

    // Somebody deletes the stream: it is made anew, for what comes from then on.
    context.delete_stream("CHAT").await.unwrap();
    world.say(&token, room, "six\n").await;
    world
        .pipeline_that("nats", |it| is_done(it) && it["position"] == 8)
        .await;
    stream.stream = context.get_stream("CHAT").await.unwrap();
    assert_eq!(positions(&stream.messages().await), [8]);
}

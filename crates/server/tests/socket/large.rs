//! Large channels: everything to those who look, a hint now and then to the others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::places;
use crate::world::World;

#[tokio::test]
async fn whoever_has_it_open_gets_events_and_others_get_heads() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let [ann, bob, cid] = world.people(["ann", "bob", "cid"]);
    let channel = ann.begin("channel", &["bob", "cid"]).await;
    let (mut away, mut looking, mut talking) =
        (bob.socket().await, cid.socket().await, ann.socket().await);
    let id = looking
        .ask(json!({"type": "open", "conversation": channel}))
        .await;
    assert_eq!(looking.answer(id).await["events"], json!([]));
    for _ in 0..30 {
        talking.say(&channel, "news").await;
    }
    for seq in 3..33 {
        assert_eq!(looking.expect("event").await["seq"], seq);
        // The one who talks has it not open: a hint may come between.
        let ack = talking.find(|frame| frame["type"] == "ack").await;
        assert_eq!(ack["seq"], seq);
    }
    let mut heads = Vec::new();
    while heads
        .last()
        .is_none_or(|head: &Value| head["head_seq"] != 32)
    {
        heads.push(away.expect("head").await);
    }
    assert!(heads.len() < 30, "{heads:?}");
    assert_eq!(
        heads.last().unwrap(),
        &json!({
            "type": "head", "conversation": channel, "head_seq": 32, "unread": 30, "mentions": 0,
        })
    );

    // Now it looks, from where it is, and misses nothing.
    let id = away
        .ask(json!({"type": "open", "conversation": channel, "after": 20}))
        .await;
    let page = away.expect("events").await;
    assert_eq!(page["id"], id);
    assert_eq!(places(&[page], &channel), (21..=32).collect::<Vec<_>>());
    talking.say(&channel, "seen by all").await;
    assert_eq!(away.expect("event").await["seq"], 33);
    // And no more.
    away.send(json!({"type": "close", "conversation": channel}))
        .await;
    away.ask(json!({"type": "ping"})).await;
    away.expect("pong").await;
    talking.say(&channel, "unseen").await;
    let head = away.expect("head").await;
    assert_eq!(
        (&head["head_seq"], &head["unread"]),
        (&json!(34), &json!(32))
    );
}

#[tokio::test]
async fn opening_at_the_head_brings_nothing_again() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let [ann, bob, cid] = world.people(["ann", "bob", "cid"]);
    let channel = ann.begin("channel", &["bob", "cid"]).await;
    let mut socket = bob.socket().await;
    for _ in 0..5 {
        cid.say(&channel, "news").await;
    }
    // It has read them another way.
    let id = socket
        .ask(json!({"type": "open", "conversation": channel, "after": 7}))
        .await;
    assert_eq!(socket.answer(id).await["events"], json!([]));
    cid.say(&channel, "news").await;
    let next = socket.find(|frame| frame["type"] != "head").await;
    assert_eq!((&next["type"], &next["seq"]), (&json!("event"), &json!(8)));
}

#[tokio::test]
async fn what_one_says_in_it_has_its_place_among_the_rest() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let [ann, bob, cid] = world.people(["ann", "bob", "cid"]);
    let channel = ann.begin("channel", &["bob", "cid"]).await;
    let mut socket = bob.socket().await;
    cid.say(&channel, "first").await;
    let id = socket.say(&channel, "second").await;
    // Whatever comes of the conversation is in its order, and the ack comes.
    let mut frames = Vec::new();
    while frames.last().is_none_or(|frame: &Value| frame["id"] != id) {
        frames.push(socket.next().await);
    }
    let places = places(&frames, &channel);
    assert!(places.is_sorted(), "{frames:?}");
    assert_eq!(places.last(), Some(&4));
}

#[tokio::test]
async fn heads_come_at_most_once_a_second() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let [ann, bob, _] = world.people(["ann", "bob", "cid"]);
    let channel = ann.begin("channel", &["bob", "cid"]).await;
    let (mut away, mut talking) = (bob.socket().await, ann.socket().await);
    let mut heads = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(3_300) {
        talking.say(&channel, "news").await;
        talking.find(|frame| frame["type"] == "ack").await;
        let waited = tokio::time::timeout(Duration::from_millis(20), away.next()).await;
        if let Ok(frame) = waited {
            assert_eq!(frame["type"], "head");
            heads.push(frame["head_seq"].as_u64().unwrap());
        }
    }
    // On a busy machine they are late, but never too many.
    let most = began.elapsed().as_secs() + 1;
    assert!((1..=most).contains(&(heads.len() as u64)), "{heads:?}");
    assert!(heads.is_sorted_by(|one, next| one < next), "{heads:?}");
}

#[tokio::test]
async fn a_channel_that_shrinks_is_served_in_full_again() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let [ann, bob, _] = world.people(["ann", "bob", "cid"]);
    let channel = ann.begin("channel", &["bob", "cid"]).await;
    let mut socket = bob.socket().await;
    for _ in 0..3 {
        ann.say(&channel, "unseen").await;
    }
    let left = ann.remove(&channel, "cid").await;
    let mut frames = Vec::new();
    while places(&frames, &channel).last() != Some(&left) {
        frames.push(socket.next().await);
    }
    let seen = places(&frames, &channel);
    let first = seen[0];
    assert_eq!(seen, (first..=left).collect::<Vec<_>>(), "{frames:?}");
    let head = frames.iter().find(|frame| frame["type"] == "head");
    assert_eq!(
        first,
        head.map_or(3, |head| head["head_seq"].as_u64().unwrap() + 1)
    );
    let seq = ann.say(&channel, "seen").await;
    assert_eq!(socket.expect("event").await["seq"], seq);
}

/// Whoever opens it while others do gets what they miss, each from where they are, and what comes meanwhile.
#[tokio::test]
async fn a_crowd_that_opens_it_at_once_misses_nothing() {
    let world = World::with(&[("fanout.large_members", "2")]).await;
    let names: Vec<String> = (0..30).map(|number| format!("member-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let [ann] = world.people(["ann"]);
    let channel = ann.begin("channel", &names).await;
    let mut crowd = Vec::new();
    for name in names {
        crowd.push(world.person(name).socket().await);
    }
    for _ in 0..40 {
        ann.say(&channel, "news").await;
    }
    let channel = &channel;
    let opening = crowd
        .into_iter()
        .enumerate()
        .map(async |(number, mut socket)| {
            let after = 2 + number as u64;
            let open = json!({"type": "open", "id": 1, "conversation": channel, "after": after});
            socket.send(open).await;
            let mut frames = Vec::new();
            while places(&frames, channel).last() != Some(&62) {
                frames.push(socket.next().await);
            }
            let seen = places(&frames, channel);
            assert_eq!(seen, (after + 1..=62).collect::<Vec<_>>(), "{frames:?}");
        });
    let saying = async {
        for _ in 0..20 {
            ann.say(channel, "more").await;
        }
    };
    tokio::join!(futures_util::future::join_all(opening), saying);
    let askers = "tidemark_shared_read_askers_total{what=\"events\"}";
    let shared = world.metric(askers).await;
    assert!(
        shared >= 60.0,
        "the head and a page for each of them: {shared}"
    );
}

//! Who is writing and who is there, on other nodes: over the bus, as long as it works.

use std::time::Instant;

use serde_json::{Value, json};
use tidemark_core::UserId;
use tidemark_server::bus::Topic;

use crate::client::Socket;
use crate::nats::start_nats;
use crate::servers::{Cluster, NEVER, find, so_far, was_prompt};
use crate::world::{Person, World, eventually};

/// Somebody who is gone is shown to be gone soon.
const HASTY: (&str, &str) = ("presence.linger_ms", "100");
/// And so late that no test gets there.
const PATIENT: (&str, &str) = ("presence.linger_ms", "600000");
/// A node that says nothing is soon taken for lost.
const LIVELY: (&str, &str) = ("presence.heartbeat_ms", "500");

fn typing(conversation: &str) -> Value {
    json!({"type": "typing", "conversation": conversation})
}

fn watch(users: &[&str]) -> Value {
    json!({"type": "watch", "users": users})
}

fn says(status: &str) -> Value {
    json!({"type": "presence", "status": status})
}

fn presence(user: &str, status: &str) -> Value {
    json!({"type": "presence", "user": user, "status": status})
}

fn topic(user: &str) -> Topic {
    Topic::Presence(UserId::parse(user).unwrap())
}

/// The next presence is this one.
async fn expect(socket: &mut Socket, user: &str, status: &str) {
    assert_eq!(find(socket, "presence").await, presence(user, status));
}

/// The user is online, sooner or later: a node that is slow to answer is not waited for.
async fn expect_online(socket: &mut Socket, user: &str) {
    let online = presence(user, "online");
    socket.find(|frame| *frame == online).await;
}

/// The next presence says that the user is gone, and since when.
async fn expect_gone(socket: &mut Socket, user: &str) {
    let gone = find(socket, "presence").await;
    assert_eq!(
        (&gone["user"], &gone["status"]),
        (&json!(user), &json!("offline"))
    );
    assert!(gone["last_seen"].is_i64(), "{gone}");
}

async fn closed(world: &World, sockets: f64) {
    eventually(async || world.metric("tidemark_sockets ").await <= sockets).await;
}

#[tokio::test]
async fn typing_is_heard_on_all_nodes_of_the_conversation_once_in_a_while() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let (mut here, mut there) = (ann.socket().await, bob.socket().await);
    let mut tablet = cluster.person("ann", 1).socket().await;
    let mut stranger = cluster.person("eve", 2).socket().await;
    let began = Instant::now();
    for _ in 0..10 {
        here.send(typing(&group)).await;
    }
    for socket in [&mut there, &mut tablet] {
        let heard = socket.next().await;
        assert_eq!(
            (&heard["type"], &heard["user"], &heard["conversation"]),
            (&json!("typing"), &json!("ann"), &json!(group))
        );
    }
    was_prompt(began);
    let said = ann.say(&group, "done").await;
    for socket in [&mut there, &mut tablet] {
        assert_eq!(socket.next().await["seq"], said, "typing comes once");
    }
    assert_eq!(here.next().await["seq"], said);
    assert_eq!(so_far(&mut stranger).await, [] as [Value; 0]);
    assert_eq!(cluster.network.heard(2), []);
}

#[tokio::test]
async fn presence_is_one_over_all_nodes() {
    let cluster = Cluster::new(3, &[NEVER, HASTY]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let mut phone = cluster.person("bob", 1).socket().await;
    let mut watcher = ann.socket().await;
    let began = Instant::now();
    watcher.send(watch(&["bob"])).await;
    expect_online(&mut watcher, "bob").await;
    was_prompt(began);
    phone.send(says("away")).await;
    expect(&mut watcher, "bob", "away").await;
    let mut laptop = cluster.person("bob", 2).socket().await;
    expect(&mut watcher, "bob", "online").await;
    laptop.send(says("away")).await;
    expect(&mut watcher, "bob", "away").await;
    let here = cluster.person("bob", 0).socket().await;
    expect(&mut watcher, "bob", "online").await;
    drop(here);
    expect(&mut watcher, "bob", "away").await;
    drop((phone, laptop));
    expect_gone(&mut watcher, "bob").await;
    let _back = cluster.person("bob", 2).socket().await;
    expect(&mut watcher, "bob", "online").await;
}

#[tokio::test]
async fn whoever_moves_to_another_node_was_not_gone() {
    let cluster = Cluster::new(3, &[NEVER, PATIENT]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let before = cluster.person("bob", 1).socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob"])).await;
    expect_online(&mut watcher, "bob").await;
    drop(before);
    closed(&cluster.nodes[1], 0.0).await;
    let mut after = cluster.person("bob", 2).socket().await;
    // (The node before still shows bob as he was; away shows only where nothing else does.)
    after.send(says("away")).await;
    so_far(&mut after).await;
    assert_eq!(so_far(&mut watcher).await, [] as [Value; 0]);
}

#[tokio::test]
async fn only_nodes_with_watchers_hear_of_a_user() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let (ann, eve) = (cluster.person("ann", 0), cluster.person("eve", 2));
    ann.group(&["bob"]).await;
    eve.group(&[]).await;
    let mut bobs = cluster.person("bob", 1).socket().await;
    let (mut watcher, mut stranger) = (ann.socket().await, eve.socket().await);
    // To watch is not enough: what is none of eve's business does not even come to her node.
    stranger.send(watch(&["bob", "nobody"])).await;
    watcher.send(watch(&["bob"])).await;
    expect_online(&mut watcher, "bob").await;
    bobs.send(says("away")).await;
    expect(&mut watcher, "bob", "away").await;
    assert_eq!(so_far(&mut stranger).await, [] as [Value; 0]);
    assert!(cluster.network.heard(0).contains(&topic("bob")));
    assert!(!cluster.network.heard(2).contains(&topic("bob")));
    assert!(!cluster.network.followed(2).contains(&topic("bob")));
    assert!(cluster.network.followed(0).contains(&topic("bob")));
    // With the last one who watches, the node ceases to follow.
    drop(watcher);
    eventually(async || cluster.network.followed(0).is_empty()).await;
}

#[tokio::test]
async fn whoever_parts_on_another_node_is_told_no_more() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let (group, _other) = (ann.group(&["bob"]).await, ann.group(&["cem"]).await);
    let mut bobs = bob.socket().await;
    let mut cems = cluster.person("cem", 1).socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob", "cem"])).await;
    find(&mut watcher, "presence").await;
    find(&mut watcher, "presence").await;
    let leave = format!("/v1/conversations/{group}/leave");
    bob.post(&leave, &json!({})).await.expect(200);
    find(&mut watcher, "event").await;
    bobs.send(says("away")).await;
    so_far(&mut bobs).await;
    cems.send(says("away")).await;
    expect(&mut watcher, "cem", "away").await;
    // They meet again, by what happens on the other node.
    bob.group(&["ann"]).await;
    expect(&mut watcher, "bob", "away").await;
}

#[tokio::test]
async fn a_node_that_is_killed_has_nobody_soon() {
    let cluster = Cluster::new(3, &[NEVER, LIVELY, PATIENT]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob", "cem"]).await;
    let _bobs = cluster.person("bob", 1).socket().await;
    let _cems = cluster.person("cem", 2).socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob", "cem"])).await;
    for _ in 0..2 {
        watcher.find(|frame| frame["status"] == "online").await;
    }
    // It does nothing by itself any more and hears nothing of the others; only its sockets stay open.
    cluster.nodes[1].running.abort();
    expect_gone(&mut watcher, "bob").await;
    let _again = cluster.person("bob", 2).socket().await;
    expect(&mut watcher, "bob", "online").await;
}

async fn shows_last_seen(person: &Person, shows: bool) {
    let change = json!({"show_last_seen": shows});
    person.change_profile(change).await.expect(200);
}

#[tokio::test]
async fn when_somebody_was_there_is_hidden_on_all_nodes_at_once() {
    let cluster = Cluster::new(3, &[NEVER, HASTY]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let bobs = cluster.person("bob", 1).socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob"])).await;
    expect_online(&mut watcher, "bob").await;
    drop(bobs);
    expect_gone(&mut watcher, "bob").await;
    // The node where he is watched learns of what he changes at another one.
    let elsewhere = cluster.person("bob", 2);
    shows_last_seen(&elsewhere, false).await;
    expect(&mut watcher, "bob", "offline").await;
    shows_last_seen(&elsewhere, true).await;
    expect_gone(&mut watcher, "bob").await;
    // And so does the one where he is.
    let bobs = cluster.person("bob", 1).socket().await;
    expect_online(&mut watcher, "bob").await;
    shows_last_seen(&elsewhere, false).await;
    drop(bobs);
    expect(&mut watcher, "bob", "offline").await;
}

#[tokio::test]
async fn a_blocked_pair_sees_no_typing_and_no_receipts_on_other_nodes() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let direct = ann.begin("direct", &["bob"]).await;
    let said = ann.say(&direct, "one").await;
    ann.say(&direct, "two").await;
    let (mut watcher, mut other) = (ann.socket().await, bob.socket().await);
    let signals = [
        typing(&direct),
        json!({"type": "delivered", "conversation": direct, "seq": said + 1}),
        json!({"type": "read", "conversation": direct, "seq": said}),
    ];
    let begin = |frame: &Value| frame["type"].as_str().unwrap().to_owned();
    // Bob's node has asked once, because she is there on another device.
    let mut tablet = cluster.person("ann", 1).socket().await;
    tablet.send(typing(&direct)).await;
    assert_eq!(begin(&other.next().await), "typing");
    assert_eq!(begin(&watcher.next().await), "typing");
    drop(tablet);
    // She does it where neither of the two has a socket.
    let elsewhere = cluster.person("ann", 2);
    let path = "/v1/users/bob/block";
    assert_eq!(elsewhere.put(path, &json!({})).await.status, 204);
    for signal in &signals {
        other.send(signal.clone()).await;
    }
    so_far(&mut other).await;
    assert_eq!(so_far(&mut watcher).await, [] as [Value; 0]);
    assert_eq!(elsewhere.delete(path).await.status, 204);
    other.send(signals[0].clone()).await;
    other
        .send(json!({"type": "read", "conversation": direct, "seq": said + 1}))
        .await;
    for kind in ["typing", "read"] {
        assert_eq!(begin(&watcher.next().await), kind);
    }
}

#[tokio::test]
async fn a_killed_node_does_not_give_away_what_is_hidden() {
    let cluster = Cluster::new(2, &[NEVER, LIVELY, PATIENT]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let bob = cluster.person("bob", 1);
    shows_last_seen(&bob, false).await;
    let _bobs = bob.socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob"])).await;
    expect_online(&mut watcher, "bob").await;
    cluster.nodes[1].running.abort();
    expect(&mut watcher, "bob", "offline").await;
}

#[tokio::test]
async fn without_a_bus_others_are_gone_and_with_it_they_are_back() {
    let cluster = Cluster::new(2, &[NEVER, LIVELY, PATIENT]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob", "cem"]).await;
    let _bobs = cluster.person("bob", 1).socket().await;
    let mut cems = cluster.person("cem", 0).socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob", "cem"])).await;
    for _ in 0..2 {
        watcher.find(|frame| frame["status"] == "online").await;
    }
    cluster.network.cut();
    expect_gone(&mut watcher, "bob").await;
    cems.send(says("away")).await;
    expect(&mut watcher, "cem", "away").await;
    cluster.network.weather(crate::network::Weather::default());
    expect(&mut watcher, "bob", "online").await;
}

#[tokio::test]
async fn in_bad_weather_presence_is_late_and_right_in_the_end() {
    let cluster = Cluster::new(2, &[NEVER, LIVELY, HASTY]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let mut watcher = ann.socket().await;
    cluster.network.weather(crate::network::Weather {
        lost: 40,
        doubled: 20,
        late_ms_max: 30,
    });
    watcher.send(watch(&["bob"])).await;
    for _ in 0..3 {
        let mut bobs = cluster.person("bob", 1).socket().await;
        watcher.find(|frame| frame["status"] == "online").await;
        bobs.send(says("away")).await;
        watcher.find(|frame| frame["status"] == "away").await;
        drop(bobs);
        watcher.find(|frame| frame["status"] == "offline").await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_answer_is_asked_again() {
    let cluster = Cluster::new(1, &[NEVER]).await;
    let ann = cluster.person("ann", 0);
    ann.group(&["bob"]).await;
    let _bobs = cluster.person("bob", 0).socket().await;
    let mut watcher = ann.socket().await;
    cluster.store.forget_acquaintances(true);
    watcher.send(watch(&["bob"])).await;
    assert_eq!(so_far(&mut watcher).await, [] as [Value; 0]);
    cluster.store.forget_acquaintances(false);
    expect(&mut watcher, "bob", "online").await;
}

#[tokio::test]
async fn typing_and_presence_travel_over_nats() {
    let mut nats = start_nats(&[]);
    let url = nats.url();
    let settings = [("bus.url", &*url), ("bus.repair_ms", "300"), HASTY, LIVELY];
    let cluster = Cluster::configured(2, &settings).await;
    eventually(async || cluster.metric("tidemark_bus_connected").await >= 2.0).await;
    // An id with what means something in a subject.
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("b.o:b@home", 1));
    let group = ann.group(&["b.o:b@home"]).await;
    let (mut watcher, mut other) = (ann.socket().await, bob.socket().await);
    watcher.send(watch(&["b.o:b@home"])).await;
    // The first answers may come before NATS knows who follows.
    watcher.find(|frame| frame["status"] == "online").await;
    other.send(says("away")).await;
    watcher.find(|frame| frame["status"] == "away").await;
    other.send(typing(&group)).await;
    let heard = watcher.find(|frame| frame["type"] == "typing").await;
    assert_eq!(heard["user"], "b.o:b@home");

    nats.kill().unwrap();
    watcher.find(|frame| frame["status"] == "offline").await;
    nats.restart().unwrap();
    watcher.find(|frame| frame["status"] == "away").await;
    drop(other);
    let gone = watcher.find(|frame| frame["status"] == "offline").await;
    assert!(gone["last_seen"].is_i64(), "{gone}");
}

//! Who hears who is there.

use std::time::Instant;

use serde_json::{Value, json};

use crate::client::Socket;
use crate::world::{Person, World, eventually, now_seconds};

/// Somebody who is gone is shown to be gone soon.
const HASTY: (&str, &str) = ("presence.linger_ms", "100");
/// And so late that no test gets there.
const PATIENT: (&str, &str) = ("presence.linger_ms", "600000");

fn watch(users: &[&str]) -> Value {
    json!({"type": "watch", "users": users})
}

fn says(status: &str) -> Value {
    json!({"type": "presence", "status": status})
}

fn presence(user: &str, status: &str) -> Value {
    json!({"type": "presence", "user": user, "status": status})
}

/// The next presence, whatever else comes before.
async fn next_presence(socket: &mut Socket) -> Value {
    socket.find(|frame| frame["type"] == "presence").await
}

/// Says something, and waits until the server has taken it in.
async fn tell(socket: &mut Socket, frame: Value) {
    socket.send(frame).await;
    let id = socket.ask(json!({"type": "ping"})).await;
    assert_eq!(socket.answer(id).await["type"], "pong");
}

/// Ann, who watches bob, and bob, who is there.
async fn pair(world: &World) -> (Person, Person, Socket, Socket) {
    let [ann, bob] = world.people(["ann", "bob"]);
    ann.group(&["bob"]).await;
    let (mut watcher, other) = (ann.socket().await, bob.socket().await);
    watcher.send(watch(&["bob"])).await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    (ann, bob, watcher, other)
}

#[tokio::test]
async fn a_watched_user_is_online_away_and_gone() {
    let world = World::with(&[HASTY]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    ann.group(&["bob"]).await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob", "nobody", "ann"])).await;
    // In any order; of somebody who was never there nothing is known.
    let mut told = [watcher.next().await, watcher.next().await];
    told.sort_by_key(|frame| frame["user"].to_string());
    assert_eq!(
        told,
        [presence("ann", "online"), presence("bob", "offline")]
    );

    let mut phone = bob.socket().await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    phone.send(says("away")).await;
    assert_eq!(watcher.next().await, presence("bob", "away"));
    let mut laptop = bob.socket().await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    laptop.send(says("away")).await;
    assert_eq!(watcher.next().await, presence("bob", "away"));
    phone.send(says("online")).await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    let before = now_seconds() * 1000.0;
    drop((phone, laptop));
    let gone = watcher.next().await;
    let last_seen = gone["last_seen"].as_i64().unwrap();
    let after = now_seconds() * 1000.0;
    assert!((before - 1.0..=after - 99.0).contains(&(last_seen as f64)));
    let mut expected = presence("bob", "offline");
    expected["last_seen"] = json!(last_seen);
    assert_eq!(gone, expected);
    // Whoever asks later hears the same.
    let mut later = ann.socket().await;
    later.send(watch(&["bob"])).await;
    assert_eq!(later.next().await, expected);
    let _bob = bob.socket().await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
}

#[tokio::test]
async fn whoever_is_back_soon_was_not_gone() {
    let world = World::with(&[PATIENT]).await;
    let (_ann, bob, mut watcher, other) = pair(&world).await;
    for _ in 0..3 {
        drop(bob.socket().await);
        eventually(async || world.metric("tidemark_sockets ").await < 2.5).await;
    }
    drop(other);
    eventually(async || world.metric("tidemark_sockets ").await < 1.5).await;
    let mut back = bob.socket().await;
    tell(&mut back, says("away")).await;
    assert_eq!(watcher.next().await, presence("bob", "away"));
}

#[tokio::test]
async fn strangers_are_as_unknown_as_those_who_do_not_exist() {
    let world = World::with(&[HASTY]).await;
    let [ann, bob, eve] = world.people(["ann", "bob", "eve"]);
    let group = ann.group(&["bob"]).await;
    let mut bobs = bob.socket().await;
    let mut eves = eve.socket().await;
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["eve", "bob", "nobody"])).await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    tell(&mut eves, says("away")).await;
    tell(&mut bobs, says("away")).await;
    assert_eq!(watcher.next().await, presence("bob", "away"));

    // They meet.
    ann.add(&group, &["eve"]).await;
    assert_eq!(next_presence(&mut watcher).await, presence("eve", "away"));
    // They part.
    ann.remove(&group, "eve").await;
    tell(&mut eves, says("online")).await;
    tell(&mut bobs, says("online")).await;
    assert_eq!(next_presence(&mut watcher).await, presence("bob", "online"));
    // They meet again elsewhere, and she is told anew.
    let other = eve.group(&["ann"]).await;
    assert_eq!(next_presence(&mut watcher).await, presence("eve", "online"));
    // The watcher goes.
    let leave = format!("/v1/conversations/{other}/leave");
    ann.post(&leave, &json!({})).await.expect(200);
    tell(&mut eves, says("away")).await;
    tell(&mut bobs, says("away")).await;
    assert_eq!(next_presence(&mut watcher).await, presence("bob", "away"));
}

#[tokio::test]
async fn whoever_blocks_and_whoever_is_blocked_are_hidden_from_each_other() {
    let world = World::with(&[HASTY]).await;
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]);
    ann.group(&["bob", "cem"]).await;
    let (mut anns, mut bobs) = (ann.socket().await, bob.socket().await);
    let mut cems = cem.socket().await;
    for (socket, other) in [(&mut anns, "bob"), (&mut bobs, "ann")] {
        socket.send(watch(&[other, "cem"])).await;
        let told = [next_presence(socket).await, next_presence(socket).await];
        assert!(told.contains(&presence(other, "online")), "{told:?}");
    }
    let block = json!({});
    let path = "/v1/users/ann/block";
    assert_eq!(bob.put(path, &block).await.status, 204);
    for socket in [&mut anns, &mut bobs] {
        tell(socket, says("away")).await;
    }
    tell(&mut cems, says("away")).await;
    for socket in [&mut anns, &mut bobs] {
        assert_eq!(next_presence(socket).await, presence("cem", "away"));
    }
    // Naming them again is of no use.
    anns.send(watch(&["bob", "cem"])).await;
    assert_eq!(next_presence(&mut anns).await, presence("cem", "away"));
    assert_eq!(bob.delete(path).await.status, 204);
    assert_eq!(next_presence(&mut anns).await, presence("bob", "away"));
    assert_eq!(next_presence(&mut bobs).await, presence("ann", "away"));
}

#[tokio::test]
async fn one_of_two_shared_conversations_is_enough() {
    let world = World::new().await;
    let (ann, _bob, mut watcher, mut other) = pair(&world).await;
    let second = ann.group(&["bob"]).await;
    ann.remove(&second, "bob").await;
    other.send(says("away")).await;
    assert_eq!(next_presence(&mut watcher).await, presence("bob", "away"));
}

#[tokio::test]
async fn a_watch_takes_the_place_of_the_one_before() {
    let world = World::new().await;
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]);
    ann.group(&["bob", "cem"]).await;
    let (mut bobs, mut cems) = (bob.socket().await, cem.socket().await);
    let mut watcher = ann.socket().await;
    watcher.send(watch(&["bob", "bob"])).await;
    assert_eq!(watcher.next().await, presence("bob", "online"));
    watcher.send(watch(&["cem"])).await;
    assert_eq!(watcher.next().await, presence("cem", "online"));
    tell(&mut bobs, says("away")).await;
    tell(&mut cems, says("away")).await;
    assert_eq!(watcher.next().await, presence("cem", "away"));
    // Whoever is named again is told of again.
    watcher.send(watch(&["cem", "bob"])).await;
    let told = [watcher.next().await, watcher.next().await];
    for user in ["bob", "cem"] {
        assert!(told.contains(&presence(user, "away")), "{told:?}");
    }
    tell(&mut watcher, watch(&[])).await;
    eventually(async || world.metric("tidemark_watched_users ").await == 0.0).await;
    tell(&mut watcher, watch(&["bob"])).await;
    drop(watcher);
    eventually(async || world.metric("tidemark_watched_users ").await == 0.0).await;
}

#[tokio::test]
async fn flapping_is_told_once_a_second_and_the_last_word_always() {
    let world = World::new().await;
    let (_ann, _bob, mut watcher, mut other) = pair(&world).await;
    let began = Instant::now();
    for _ in 0..40 {
        other.send(says("away")).await;
        other.send(says("online")).await;
    }
    tell(&mut other, says("away")).await;
    let mut told = 0;
    // The last word may have been told, and taken back; it does not change any more.
    loop {
        let frame = watcher.next().await;
        told += 1;
        let seconds = began.elapsed().as_secs_f64();
        assert!(f64::from(told) <= seconds + 2.0, "{told} in {seconds} s");
        if frame == presence("bob", "away") && began.elapsed().as_secs() >= 2 {
            break;
        }
        if frame == presence("bob", "away") {
            tell(&mut other, says("online")).await;
        } else {
            tell(&mut other, says("away")).await;
        }
    }
}

#[tokio::test]
async fn too_much_is_refused() {
    let settings = [
        ("limits.watched_users", "3"),
        ("limits.signals_per_second", "1"),
    ];
    let world = World::with(&settings).await;
    let (_ann, _bob, mut watcher, mut other) = pair(&world).await;
    let id = watcher.ask(watch(&["a", "b", "c", "d"])).await;
    watcher.expect_refused(id, "too_large").await;
    // It watches those of before still.
    tell(&mut other, says("away")).await;
    assert_eq!(watcher.next().await, presence("bob", "away"));
    for _ in 0..20 {
        watcher.ask(watch(&["bob"])).await;
    }
    let refused = watcher.find(|frame| frame["type"] == "refused").await;
    assert_eq!(refused["code"], "rate_limited");
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0);

    let mut operator = world.operator().socket().await;
    for frame in [watch(&["bob"]), says("away")] {
        let id = operator.ask(frame).await;
        operator.expect_refused(id, "forbidden").await;
    }
    for (field, value) in [("status", json!("offline")), ("status", json!(1))] {
        let mut frame = says("away");
        frame[field] = value;
        let id = other.ask(frame).await;
        other.expect_refused(id, "invalid").await;
    }
}

#[tokio::test]
async fn whoever_hides_when_they_were_there_is_only_gone() {
    let world = World::with(&[HASTY]).await;
    let (ann, bob, mut watcher, other) = pair(&world).await;
    let shows = async |shows| {
        let changed = bob.change_profile(json!({"show_last_seen": shows})).await;
        assert_eq!(changed.expect(200)["show_last_seen"], shows);
    };
    shows(false).await;
    drop(other);
    let hidden = presence("bob", "offline");
    assert_eq!(watcher.next().await, hidden);
    // The next one to ask hears no more.
    let mut later = ann.socket().await;
    later.send(watch(&["bob"])).await;
    assert_eq!(later.next().await, hidden);
    // A change takes effect at once, each way.
    shows(true).await;
    for socket in [&mut watcher, &mut later] {
        let told = socket.next().await;
        assert!(told["last_seen"].is_i64(), "{told}");
    }
    shows(false).await;
    for socket in [&mut watcher, &mut later] {
        assert_eq!(socket.next().await, hidden);
    }
}

#[tokio::test]
async fn only_the_own_profile_says_what_is_hidden() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (_socket, welcome) = ann.online().await;
    assert_eq!(welcome["user"]["show_last_seen"], true);
    let hides = json!({"show_last_seen": false});
    ann.change_profile(hides).await.expect(200);
    let (_socket, welcome) = ann.online().await;
    assert_eq!(welcome["user"]["show_last_seen"], false);
    let me = ann.get("/v1/users/me").await.expect(200);
    assert_eq!(me["show_last_seen"], false);
    for path in ["/v1/users/ann", "/v1/users?prefix=an"] {
        let seen = bob.get(path).await.expect(200).to_string();
        assert!(!seen.contains("show_last_seen"), "{seen}");
    }
}

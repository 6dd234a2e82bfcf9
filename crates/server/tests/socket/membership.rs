//! Coming and going: what reaches whom, and what no longer does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{Socket, places};
use crate::world::{Dice, World};

#[tokio::test]
async fn whoever_is_added_hears_it_on_all_devices_and_then_everything() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&[]).await;
    ann.say(&group, "before").await;
    let (mut phone, mut laptop) = (bob.socket().await, bob.socket().await);
    let joined = ann.add(&group, &["bob"]).await;
    for socket in [&mut phone, &mut laptop] {
        let added = socket.expect("added").await;
        let conversation = &added["conversation"];
        assert_eq!(conversation["id"], group);
        assert_eq!(conversation["head_seq"], joined);
        assert_eq!(conversation["role"], "member");
        assert_eq!(conversation["unread"], 0);
        assert_eq!(conversation["member_count"], 2);
        let shown = bob
            .get(&format!("/v1/conversations/{group}"))
            .await
            .expect(200);
        assert_eq!(*conversation, shown);
    }
    let seq = ann.say(&group, "after").await;
    for socket in [&mut phone, &mut laptop] {
        assert_eq!(socket.expect("event").await["seq"], seq);
    }
    phone.say(&group, "hello").await;
    assert_eq!(phone.expect("ack").await["seq"], seq + 1);
    assert_eq!(laptop.expect("event").await["seq"], seq + 1);
}

#[tokio::test]
async fn beginning_a_conversation_adds_it_for_everybody_in_it() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    for kind in ["group", "direct", "channel"] {
        let id = ann.begin(kind, &["bob"]).await;
        for socket in [&mut hers, &mut his] {
            let added = socket.expect("added").await;
            assert_eq!(added["conversation"]["id"], id);
            assert_eq!(added["conversation"]["kind"], kind);
        }
    }
}

#[tokio::test]
async fn after_a_removal_nothing_reaches_any_device() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let own = bob.group(&[]).await;
    let (mut phone, mut laptop) = (bob.socket().await, bob.socket().await);
    let id = laptop
        .ask(json!({"type": "open", "conversation": group}))
        .await;
    laptop.answer(id).await;
    ann.remove(&group, "bob").await;
    for socket in [&mut phone, &mut laptop] {
        let removed = socket.expect("removed").await;
        assert_eq!(removed, json!({"type": "removed", "conversation": group}));
    }
    let head = ann.say(&group, "without bob").await;
    ann.put(
        &format!("/v1/conversations/{group}/read"),
        &json!({"seq": head}),
    )
    .await
    .expect(200);
    for socket in [&mut phone, &mut laptop] {
        for request in [
            json!({"type": "sync", "conversation": group, "after": 0}),
            json!({"type": "open", "conversation": group, "after": 0}),
            json!({"type": "read", "conversation": group, "seq": 1}),
        ] {
            let id = socket.ask(request).await;
            socket.expect_refused(id, "not_found").await;
        }
        let id = socket.say(&group, "let me in").await;
        socket.expect_refused(id, "not_found").await;
    }
    for socket in [&mut phone, &mut laptop] {
        let frames = socket.drain(&own).await;
        assert!(
            frames.iter().all(|it| it["conversation"] == own),
            "{frames:?}"
        );
    }
}

#[tokio::test]
async fn whoever_leaves_and_comes_back_hears_what_follows() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let channel = json!({"kind": "channel", "title": "Quay", "visibility": "public"});
    let channel = ann.post("/v1/conversations", &channel).await.expect(201);
    let channel = channel["id"].as_str().unwrap().to_owned();
    let mut socket = bob.socket().await;
    for _ in 0..3 {
        bob.post(&format!("/v1/conversations/{channel}/join"), &json!({}))
            .await
            .expect(200);
        assert_eq!(socket.expect("added").await["conversation"]["id"], channel);
        let seq = ann.say(&channel, "welcome").await;
        assert_eq!(socket.expect("event").await["seq"], seq);
        bob.post(&format!("/v1/conversations/{channel}/leave"), &json!({}))
            .await
            .expect(200);
        assert_eq!(socket.expect("removed").await["conversation"], channel);
        ann.say(&channel, "gone again").await;
    }
}

/// What a client must conclude from the frames of one conversation: whether it is in it, and up to where it
/// has everything.
fn follow(
    frames: &[Value],
    conversation: &str,
    mut at: Option<u64>,
) -> Result<Option<u64>, String> {
    for frame in frames {
        let id = &frame["conversation"];
        match frame["type"].as_str().unwrap() {
            // Perhaps known from the welcome, and then there is no hole after that.
            "added" if id["id"] == conversation => at = at.or(id["head_seq"].as_u64()),
            "removed" if id == conversation => at = None,
            // The answer to an open that was faster than the news of the membership.
            "events" if id == conversation && at.is_none() => at = frame["head_seq"].as_u64(),
            _ => {
                for seq in places(std::slice::from_ref(frame), conversation) {
                    match at {
                        Some(last) if seq == last + 1 => at = Some(seq),
                        _ => return Err(format!("{seq} after {at:?}: {frame}")),
                    }
                }
            }
        }
    }
    Ok(at)
}

/// Answers to wait for before something is taken for lost.
const BARRIERS_MAX: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hello_and_membership_race_without_a_hole_or_a_leak() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&[]).await;
    let own = bob.group(&[]).await;
    let mut dice = Dice::new(11);
    let mut is_in = false;
    for round in 0..40 {
        let changing = {
            let (ann, group, turns) = (ann.clone(), group.clone(), 1 + dice.below(4));
            tokio::spawn(async move {
                for turn in 0..turns {
                    if is_in == (turn % 2 == 0) {
                        ann.remove(&group, "bob").await;
                    } else {
                        ann.add(&group, &["bob"]).await;
                    }
                    let seq = ann.say(&group, "so").await;
                    let path = format!("/v1/conversations/{group}/read");
                    ann.put(&path, &json!({"seq": seq})).await.expect(200);
                }
            })
        };
        let (mut socket, welcome) = bob.online().await;
        let open = json!({"type": "open", "conversation": group});
        if dice.below(2) == 0 {
            socket.send(open).await;
        }
        changing.await.unwrap();
        is_in = bob.get(&format!("/v1/conversations/{group}")).await.status == 200;
        let head = ann.say(&group, "at the end").await;
        let known = welcome["conversations"].as_array().unwrap();
        let known = known.iter().find(|entry| entry["id"] == group);
        let known = known.map(|entry| entry["head_seq"].as_u64().unwrap());
        let expected = Ok(is_in.then_some(head));
        let mut frames = Vec::new();
        let mut at = Ok(known);
        // Whoever was told too late to hear it live catches up, and that is after the first barrier.
        for _ in 0..BARRIERS_MAX {
            frames.extend(socket.drain(&own).await);
            frames.retain(|frame| frame["type"] != "refused");
            at = follow(&frames, &group, known);
            if at == expected {
                break;
            }
        }
        assert_eq!(at, expected, "round {round}: {frames:#?}\nfrom {known:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_removed_overhears_nothing_by_opening_again_and_again() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    ann.remove(&group, "bob").await;
    let mut spy: Socket = bob.socket().await;
    let mut hers = ann.socket().await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..50 {
        // Each moves a cursor, which small conversations show to all their members.
        hers.say(&group, "between us").await;
        let seq = hers.find(|frame| frame["type"] == "ack").await["seq"].clone();
        hers.send(json!({"type": "read", "conversation": group, "seq": seq}))
            .await;
        for _ in 0..20 {
            spy.ask(json!({"type": "open", "conversation": group}))
                .await;
        }
        for _ in 0..20 {
            let frame = spy.next().await;
            *seen.entry(frame["type"].to_string()).or_default() += 1;
            assert_eq!(frame["code"], "not_found", "{frame}");
        }
        hers.find(|frame| frame["type"] == "read").await;
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

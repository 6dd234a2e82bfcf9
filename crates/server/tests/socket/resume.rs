//! Catching up: at `hello`, by `sync`, by `open`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::client::{Socket, places};
use crate::world::{Dice, Person, World};

/// A group of `ann` with others, and so many messages; its id and head.
async fn history(ann: &Person, members: &[&str], messages: u64) -> (String, u64) {
    let group = ann.group(members).await;
    let (mut socket, welcome) = ann.online().await;
    let began = welcome["conversations"][0]["head_seq"].as_u64().unwrap();
    for number in 0..messages {
        socket.say(&group, &format!("message {number}")).await;
    }
    for _ in 0..messages {
        socket.expect("ack").await;
    }
    (group, began + messages)
}

#[tokio::test]
async fn a_hello_brings_what_was_missed_in_pages() {
    let world = World::with(&[("limits.page_events", "10")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 25).await;
    let (mut socket, welcome) = bob.hello(json!({"cursors": {group.clone(): 0}})).await;
    assert_eq!(welcome["conversations"][0]["head_seq"], head);
    let mut pages = Vec::new();
    while places(&pages, &group).last() != Some(&head) {
        pages.push(socket.expect("events").await);
    }
    assert_eq!(places(&pages, &group), (1..=head).collect::<Vec<_>>());
    let more: Vec<&Value> = pages.iter().map(|page| &page["more"]).collect();
    assert_eq!(more, [true, true, false]);
    assert!(
        pages
            .iter()
            .all(|page| page["head_seq"] == head && page.get("id").is_none())
    );
    // The events themselves are those of the log.
    let path = format!("/v1/conversations/{group}/events?after=0&limit=10");
    assert_eq!(
        ann.get(&path).await.expect(200)["events"],
        pages[0]["events"]
    );
    assert_eq!(socket.drain(&group).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_while_others_talk_loses_and_doubles_nothing() {
    let world = World::with(&[("limits.page_events", "7")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 30).await;
    let (head, talking) = (
        Arc::new(AtomicU64::new(head)),
        Arc::new(AtomicBool::new(true)),
    );
    let talk = {
        let (ann, group) = (ann.clone(), group.clone());
        let (head, talking) = (Arc::clone(&head), Arc::clone(&talking));
        tokio::spawn(async move {
            let mut socket = ann.socket().await;
            while talking.load(Ordering::Relaxed) {
                for _ in 0..5 {
                    socket.say(&group, "and another thing").await;
                }
                for _ in 0..5 {
                    let seq = socket.find(|frame| frame["type"] == "ack").await["seq"].clone();
                    head.store(seq.as_u64().unwrap(), Ordering::Relaxed);
                }
            }
        })
    };
    let mut dice = Dice::new(7);
    for round in 0..25 {
        let known = head.load(Ordering::Relaxed);
        let cursor = known - dice.below(known.min(60));
        let (mut socket, _) = bob.hello(json!({"cursors": {group.clone(): cursor}})).await;
        let mut frames = Vec::new();
        // Talks as well, so that own acks have to find their place among pages and events.
        for _ in 0..dice.below(4) {
            socket.say(&group, "I am back").await;
        }
        if dice.below(3) == 0 {
            socket
                .send(json!({"type": "open", "conversation": group}))
                .await;
        }
        let enough = head.load(Ordering::Relaxed) + 10;
        while places(&frames, &group)
            .last()
            .is_none_or(|last| *last < enough)
        {
            frames.push(socket.next().await);
        }
        let places = places(&frames, &group);
        let expected: Vec<u64> = (cursor + 1..).take(places.len()).collect();
        assert_eq!(places, expected, "round {round} from {cursor}");
    }
    talking.store(false, Ordering::Relaxed);
    talk.await.unwrap();
}

#[tokio::test]
async fn a_cursor_at_or_above_the_head_brings_nothing_and_then_what_is_new() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 3).await;
    for cursor in [head, head + 1, 9_007_199_254_740_991] {
        let (mut socket, _) = bob.hello(json!({"cursors": {group.clone(): cursor}})).await;
        let seq = ann.say(&group, "new").await;
        let event = socket.expect("event").await;
        assert_eq!(event["seq"], seq);
    }
}

#[tokio::test]
async fn cursors_of_what_one_is_not_in_are_answered_removed() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let foreign = ann.group(&[]).await;
    let left = ann.group(&["bob"]).await;
    ann.remove(&left, "bob").await;
    let public = json!({"kind": "channel", "title": "Quay", "visibility": "public"});
    let public = ann.post("/v1/conversations", &public).await.expect(201)["id"].clone();
    let unknown = Uuid::now_v7().to_string();
    let public = public.as_str().unwrap().to_owned();
    let asked = [foreign, left, unknown, public];
    let cursors: Map<_, _> = asked.iter().map(|id| (id.clone(), json!(1))).collect();
    let (mut socket, welcome) = bob.hello(json!({"cursors": cursors})).await;
    assert_eq!(welcome["conversations"], json!([]));
    let mut removed = Vec::new();
    for _ in &asked {
        let frame = socket.expect("removed").await;
        removed.push(frame["conversation"].as_str().unwrap().to_owned());
        assert_eq!(frame.as_object().unwrap().len(), 2, "{frame}");
    }
    removed.sort();
    let mut expected = asked.to_vec();
    expected.sort();
    assert_eq!(removed, expected);
}

#[tokio::test]
async fn another_epoch_resumes_nothing() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 3).await;
    let unknown = Uuid::now_v7().to_string();
    let cursors = json!({group.clone(): 1, unknown: 1});
    let other = json!({"cursors": cursors, "epoch": Uuid::now_v7()});
    let (mut socket, welcome) = bob.hello(other).await;
    assert_eq!(socket.drain(&group).await, [] as [Value; 0]);

    let same = json!({"cursors": cursors, "epoch": welcome["epoch"]});
    let (mut socket, _) = bob.hello(same).await;
    let before = socket.drain(&group).await;
    assert_eq!(places(&before, &group), (2..=head + 1).collect::<Vec<_>>());
    assert_eq!(before[0]["type"], "removed");
}

#[tokio::test]
async fn a_thousand_cursors_are_taken_and_one_more_is_too_many() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 1).await;
    let cursors = |many: usize| -> Map<String, Value> {
        let unknown = (1..many).map(|_| (Uuid::now_v7().to_string(), json!(1)));
        unknown.chain([(group.clone(), json!(0))]).collect()
    };
    let mut socket = Socket::open(world.address).await;
    socket
        .say_hello(&bob.token, json!({"cursors": cursors(1_001)}))
        .await;
    assert_eq!(socket.expect("refused").await["code"], "too_large");
    socket
        .say_hello(&bob.token, json!({"cursors": cursors(1_000)}))
        .await;
    socket.expect("welcome").await;
    for _ in 0..999 {
        socket.expect("removed").await;
    }
    assert_eq!(
        places(&[socket.expect("events").await], &group),
        [1, 2, head]
    );
}

#[tokio::test]
async fn sync_answers_a_page_and_changes_nothing() {
    let world = World::with(&[("limits.page_events", "10")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 23).await;
    let mut socket = bob.socket().await;
    for (after, limit, expected, more) in [
        (0, None, 1..11, true),
        (0, Some(1_000), 1..11, true),
        (0, Some(4), 1..5, true),
        (15, Some(4_294_967_295_u32), 16..26, false),
        (head - 1, None, 25..26, false),
        (head, None, 26..26, false),
        (head + 1, None, 26..26, false),
        (9_007_199_254_740_991, None, 26..26, false),
    ] {
        let mut sync = json!({"type": "sync", "conversation": group, "after": after});
        if let Some(limit) = limit {
            sync["limit"] = json!(limit);
        }
        let id = socket.ask(sync).await;
        let page = socket.expect("events").await;
        assert_eq!(page["id"], id);
        assert_eq!(
            places(std::slice::from_ref(&page), &group),
            expected.collect::<Vec<u64>>()
        );
        assert_eq!(
            (&page["head_seq"], &page["more"]),
            (&json!(head), &json!(more))
        );
    }
    ann.say(&group, "live").await;
    assert_eq!(socket.expect("event").await["seq"], head + 1);
}

#[tokio::test]
async fn sync_refuses_what_makes_no_sense() {
    let world = World::new().await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let mut socket = ann.socket().await;
    for (field, value) in [
        ("limit", json!(0)),
        ("limit", json!(-1)),
        ("limit", json!(1.5)),
        ("limit", json!(4_294_967_296_u64)),
        ("after", json!(-1)),
        ("after", json!(0.5)),
        ("after", json!("1")),
        ("after", Value::Null),
        ("conversation", json!(7)),
    ] {
        let mut sync = json!({"type": "sync", "conversation": group, "after": 0});
        sync[field] = value;
        let id = socket.ask(sync).await;
        let refused = socket.expect_refused(id, "invalid").await;
        assert!(
            refused["detail"].as_str().unwrap().starts_with(field),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn open_brings_what_follows_a_place() {
    let world = World::with(&[("limits.page_events", "10")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 30).await;
    let mut socket = bob.socket().await;
    let id = socket
        .ask(json!({"type": "open", "conversation": group, "after": 5}))
        .await;
    let mut pages = Vec::new();
    while places(&pages, &group).last() != Some(&head) {
        pages.push(socket.expect("events").await);
    }
    assert_eq!(places(&pages, &group), (6..=head).collect::<Vec<_>>());
    assert_eq!(pages[0]["id"], id);
    assert!(pages[1..].iter().all(|page| page.get("id").is_none()));
    ann.say(&group, "live").await;
    assert_eq!(socket.expect("event").await["seq"], head + 1);
    // Without a place, from where the socket is.
    let id = socket
        .ask(json!({"type": "open", "conversation": group}))
        .await;
    let page = socket.expect("events").await;
    assert_eq!(
        page,
        json!({
            "type": "events", "id": id, "conversation": group, "events": [],
            "head_seq": head + 1, "more": false,
        })
    );
    // Closing is not answered, and the events of a small conversation go on.
    socket
        .send(json!({"type": "close", "conversation": group}))
        .await;
    ann.say(&group, "live").await;
    assert_eq!(socket.expect("event").await["seq"], head + 2);
}

#[tokio::test]
async fn every_open_is_answered_however_many_are_under_way() {
    let world = World::with(&[("limits.page_events", "3")]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let (group, head) = history(&ann, &["bob"], 20).await;
    let mut socket = bob.socket().await;
    let mut unanswered = Vec::new();
    for after in [0, 3, 0, head, 7, 1] {
        let open = json!({"type": "open", "conversation": group, "after": after});
        unanswered.push(socket.ask(open).await);
    }
    while !unanswered.is_empty() {
        let frame = socket.expect("events").await;
        unanswered.retain(|id| frame["id"] != *id);
    }
    // And the last one counts: live events follow what it brings.
    let seq = ann.say(&group, "live").await;
    let mut frames = Vec::new();
    while places(&frames, &group).last() != Some(&seq) {
        frames.push(socket.next().await);
    }
}

#[tokio::test]
async fn open_is_for_members() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let private = ann.group(&[]).await;
    let public = json!({"kind": "channel", "title": "Quay", "visibility": "public"});
    let public = ann.post("/v1/conversations", &public).await.expect(201);
    let own = bob.group(&[]).await;
    let mut socket = bob.socket().await;
    let open = |id: &str| json!({"type": "open", "conversation": id, "after": 0});
    let id = socket.ask(open(&private)).await;
    let foreign = socket.expect_refused(id, "not_found").await;
    let id = socket.ask(open(&Uuid::now_v7().to_string())).await;
    let unknown = socket.expect_refused(id, "not_found").await;
    assert_eq!(foreign["detail"], unknown["detail"]);
    let public = public["id"].as_str().unwrap();
    let id = socket.ask(open(public)).await;
    socket.expect_refused(id, "forbidden").await;
    for conversation in [private.as_str(), public] {
        ann.say(conversation, "not for bob").await;
        ann.put(
            &format!("/v1/conversations/{conversation}/read"),
            &json!({"seq": 3}),
        )
        .await
        .expect(200);
    }
    assert_eq!(socket.drain(&own).await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_server_side_hears_what_it_opens() {
    let world = World::new().await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let (mut socket, welcome) = world.operator().online().await;
    assert_eq!(welcome["conversations"], json!([]));
    let id = socket
        .ask(json!({"type": "open", "conversation": group, "after": 1}))
        .await;
    let page = socket.expect("events").await;
    assert_eq!(page["id"], id);
    assert_eq!(places(&[page], &group), [2]);
    let seq = ann.say(&group, "hello").await;
    assert_eq!(socket.expect("event").await["seq"], seq);
    socket
        .send(json!({"type": "close", "conversation": group}))
        .await;
    socket.ask(json!({"type": "ping"})).await;
    socket.expect("pong").await;
    ann.say(&group, "unheard").await;
    let id = socket
        .ask(json!({"type": "open", "conversation": group, "after": seq + 1}))
        .await;
    assert_eq!(socket.next().await["id"], id);
}

#[tokio::test]
async fn events_that_name_many_people_come_in_pages_that_can_be_sent() {
    let (world, _) = World::fragile(&[]).await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let channel = ann.begin("channel", &["bob"]).await;
    let mut head = 2;
    for crowd in 0..20 {
        let names: Vec<String> = (0..1_000)
            .map(|number| format!("{crowd:02}-{number:03}-{}", "x".repeat(57)))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        head = ann.add(&channel, &names).await;
    }
    assert_eq!(head, 22);
    let (mut socket, _) = bob.hello(json!({"cursors": {channel.clone(): 0}})).await;
    let mut pages = Vec::new();
    while places(&pages, &channel).last() != Some(&head) {
        let page = socket.expect("events").await;
        assert!(page.to_string().len() < 1024 * 1024);
        pages.push(page);
    }
    assert_eq!(places(&pages, &channel), (1..=head).collect::<Vec<_>>());
}

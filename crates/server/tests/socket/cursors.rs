//! Read cursors: who hears of them, and that the counts are exact.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Socket;
use crate::world::{Dice, Person, World};

fn read(conversation: &str, seq: u64) -> Value {
    json!({"type": "read", "conversation": conversation, "seq": seq})
}

#[tokio::test]
async fn own_devices_hear_counts_and_others_only_the_place() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    for _ in 0..4 {
        ann.say(&group, "read me").await;
    }
    let (mut phone, mut laptop, mut other) =
        (bob.socket().await, bob.socket().await, ann.socket().await);
    let id = phone.ask(read(&group, 4)).await;
    let counted = json!({
        "type": "read", "conversation": group, "user": "bob", "read_seq": 4,
        "head_seq": 6, "unread": 2, "mentions": 0,
    });
    let mut answer = counted.clone();
    answer["id"] = json!(id);
    assert_eq!(phone.expect("read").await, answer);
    assert_eq!(laptop.expect("read").await, counted);
    let place = json!({"type": "read", "conversation": group, "user": "bob", "read_seq": 4});
    assert_eq!(other.expect("read").await, place);

    // Over HTTP, all sockets are others.
    let path = format!("/v1/conversations/{group}/read");
    let body = bob.put(&path, &json!({"seq": 5})).await.expect(200);
    assert_eq!(body, json!({"read_seq": 5, "unread": 1, "mentions": 0}));
    for socket in [&mut phone, &mut laptop, &mut other] {
        let frame = socket.expect("read").await;
        assert_eq!(
            (&frame["user"], &frame["read_seq"]),
            (&json!("bob"), &json!(5))
        );
    }

    // Back it does not go, and nobody else hears of it.
    for seq in [1, 4, 5] {
        let id = phone.ask(read(&group, seq)).await;
        let answer = phone.expect("read").await;
        assert_eq!(
            (&answer["id"], &answer["read_seq"]),
            (&json!(id), &json!(5))
        );
        assert_eq!(answer["unread"], 1);
    }
    // A request without a number is answered without one.
    phone.send(read(&group, 6)).await;
    assert_eq!(phone.expect("read").await.get("id"), None);
    for socket in [&mut laptop, &mut other] {
        assert_eq!(socket.expect("read").await["read_seq"], 6);
        let rest = socket.drain(&group).await;
        assert!(rest.iter().all(|frame| frame["type"] != "read"), "{rest:?}");
    }
}

#[tokio::test]
async fn members_of_larger_conversations_hear_only_of_themselves() {
    let world = World::with(&[("fanout.receipt_members", "2")]).await;
    let [ann, bob, _] = world.people(["ann", "bob", "cid"]);
    let group = ann.group(&["bob", "cid"]).await;
    let (mut phone, mut laptop, mut other) =
        (bob.socket().await, bob.socket().await, ann.socket().await);
    ann.say(&group, "hello").await;
    phone.expect("event").await;
    laptop.expect("event").await;
    phone.ask(read(&group, 3)).await;
    phone.expect("read").await;
    assert_eq!(laptop.expect("read").await["unread"], 0);
    let heard = other.drain(&group).await;
    assert!(
        heard.iter().all(|frame| frame["type"] == "event"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_cursor_points_to_what_exists() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&[]).await;
    let foreign = bob.group(&[]).await;
    let mut socket = ann.socket().await;
    for (seq, code) in [
        (json!(0), "invalid"),
        (json!(3), "invalid"),
        (json!(-1), "invalid"),
        (json!(1.5), "invalid"),
        (json!("1"), "invalid"),
        (json!(9_007_199_254_740_992_u64), "invalid"),
        (json!(9_223_372_036_854_775_808_u64), "invalid"),
        (Value::Null, "invalid"),
    ] {
        let mut frame = read(&group, 1);
        frame["seq"] = seq;
        let id = socket.ask(frame).await;
        socket.expect_refused(id, code).await;
    }
    for unknown in [foreign, Uuid::now_v7().to_string()] {
        let id = socket.ask(read(&unknown, 1)).await;
        socket.expect_refused(id, "not_found").await;
    }
    // The server side is nobody and has read nothing.
    let mut operator = world.operator().socket().await;
    let id = operator.ask(read(&group, 1)).await;
    operator.expect_refused(id, "forbidden").await;
}

/// What the counts are computed from, once more.
struct Recount {
    messages: Vec<(u64, usize, Vec<usize>)>,
    cursors: Vec<u64>,
}

impl Recount {
    fn counts(&self, user: usize) -> (u64, u64) {
        let unseen = self
            .messages
            .iter()
            .filter(|(seq, sender, _)| *seq > self.cursors[user] && *sender != user);
        let mentions = unseen.clone().filter(|(.., named)| named.contains(&user));
        (unseen.count() as u64, mentions.count() as u64)
    }
}

#[tokio::test]
async fn counts_are_exact_after_any_history() {
    let world = World::new().await;
    let people = world.people(["ann", "bob", "cid"]);
    let group = people[0].group(&["bob", "cid"]).await;
    let mut devices: Vec<Vec<Socket>> = Vec::new();
    for person in &people {
        devices.push(vec![person.socket().await, person.socket().await]);
    }
    let mut recount = Recount {
        messages: Vec::new(),
        cursors: vec![2; 3],
    };
    let mut dice = Dice::new(3);
    let mut head = 2;
    for step in 0..300 {
        let user = dice.pick(3);
        let device = dice.pick(2);
        if dice.below(2) == 0 {
            let mentioned: Vec<usize> = (0..3).filter(|_| dice.below(4) == 0).collect();
            let names = mentioned.iter().map(|it| people[*it].name.as_str());
            let names: Vec<&str> = names.collect();
            let socket = &mut devices[user][device];
            let id = socket
                .ask(json!({
                    "type": "send", "conversation": group, "client_id": Uuid::now_v7(),
                    "text": format!("step {step}"), "mentions": names,
                }))
                .await;
            let ack = socket.answer(id).await;
            head += 1;
            assert_eq!(ack["seq"], head);
            recount.messages.push((head, user, mentioned));
            continue;
        }
        let seq = 1 + dice.below(head);
        let told = if dice.below(4) == 0 {
            let path = format!("/v1/conversations/{group}/read");
            people[user]
                .put(&path, &json!({"seq": seq}))
                .await
                .expect(200)
        } else {
            let socket = &mut devices[user][device];
            let id = socket.ask(read(&group, seq)).await;
            socket.answer(id).await
        };
        recount.cursors[user] = recount.cursors[user].max(seq);
        let told = (&told["read_seq"], &told["unread"], &told["mentions"]);
        let (unread, mentions) = recount.counts(user);
        let cursor = json!(recount.cursors[user]);
        assert_eq!(
            told,
            (&cursor, &json!(unread), &json!(mentions)),
            "step {step}"
        );
    }
    for (user, person) in people.iter().enumerate() {
        let (unread, mentions) = recount.counts(user);
        let expected = json!([{
            "id": group, "kind": "group", "head_seq": head,
            "read_seq": recount.cursors[user], "unread": unread, "mentions": mentions,
            "member_count": people.len(),
        }]);
        assert_eq!(person.online().await.1["conversations"], expected);
        assert_eq!(shown(person, &group).await, (unread, mentions));
    }
}

async fn shown(person: &Person, group: &str) -> (u64, u64) {
    let view = person
        .get(&format!("/v1/conversations/{group}"))
        .await
        .expect(200);
    (
        view["unread"].as_u64().unwrap(),
        view["mentions"].as_u64().unwrap(),
    )
}

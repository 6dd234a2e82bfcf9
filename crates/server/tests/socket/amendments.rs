//! Editing, deleting, reacting and pinning over the socket.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Socket;
use crate::world::World;

async fn own_counts(socket: &mut Socket) -> (u64, u64, u64) {
    let read = socket.expect("read").await;
    let number = |field: &str| read[field].as_u64().unwrap();
    (number("read_seq"), number("unread"), number("mentions"))
}

#[tokio::test]
async fn a_change_is_acked_to_its_socket_and_an_event_to_all_others() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    ann.say(&group, "hello").await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    let name = Uuid::now_v7();
    let wishes = [
        (
            json!({"type": "edit", "text": "hello all"}),
            json!({"kind": "edit", "text": "hello all", "mentions": []}),
        ),
        (
            json!({"type": "edit", "text": "hello bob", "mentions": ["bob"], "client_id": name}),
            json!({"kind": "edit", "text": "hello bob", "mentions": ["bob"], "client_id": name}),
        ),
        (
            json!({"type": "react", "emoji": "👍", "on": true}),
            json!({"kind": "reaction", "emoji": "👍", "on": true}),
        ),
        (
            json!({"type": "react", "emoji": "👍", "on": false}),
            json!({"kind": "reaction", "emoji": "👍", "on": false}),
        ),
        (
            json!({"type": "pin", "on": true}),
            json!({"kind": "pin", "on": true}),
        ),
        (
            json!({"type": "delete"}),
            json!({"kind": "delete", "reason": "author"}),
        ),
    ];
    for (place, (mut wish, mut event)) in (4..).zip(wishes) {
        wish["conversation"] = json!(group);
        wish["target"] = json!(3);
        let named = wish.get("client_id").cloned();
        let id = socket.ask(wish.clone()).await;
        let ack = socket.expect("ack").await;
        let mut expected = json!({
            "type": "ack", "id": id, "conversation": group, "seq": place, "at": ack["at"],
            "duplicate": false,
        });
        if let Some(named) = named {
            expected["client_id"] = named;
        }
        assert_eq!(ack, expected);
        for (field, value) in [
            ("type", json!("event")),
            ("conversation", json!(group)),
            ("seq", json!(place)),
            ("at", ack["at"].clone()),
            ("target", json!(3)),
            ("by", json!("ann")),
        ] {
            event[field] = value;
        }
        assert_eq!(other.expect("event").await, event);
    }
}

#[tokio::test]
async fn what_is_so_already_is_acked_with_what_made_it_so() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    ann.say(&group, "hello").await;
    let (mut socket, mut other) = (bob.socket().await, ann.socket().await);
    let pin = json!({"type": "pin", "conversation": group, "target": 3, "on": true});
    for duplicate in [false, true, true] {
        let id = socket.ask(pin.clone()).await;
        let ack = socket.answer(id).await;
        assert_eq!(
            (&ack["seq"], &ack["duplicate"]),
            (&json!(4), &json!(duplicate))
        );
    }
    other.expect("event").await;
    ann.say(&group, "next").await;
    assert_eq!(socket.expect("event").await["seq"], 5);
}

#[tokio::test]
async fn a_deletion_tells_every_device_what_is_unread() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let (mut phone, mut laptop) = (bob.socket().await, bob.socket().await);
    let mut socket = ann.socket().await;
    let message = json!({
        "type": "send", "conversation": group, "client_id": Uuid::now_v7(), "text": "hello",
        "mentions": "all",
    });
    socket.ask(message).await;
    ann.say(&group, "again").await;
    for device in [&mut phone, &mut laptop] {
        for place in [3, 4] {
            assert_eq!(device.expect("event").await["seq"], place);
        }
    }
    socket
        .ask(json!({"type": "delete", "conversation": group, "target": 3}))
        .await;
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.expect("event").await["kind"], "delete");
        assert_eq!(own_counts(device).await, (2, 1, 0));
    }
    // A device that comes back is told the same after what it missed.
    let (mut late, welcome) = bob.hello(json!({"cursors": {&group: 4}})).await;
    assert_eq!(welcome["conversations"][0]["unread"], 1);
    let events = late.expect("events").await;
    assert_eq!(events["events"][0]["kind"], "delete");
    assert_eq!(own_counts(&mut late).await, (2, 1, 0));
}

#[tokio::test]
async fn what_may_not_be_changed_is_refused_and_the_socket_stays() {
    let world = World::new().await;
    let [ann, bob, eve] = world.people(["ann", "bob", "eve"]);
    let group = ann.group(&["bob"]).await;
    ann.say(&group, "hello").await;
    let with = |kind: &str, target: Value, more: Value| {
        let mut frame = json!({"type": kind, "conversation": group, "target": target});
        for (field, value) in more.as_object().unwrap() {
            frame[field] = value.clone();
        }
        frame
    };
    let long = "x".repeat(16 * 1024 + 1);
    let mut socket = bob.socket().await;
    for (frame, code) in [
        (with("edit", json!(3), json!({"text": "mine"})), "forbidden"),
        (with("delete", json!(3), json!({})), "forbidden"),
        (with("delete", json!(2), json!({})), "not_found"),
        (with("pin", json!(4), json!({"on": true})), "not_found"),
        (
            with("pin", json!((1_u64 << 53) - 1), json!({"on": true})),
            "not_found",
        ),
        (with("pin", json!(0), json!({"on": true})), "invalid"),
        (
            with("pin", json!(1_u64 << 63), json!({"on": true})),
            "invalid",
        ),
        (with("pin", json!("3"), json!({"on": true})), "invalid"),
        (with("pin", json!(3), json!({})), "invalid"),
        (
            with("react", json!(3), json!({"on": true, "emoji": "no words"})),
            "invalid",
        ),
        (
            with("react", json!(3), json!({"on": true, "emoji": "\u{0}"})),
            "invalid",
        ),
    ] {
        let id = socket.ask(frame).await;
        socket.expect_refused(id, code).await;
    }
    let mut own = ann.socket().await;
    for (frame, code) in [
        (with("edit", json!(3), json!({"text": ""})), "invalid"),
        (with("edit", json!(3), json!({"text": long})), "too_large"),
        (with("edit", json!(3), json!({"text": 7})), "invalid"),
    ] {
        let id = own.ask(frame).await;
        own.expect_refused(id, code).await;
    }
    ann.remove(&group, "bob").await;
    let mut stranger = eve.socket().await;
    socket.expect("removed").await;
    for former in [&mut socket, &mut stranger] {
        let id = former.ask(with("pin", json!(3), json!({"on": true}))).await;
        former.expect_refused(id, "not_found").await;
    }
}

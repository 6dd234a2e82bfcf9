//! What the two of a direct conversation see of each other while one blocks the other.

use serde_json::{Value, json};

use crate::client::Socket;
use crate::world::{Person, World};

/// Everything on its way to the socket before now, by the types of the frames.
async fn so_far(socket: &mut Socket) -> Vec<String> {
    let id = socket.ask(json!({"type": "ping"})).await;
    let mut before = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["id"] == id {
            return before;
        }
        before.push(frame["type"].as_str().unwrap().to_owned());
    }
}

fn typing(direct: &str) -> Value {
    json!({"type": "typing", "conversation": direct})
}

/// Says that its user has fetched and has read up to here, and waits until that is done.
async fn reads(socket: &mut Socket, direct: &str, seq: u64) {
    for kind in ["delivered", "read"] {
        let frame = json!({"type": kind, "conversation": direct, "seq": seq});
        let id = socket.ask(frame).await;
        socket.answer(id).await;
    }
}

async fn block(person: &Person, other: &str, on: bool) {
    let path = format!("/v1/users/{other}/block");
    let answer = if on {
        person.put(&path, &json!({})).await
    } else {
        person.delete(&path).await
    };
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn neither_of_a_blocked_pair_sees_the_other_write_or_read() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let direct = ann.begin("direct", &["bob"]).await;
    let first = ann.say(&direct, "one").await;
    for text in ["two", "three", "four"] {
        ann.say(&direct, text).await;
    }
    let (mut anns, mut bobs) = (ann.socket().await, bob.socket().await);
    let mut tablet = bob.socket().await;
    reads(&mut bobs, &direct, first).await;
    assert_eq!(so_far(&mut anns).await, ["delivered", "read"]);
    so_far(&mut tablet).await;
    anns.send(typing(&direct)).await;
    so_far(&mut anns).await;
    for socket in [&mut bobs, &mut tablet] {
        assert_eq!(so_far(socket).await, ["typing"]);
    }

    block(&ann, "bob", true).await;
    bobs.send(typing(&direct)).await;
    reads(&mut bobs, &direct, first + 1).await;
    reads(&mut anns, &direct, first + 3).await;
    assert_eq!(so_far(&mut anns).await, [""; 0]);
    assert_eq!(so_far(&mut bobs).await, [""; 0]);
    // Whose cursor it is sees it on all devices.
    assert_eq!(so_far(&mut tablet).await, ["read"]);
    let readers = format!("/v1/conversations/{direct}/readers?seq={first}");
    let named = async |person: &Person| {
        let page = person.get(&readers).await.expect(200);
        let readers: &Vec<Value> = page["readers"].as_array().unwrap();
        let users = readers.iter().map(|it| it["user"].clone());
        users.collect::<Vec<_>>()
    };
    assert_eq!(named(&ann).await, ["ann"]);
    assert_eq!(named(&bob).await, ["bob"]);

    block(&ann, "bob", false).await;
    bobs.send(typing(&direct)).await;
    reads(&mut bobs, &direct, first + 2).await;
    assert_eq!(so_far(&mut anns).await, ["typing", "delivered", "read"]);
    assert_eq!(named(&ann).await, ["ann", "bob"]);
}

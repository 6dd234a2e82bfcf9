//! On one socket, everything of one conversation comes in order, the own acks in the places of their events.

use serde_json::{Value, json};
use tidemark_core::ConversationId;
use uuid::Uuid;

use crate::world::{Socket, World};

const BEFORE: u64 = 400;
const SENDS: u64 = 100;

async fn send(socket: &mut Socket, conversation: ConversationId, id: u64) {
    let frame = json!({
        "type": "send", "id": id, "conversation": conversation.to_string(),
        "client_id": Uuid::now_v7().to_string(), "text": "now",
    });
    socket.send(frame).await;
}

async fn open(socket: &mut Socket, conversation: ConversationId, id: u64, after: u64) {
    let frame = json!({
        "type": "open", "id": id, "conversation": conversation.to_string(), "after": after,
    });
    socket.send(frame).await;
}

/// The places that a frame is about.
fn places(frame: &Value) -> Vec<u64> {
    match frame["type"].as_str().unwrap() {
        "ack" | "event" => vec![frame["seq"].as_u64().unwrap()],
        "events" => {
            let events = frame["events"].as_array().unwrap();
            let places = events.iter().map(|event| event["seq"].as_u64().unwrap());
            places.collect()
        }
        other => panic!("{other} is about no place: {frame}"),
    }
}

#[tokio::test]
async fn sends_while_catching_up_are_acknowledged_in_their_places() {
    let (world, conversation) = World::with_channel(BEFORE).await;
    for round in 0..10 {
        let mut socket = world.live().await;
        open(&mut socket, conversation, 1, 0).await;
        for id in 0..SENDS {
            send(&mut socket, conversation, 2 + id).await;
        }
        let mut held = 0;
        let mut acks = 0;
        while acks < SENDS {
            let frame = socket.next().await;
            acks += u64::from(frame["type"] == "ack");
            for place in places(&frame) {
                assert_eq!(place, held + 1, "round {round}: {}", frame["type"]);
                held = place;
            }
        }
        assert_eq!(held, BEFORE + (round + 1) * SENDS);
    }
}

#[tokio::test]
async fn a_sync_between_sends_disturbs_no_order() {
    let (world, conversation) = World::with_channel(2).await;
    let mut socket = world.live().await;
    open(&mut socket, conversation, 1, 2).await;
    assert_eq!(socket.next().await["id"], 1);
    let mut held = 2;
    for round in 0..SENDS {
        let id = 2 + 2 * round;
        send(&mut socket, conversation, id).await;
        let sync = json!({
            "type": "sync", "id": id + 1, "conversation": conversation.to_string(), "after": held,
        });
        socket.send(sync).await;
        for _ in 0..2 {
            let frame = socket.next().await;
            for place in places(&frame) {
                // The page was asked for before the ack had come, and may repeat what that was about.
                if frame["type"] == "events" && place <= held {
                    continue;
                }
                assert_eq!(place, held + 1, "round {round}: {frame}");
                held = place;
            }
        }
    }
}

#[tokio::test]
async fn every_open_is_answered() {
    let (world, conversation) = World::with_channel(BEFORE).await;
    let mut socket = world.live().await;
    for id in 1..=20 {
        open(&mut socket, conversation, id, 0).await;
    }
    socket
        .send(json!({"type": "close", "conversation": conversation.to_string()}))
        .await;
    let mut unanswered: Vec<u64> = (1..=20).collect();
    while !unanswered.is_empty() {
        let frame = socket.next().await;
        if let Some(id) = frame["id"].as_u64() {
            let index = unanswered.iter().position(|open| *open == id);
            unanswered.remove(index.expect("one answer for each"));
        }
    }
}

//! What the hub follows on the bus, and in what order it pushes what comes by several ways.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{Event, EventBody, History, Joined, MembersChange, Role};
use tidemark_core::{ConversationId, Seq, Timestamp, UserId};
use uuid::Uuid;

use super::peers::{Gap, REORDER_PATIENCE};
use super::{Hub, HubSettings, Item, Session};
use crate::bus::{Bus, BusHealth, Hint, NodeId, Topic};
use crate::clock::Clock;
use crate::presence::PresenceSettings;
use crate::telemetry::Metrics;

const OTHER: NodeId = NodeId(Uuid::from_u128(9));
const ROOM: ConversationId = ConversationId(Uuid::from_u128(1));

/// Writes down what is asked of it.
#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<(bool, Topic)>>);

impl Bus for Notebook {
    fn reaches_others(&self) -> bool {
        true
    }

    fn publish(&self, _topic: &Topic, _message: Bytes) {}

    fn follow(&self, topic: &Topic) {
        self.0.lock().push((true, topic.clone()));
    }

    fn unfollow(&self, topic: &Topic) {
        self.0.lock().push((false, topic.clone()));
    }

    fn next(&self) -> BoxFuture<'_, Bytes> {
        Box::pin(std::future::pending())
    }

    fn health(&self) -> BusHealth {
        BusHealth::Connected
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Notebook {
    fn take(&self) -> Vec<(bool, Topic)> {
        std::mem::take(&mut *self.0.lock())
    }
}

fn hub() -> (Hub, Arc<Notebook>) {
    let settings = HubSettings {
        large_members: 100,
        receipt_members: 100,
        outbox_bytes: 1 << 20,
        sockets_per_user: 10,
        presence: PresenceSettings {
            linger: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
        },
    };
    let bus = Arc::new(Notebook::default());
    let metrics = Arc::new(Metrics::new());
    let hub = Hub::new(settings, Arc::clone(&bus) as _, Clock::start(), metrics);
    (hub, bus)
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn enter(hub: &Hub, id: &str) -> Arc<Session> {
    hub.enter(Caller::User(user(id)), None).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// What another node tells of an event.
fn told(place: u64, joined: &[&str], left: &[&str]) -> Hint {
    Hint::Event {
        conversation: ROOM,
        seq: seq(place),
        members: 3,
        joined: joined.iter().map(|id| user(id)).collect(),
        left: left.iter().map(|id| user(id)).collect(),
        deletes: false,
        veiled: false,
        frame: Utf8Bytes::from_static("{}"),
    }
}

fn added(id: &str, place: u64) -> Hint {
    Hint::Added {
        user: user(id),
        conversation: ROOM,
        seq: seq(place),
    }
}

/// An event as the store has it.
fn stored(place: u64, joined: &[&str], left: &[&str]) -> Event {
    let mut change = MembersChange::by(user("ann"));
    change.joined = joined
        .iter()
        .map(|id| Joined {
            user: user(id),
            role: Role::Member,
        })
        .collect();
    change.left = left.iter().map(|id| user(id)).collect();
    Event {
        conversation: ROOM,
        seq: seq(place),
        at: Timestamp(0),
        body: EventBody::Members(change),
    }
}

/// What waits for a socket, in short.
fn taken(session: &Session) -> Vec<String> {
    let short = |item| match item {
        Item::Event(event) => event.seq.get().to_string(),
        Item::Joined(_) => "joined".to_owned(),
        Item::Left(_) => "left".to_owned(),
        Item::Doubt(_) => "doubt".to_owned(),
        other => format!("{other:?}"),
    };
    session.outbox.take().into_iter().map(short).collect()
}

#[test]
fn a_user_is_followed_from_the_first_socket_to_the_last() {
    let (hub, bus) = hub();
    let ann = Topic::User(user("ann"));
    let one = enter(&hub, "ann");
    assert_eq!(bus.take(), [(true, ann.clone())]);
    let other = enter(&hub, "ann");
    hub.leave(&one);
    assert_eq!(bus.take(), []);
    hub.leave(&other);
    assert_eq!(bus.take(), [(false, ann)]);
    // An API key is nobody whom others could tell something.
    let key = hub.enter(Caller::Administrator, None).unwrap();
    hub.leave(&key);
    assert_eq!(bus.take(), []);
}

#[test]
fn a_conversation_is_followed_from_the_first_socket_to_the_last() {
    let (hub, bus) = hub();
    let [ann, bob, cem] = ["ann", "bob", "cem"].map(|id| enter(&hub, id));
    bus.take();
    let room = Topic::Conversation(ROOM);
    hub.subscribe(ROOM, seq(1), 3, &ann);
    assert_eq!(bus.take(), [(true, room.clone())]);
    hub.open(ROOM, &ann);
    hub.subscribe(ROOM, seq(1), 3, &bob);
    hub.hear(OTHER, told(2, &["cem"], &[]));
    hub.unsubscribe(ROOM, &ann);
    hub.leave(&bob);
    let bob = Topic::User(user("bob"));
    assert_eq!(bus.take(), [(false, bob)]);
    // The last one is removed by an event.
    hub.hear(OTHER, told(3, &[], &["cem"]));
    assert_eq!(bus.take(), [(false, room.clone())]);
    // And added again on another node.
    hub.hear(OTHER, added("cem", 4));
    assert_eq!(bus.take(), [(true, room)]);
    hub.hear(OTHER, added("nobody", 4));
    assert_eq!(taken(&cem), ["joined", "left", "joined"]);
}

#[test]
fn what_comes_by_several_ways_is_pushed_once_and_in_order() {
    let (hub, _) = hub();
    let ann = enter(&hub, "ann");
    hub.subscribe(ROOM, seq(4), 3, &ann);
    hub.hear(OTHER, told(6, &[], &[]));
    assert!(hub.gap(ROOM).is_some());
    assert_eq!(taken(&ann), [""; 0]);
    assert!(hub.push_missed(&stored(5, &[], &[]), 3, History::All));
    assert!(
        !hub.push_missed(&stored(6, &[], &[]), 3, History::All),
        "it waited already"
    );
    hub.hear(OTHER, told(5, &[], &[]));
    hub.hear(OTHER, told(7, &[], &[]));
    assert_eq!(taken(&ann), ["5", "6", "7"]);
    assert_eq!(hub.pushed(ROOM), Some(seq(7)));
    assert_eq!(hub.gap(ROOM), None);
}

#[test]
fn an_older_change_never_undoes_a_newer_one() {
    let (hub, _) = hub();
    let [ann, bob] = ["ann", "bob"].map(|id| enter(&hub, id));
    hub.subscribe(ROOM, seq(1), 3, &ann);
    // Bob joins (2), leaves (3) and joins again (4), and hears of it in the worst order.
    hub.hear(OTHER, added("bob", 4));
    hub.hear(OTHER, told(4, &["bob"], &[]));
    hub.hear(OTHER, told(3, &[], &["bob"]));
    hub.hear(OTHER, told(2, &["bob"], &[]));
    hub.hear(OTHER, told(5, &[], &[]));
    // (His socket passes over 2: it takes the conversation up where it is when it reads of the joining.)
    assert_eq!(taken(&bob), ["joined", "2", "left", "joined", "5"]);
    // And leaves: what tells of the earlier joinings comes late.
    hub.hear(OTHER, told(6, &[], &["bob"]));
    hub.hear(OTHER, added("bob", 2));
    hub.hear(OTHER, added("bob", 4));
    hub.hear(OTHER, told(7, &[], &[]));
    assert_eq!(taken(&bob), ["left", "doubt", "doubt"]);
    assert_eq!(taken(&ann), ["2", "3", "4", "5", "6", "7"]);
}

#[test]
fn whoever_joined_before_the_room_began_is_not_forgotten() {
    let (hub, _) = hub();
    let [bob, cem] = ["bob", "cem"].map(|id| enter(&hub, id));
    // Bob asks for the conversation a moment after he and cem became members, and before this node heard of it.
    hub.open(ROOM, &bob);
    hub.begin(ROOM, seq(3));
    hub.push_missed(&stored(2, &["bob"], &[]), 2, History::All);
    hub.hear(OTHER, told(3, &["cem"], &[]));
    assert_eq!(taken(&bob), ["doubt"]);
    assert_eq!(taken(&cem), ["doubt"]);
    // And cem's own topic says so, too, as it does when the event itself is lost.
    hub.hear(OTHER, added("cem", 3));
    assert_eq!(taken(&cem), ["doubt"]);
    // Once they are found to be in, a repetition is nothing new.
    hub.subscribe(ROOM, seq(3), 3, &bob);
    hub.hear(OTHER, told(2, &["bob"], &[]));
    hub.hear(OTHER, told(4, &[], &[]));
    assert_eq!(taken(&bob), ["4"]);
}

#[test]
fn a_late_word_of_a_conversation_that_is_forgotten_is_found_out() {
    let (hub, _) = hub();
    let bob = enter(&hub, "bob");
    hub.hear(OTHER, added("bob", 2));
    hub.hear(OTHER, told(3, &[], &["bob"]));
    assert_eq!(hub.pushed(ROOM), None, "nobody is there");
    hub.hear(OTHER, added("bob", 2));
    // The store is ahead of the room, and what it has takes bob out again.
    assert_eq!(hub.pushed(ROOM), Some(seq(2)));
    hub.push_missed(&stored(3, &[], &["bob"]), 1, History::All);
    assert_eq!(hub.pushed(ROOM), None);
    assert_eq!(taken(&bob), ["joined", "left", "joined", "left"]);
}

#[tokio::test]
async fn a_room_with_a_gap_is_to_be_looked_at_after_a_moment() {
    let (hub, _) = hub();
    let ann = enter(&hub, "ann");
    hub.subscribe(ROOM, seq(1), 3, &ann);
    let began = Instant::now();
    for place in [3, 4, 6] {
        hub.hear(OTHER, told(place, &[], &[]));
    }
    // That gap closes and others open: once is enough, and what is missing now has its own moment.
    for place in [2, 5, 9, 8, 7, 11] {
        hub.hear(OTHER, told(place, &[], &[]));
    }
    let due = hub.gaps.take_due().await;
    assert!(began.elapsed() >= REORDER_PATIENCE);
    let first = Gap {
        conversation: ROOM,
        after: seq(1),
    };
    assert_eq!(due, [first]);
    let now = Gap {
        conversation: ROOM,
        after: seq(9),
    };
    assert_eq!(hub.gap(ROOM), Some(now));
    hub.note_gap(now);
    assert_eq!(hub.gaps.take_due().await, [now]);
}

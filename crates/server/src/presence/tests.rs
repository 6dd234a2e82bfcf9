//! Presence on one node, with time that only passes when told to, and a bus that writes down what is asked of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::presence::{NodeReport, Presence, Status};
use tidemark_core::{Timestamp, UserId};
use tokio::time::{advance, sleep};
use uuid::Uuid;

use super::{Board, DEPARTED_MAX, Doubt, PresenceSettings};
use crate::bus::{Bus, BusHealth, Hint, NodeId, Topic, decode};
use crate::clock::Clock;
use crate::hub::{Hub, HubSettings, Item, Session};
use crate::telemetry::Metrics;

const OTHER: NodeId = NodeId(Uuid::from_u128(9));
const THIRD: NodeId = NodeId(Uuid::from_u128(10));

/// What a node did with the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Follow(Topic),
    Unfollow(Topic),
    Publish(Topic, Hint),
}

#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<Deed>>);

impl Bus for Notebook {
    fn reaches_others(&self) -> bool {
        true
    }

    fn publish(&self, topic: &Topic, message: Bytes) {
        let (_, hint) = decode(message).unwrap();
        self.0.lock().push(Deed::Publish(topic.clone(), hint));
    }

    fn follow(&self, topic: &Topic) {
        self.0.lock().push(Deed::Follow(topic.clone()));
    }

    fn unfollow(&self, topic: &Topic) {
        self.0.lock().push(Deed::Unfollow(topic.clone()));
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

/// One node, where ann has a socket; time stands still but for [`World::pass`].
struct World {
    hub: Arc<Hub>,
    bus: Arc<Notebook>,
    ann: Arc<Session>,
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

impl World {
    async fn new() -> Self {
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
        let hub = Arc::new(hub);
        tokio::spawn({
            let hub = Arc::clone(&hub);
            async move { hub.presence.keep().await }
        });
        let ann = hub.enter(Caller::User(user("ann")), None).unwrap();
        let world = Self { hub, bus, ann };
        world.pass(0).await;
        world.bus.0.lock().clear();
        world
    }

    fn board(&self) -> &Board {
        &self.hub.presence
    }

    fn enter(&self, id: &str) -> Arc<Session> {
        self.hub.enter(Caller::User(user(id)), None).unwrap()
    }

    /// Lets time pass, and whatever is due happen.
    async fn pass(&self, milliseconds: u64) {
        advance(Duration::from_millis(milliseconds)).await;
        // Time goes on only when nothing else is left to do.
        sleep(Duration::from_millis(1)).await;
    }

    /// Ann watches these users, and shares a conversation with some of them.
    async fn watch(&self, users: &[&str], acquainted: &[&str]) {
        let users = users.iter().map(|id| user(id)).collect();
        self.board().watch(&self.ann, users);
        self.acquaint(acquainted).await;
    }

    /// The store says with whom ann shares a conversation.
    async fn acquaint(&self, acquainted: &[&str]) {
        let doubt = Doubt {
            of_watched: true,
            ..Doubt::default()
        };
        let sockets = vec![Arc::clone(&self.ann)];
        let question = self.board().question(&user("ann"), sockets, doubt);
        let found: HashSet<UserId> = acquainted.iter().map(|id| user(id)).collect();
        self.board()
            .settle_privacy(&question.privacy, &HashSet::new());
        self.board().settle(&user("ann"), &question, &found, doubt);
        self.pass(0).await;
    }

    fn hears(&self, node: NodeId, id: &str, presence: Presence) {
        let report = NodeReport::new(presence, false);
        let user = user(id);
        self.hub.hear(node, Hint::Presence { user, report });
    }

    /// What waits for ann: who has which status, and whether it is known since when.
    fn told(&self) -> Vec<(String, String, Option<i64>)> {
        let items = self.ann.outbox.take().into_iter();
        items
            .map(|item| {
                let Item::Presence(frame) = item else {
                    panic!("{item:?}")
                };
                let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
                let text = |name: &str| frame[name].as_str().unwrap().to_owned();
                (text("user"), text("status"), frame["last_seen"].as_i64())
            })
            .collect()
    }

    fn statuses(&self) -> Vec<String> {
        let told = self.told().into_iter();
        told.map(|(_, status, _)| status).collect()
    }

    fn deeds(&self) -> Vec<Deed> {
        std::mem::take(&mut *self.bus.0.lock())
    }

    /// What other nodes were told.
    fn reports(&self) -> Vec<(String, Status)> {
        let report = |deed| match deed {
            Deed::Publish(_, Hint::Presence { user, report }) => {
                Some((user.to_string(), report.presence.status))
            }
            _ => None,
        };
        self.deeds().into_iter().filter_map(report).collect()
    }

    /// How often other nodes were asked.
    fn questions(&self) -> usize {
        let is_question =
            |deed: &Deed| matches!(deed, Deed::Publish(Topic::User(_), Hint::WhoIsThere { .. }));
        self.deeds().iter().filter(|deed| is_question(deed)).count()
    }

    /// The store says whether the user hides when they were last there.
    async fn learns(&self, id: &str, hides: bool) {
        let user = user(id);
        let asked = self.board().ask_own_privacy(&user);
        self.board().learn_privacy(&user, &asked, hides);
        self.board().agenda.now(&user);
        self.pass(1_000).await;
    }
}

fn there() -> Presence {
    Presence::of(Status::Online)
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_without_a_socket_are_offline_here_and_elsewhere() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.watch(&["bob"], &["bob"]).await;
    assert_eq!(world.statuses(), ["online"]);
    assert_eq!(world.reports(), [("bob".to_owned(), Status::Online)]);
    world.hub.leave(&bob);
    world.pass(9_900).await;
    assert_eq!(world.statuses(), [""; 0]);
    let bob = world.enter("bob");
    world.pass(60_000).await;
    assert_eq!(world.statuses(), [""; 0]);
    assert_eq!(world.reports(), []);
    world.hub.leave(&bob);
    world.pass(10_000).await;
    let told = world.told();
    assert_eq!((&*told[0].1, told[0].2.is_some()), ("offline", true));
    assert_eq!(told.len(), 1);
    assert_eq!(world.reports(), [("bob".to_owned(), Status::Offline)]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_lost_has_nobody_within_thirty_seconds() {
    let world = World::new().await;
    world.watch(&["bob"], &["bob"]).await;
    world.hears(OTHER, "bob", there());
    world.pass(0).await;
    assert_eq!(world.statuses(), ["online"]);
    // As long as it answers, it is believed.
    for _ in 0..10 {
        world.pass(10_000).await;
        world.hears(OTHER, "bob", there());
    }
    world.pass(24_000).await;
    assert_eq!(world.statuses(), [""; 0]);
    world.pass(2_000).await;
    let told = world.told();
    // Since when, nobody has said: since it was said last.
    assert_eq!((&*told[0].1, told[0].2.is_some()), ("offline", true));
    world.hears(OTHER, "bob", there());
    world.pass(1_000).await;
    assert_eq!(world.statuses(), ["online"]);
}

#[tokio::test(start_paused = true)]
async fn what_several_nodes_say_counts_together() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.hub.declare(&bob, Status::Away);
    world.watch(&["bob"], &["bob"]).await;
    assert_eq!(world.statuses(), ["away"]);
    let gone = Presence {
        status: Status::Offline,
        last_seen: Some(Timestamp(5)),
    };
    for (node, presence, shown) in [
        (OTHER, there(), &["online"][..]),
        (THIRD, there(), &[]),
        (OTHER, gone, &[]),
        (THIRD, Presence::of(Status::Away), &["away"]),
    ] {
        world.hears(node, "bob", presence);
        world.pass(1_000).await;
        assert_eq!(world.statuses(), shown);
    }
    // A user who moves from one node to another is not gone in between.
    world.hub.leave(&bob);
    world.hears(OTHER, "bob", Presence::of(Status::Away));
    world.pass(11_000).await;
    assert_eq!(world.statuses(), [""; 0]);
    world.hears(OTHER, "bob", gone);
    world.hears(THIRD, "bob", gone);
    world.pass(1_000).await;
    let told = world.told();
    assert_eq!((&*told[0].1, told[0].2 > Some(5)), ("offline", true));
}

#[tokio::test(start_paused = true)]
async fn other_nodes_have_a_moment_to_answer_before_nobody_is_there() {
    let world = World::new().await;
    world.watch(&["bob", "cem"], &["bob", "cem"]).await;
    assert_eq!(world.statuses(), [""; 0]);
    world.hears(OTHER, "bob", there());
    world.pass(0).await;
    assert_eq!(
        world.told(),
        [("bob".to_owned(), "online".to_owned(), None)]
    );
    world.pass(500).await;
    assert_eq!(
        world.told(),
        [("cem".to_owned(), "offline".to_owned(), None)]
    );
}

#[tokio::test(start_paused = true)]
async fn only_users_whom_somebody_may_see_are_followed_and_asked_for() {
    let world = World::new().await;
    world.watch(&["bob", "eve"], &["bob"]).await;
    let (bob, eve) = (Topic::Presence(user("bob")), Topic::Presence(user("eve")));
    let question = Hint::WhoIsThere {
        user: user("bob"),
        is_new: true,
    };
    assert_eq!(
        world.deeds(),
        [
            Deed::Follow(bob.clone()),
            Deed::Publish(Topic::User(user("bob")), question)
        ]
    );
    world.pass(300).await;
    assert_eq!(world.questions(), 1, "again, if nobody was heard at first");
    world.pass(1_000).await;
    assert_eq!(world.questions(), 1);
    for _ in 0..5 {
        world.pass(10_000).await;
        assert_eq!(world.questions(), 1);
    }
    world.acquaint(&["eve"]).await;
    let deeds = world.deeds();
    assert!(deeds.contains(&Deed::Unfollow(bob)), "{deeds:?}");
    assert!(deeds.contains(&Deed::Follow(eve.clone())), "{deeds:?}");
    world.hub.leave(&world.ann);
    assert!(world.deeds().contains(&Deed::Unfollow(eve)));
    world.pass(60_000).await;
    assert_eq!(world.questions(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_here_is_told_to_those_who_ask() {
    let world = World::new().await;
    let _bob = world.enter("bob");
    world.pass(0).await;
    world.deeds();
    let ask = |id, is_new| {
        let user = user(id);
        world.hub.hear(OTHER, Hint::WhoIsThere { user, is_new });
    };
    for is_new in [false, true, false] {
        ask("bob", is_new);
    }
    ask("nobody", true);
    // Those who know already have heard the first answer.
    let answer = ("bob".to_owned(), Status::Online);
    for pause_ms in [3_000, 3_000] {
        assert_eq!(world.reports(), std::slice::from_ref(&answer));
        world.pass(pause_ms).await;
        ask("bob", false);
    }
}

#[tokio::test(start_paused = true)]
async fn flapping_floods_neither_sockets_nor_nodes() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.watch(&["bob"], &["bob"]).await;
    assert_eq!(world.statuses(), ["online"]);
    world.deeds();
    for _ in 0..50 {
        for status in [Status::Away, Status::Online] {
            world.hub.declare(&bob, status);
            world.pass(20).await;
        }
    }
    world.hub.declare(&bob, Status::Away);
    world.pass(2_000).await;
    let told = world.statuses();
    assert!((2..=5).contains(&told.len()), "{told:?}");
    assert_eq!(told.last().unwrap(), "away");
    let reports = world.reports();
    assert!((2..=5).contains(&reports.len()), "{reports:?}");
    assert_eq!(reports.last().unwrap().1, Status::Away);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_before_a_socket_is_told_later() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.watch(&["bob"], &["bob"]).await;
    // The first questions are asked, so that nothing else makes anybody look.
    world.pass(300).await;
    world.pass(1_100).await;
    world.statuses();
    let big = "x".repeat((1 << 20) - 10);
    let frame = axum::extract::ws::Utf8Bytes::from(big);
    assert!(world.ann.outbox.push(Item::Presence(frame)));
    world.hub.declare(&bob, Status::Away);
    world.pass(3_000).await;
    assert_eq!(world.ann.outbox.take().len(), 1);
    world.pass(1_000).await;
    assert_eq!(world.statuses(), ["away"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_store_from_before_a_change_is_of_no_use() {
    let world = World::new().await;
    let _bob = world.enter("bob");
    world.watch(&["bob"], &[]).await;
    let doubt = Doubt {
        of_watched: true,
        of_watchers: true,
        ..Doubt::default()
    };
    let sockets = || vec![Arc::clone(&world.ann)];
    let question = world.board().question(&user("ann"), sockets(), doubt);
    world.board().acquaintance_changed(&user("bob"), &[], true);
    let found = HashSet::from([user("bob")]);
    world.board().settle(&user("ann"), &question, &found, doubt);
    world.pass(0).await;
    assert_eq!(world.statuses(), [""; 0]);
    let again = world.board().doubts.lock().get(&user("ann")).copied();
    assert_eq!(again, Some(doubt), "it is asked again");
    world.acquaint(&["bob"]).await;
    assert_eq!(world.statuses(), ["online"]);
    // And from this moment on nothing is told, whatever the store says later.
    let ann = [Arc::clone(&world.ann)];
    world.board().acquaintance_changed(&user("ann"), &ann, true);
    for bob in world.hub.sessions_of(&user("bob")) {
        world.hub.declare(&bob, Status::Away);
    }
    world.pass(5_000).await;
    assert_eq!(world.statuses(), [""; 0]);
    world.acquaint(&["bob"]).await;
    assert_eq!(world.statuses(), ["away"]);
}

#[tokio::test(start_paused = true)]
async fn those_who_are_gone_longest_are_forgotten() {
    let world = World::new().await;
    for numbers in [0..=0, 1..=DEPARTED_MAX] {
        for number in numbers {
            let user = user(&format!("user-{number}"));
            world.board().observe(&user, Status::Online);
            world.board().observe(&user, Status::Offline);
        }
        world.pass(10_000).await;
    }
    let mut known = 0;
    world.board().here.for_each(|_, _| known += 1);
    assert_eq!(known, DEPARTED_MAX + 1, "and ann, who is there");
    world
        .watch(&["user-0", "user-7"], &["user-0", "user-7"])
        .await;
    world.pass(500).await;
    let mut told = world.told();
    told.sort();
    assert_eq!(told[0], ("user-0".to_owned(), "offline".to_owned(), None));
    assert!(told[1].2.is_some(), "{told:?}");
}

fn gone_bob(last_seen: Option<i64>) -> (String, String, Option<i64>) {
    ("bob".to_owned(), "offline".to_owned(), last_seen)
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_hidden_is_told_at_once() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.watch(&["bob"], &["bob"]).await;
    world.hub.leave(&bob);
    world.pass(11_000).await;
    world.pass(1_000).await;
    let told = world.told();
    let last_seen = told.last().unwrap().2;
    assert_eq!(told[1..], [gone_bob(Some(last_seen.unwrap()))]);

    // Another node says that something has changed: nothing is told that may be hidden, until the store has answered.
    let changes = || {
        let user = user("bob");
        world.hub.hear(OTHER, Hint::Privacy { user });
    };
    changes();
    world.pass(0).await;
    assert_eq!(world.told(), [gone_bob(None)]);
    let doubt = world.board().doubts.lock().get(&user("bob")).copied();
    assert!(doubt.unwrap().of_privacy, "it is asked");
    world.learns("bob", true).await;
    assert_eq!(world.told(), []);
    changes();
    world.learns("bob", false).await;
    assert_eq!(world.told(), [gone_bob(last_seen)]);

    // An answer from before a change is of no use.
    let asked = world.board().ask_own_privacy(&user("bob"));
    changes();
    world.board().learn_privacy(&user("bob"), &asked, false);
    world.pass(1_000).await;
    assert_eq!(world.told(), [gone_bob(None)]);
}

#[tokio::test(start_paused = true)]
async fn other_nodes_hear_no_last_time_of_whoever_hides_it() {
    let world = World::new().await;
    let bob = world.enter("bob");
    world.learns("bob", true).await;
    world.hub.leave(&bob);
    world.pass(11_000).await;
    let is_hidden = |deed| match deed {
        Deed::Publish(_, Hint::Presence { report, .. }) => {
            assert_eq!(report.presence.last_seen, None);
            Some((report.presence.status, report.hides_last_seen))
        }
        _ => None,
    };
    let reports: Vec<_> = world.deeds().into_iter().filter_map(is_hidden).collect();
    assert_eq!(
        reports.last(),
        Some(&(Status::Offline, true)),
        "{reports:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_heals_a_change_that_was_missed() {
    let world = World::new().await;
    world.watch(&["bob"], &["bob"]).await;
    let hidden = NodeReport::new(there(), true);
    let user = user("bob");
    world.hub.hear(
        OTHER,
        Hint::Presence {
            user,
            report: hidden,
        },
    );
    world.pass(0).await;
    assert_eq!(world.statuses(), ["online"]);
    // The node dies.
    world.pass(26_000).await;
    assert_eq!(world.told(), [gone_bob(None)]);
}

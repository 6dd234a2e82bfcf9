//! The bus loses everything, or much: each node finds in the store what nobody told it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::places;
use crate::network::Weather;
use crate::servers::{Cluster, NEVER, find, places_up_to};
use crate::world::eventually;

const OFTEN: (&str, &str) = ("bus.repair_ms", "300");
/// Nothing is later than an interval and the time that a busy machine takes to read.
const INTERVAL: Duration = Duration::from_millis(300);
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn what_the_bus_loses_arrives_at_the_next_comparison_once_and_in_order() {
    let cluster = Cluster::new(2, &[OFTEN]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let mut socket = bob.socket().await;
    cluster.network.cut();
    for round in 0..3 {
        let mut last = 0;
        for _ in 0..40 {
            last = ann.say(&group, "into the void").await;
        }
        let began = Instant::now();
        let seen = places_up_to(&mut socket, &group, last).await;
        let took = began.elapsed();
        assert!(took < INTERVAL + SLACK, "it took {took:?}");
        assert_eq!(
            seen,
            (last - 39..=last).collect::<Vec<_>>(),
            "round {round}"
        );
    }
    assert_eq!(cluster.network.heard(1), []);
    let repaired = cluster
        .metric(r#"tidemark_bus_repairs_total{what="event"}"#)
        .await;
    assert!(repaired >= 120.0, "{repaired}");
}

#[tokio::test]
async fn an_event_that_is_lost_arrives_with_the_next_one() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let mut socket = bob.socket().await;
    ann.say(&group, "heard").await;
    cluster.network.cut();
    ann.say(&group, "lost").await;
    cluster.network.weather(Weather::default());
    ann.say(&group, "heard again").await;
    assert_eq!(places_up_to(&mut socket, &group, 5).await, [3, 4, 5]);
}

#[tokio::test]
async fn whoever_was_added_or_removed_unheard_is_found() {
    let cluster = Cluster::new(2, &[OFTEN]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let mut socket = bob.socket().await;
    // The first comparison is behind it, so that this node knows from where on it knows who joins.
    eventually(async || cluster.metric("tidemark_bus_connected").await >= 2.0).await;
    let own = bob.group(&[]).await;
    find(&mut socket, "added").await;
    cluster.network.cut();

    let began = Instant::now();
    let group = ann.group(&["bob", "cem"]).await;
    assert_eq!(
        find(&mut socket, "added").await["conversation"]["id"],
        group
    );
    let said = ann.say(&group, "for bob").await;
    assert_eq!(places_up_to(&mut socket, &group, said).await, [said]);

    ann.remove(&group, "bob").await;
    assert_eq!(socket.expect("removed").await["conversation"], group);
    let took = began.elapsed();
    assert!(took < 3 * INTERVAL + SLACK, "it took {took:?}");
    ann.say(&group, "not for bob").await;
    // A comparison later there is still nothing.
    let rounds = cluster
        .metric(r#"tidemark_bus_repairs_total{what="membership"}"#)
        .await;
    let other = ann.group(&["bob"]).await;
    assert_eq!(socket.expect("added").await["conversation"]["id"], other);
    assert!(
        cluster
            .metric(r#"tidemark_bus_repairs_total{what="membership"}"#)
            .await
            > rounds
    );
    assert_eq!(socket.drain(&own).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_removed_member_gets_no_page_from_a_node_that_was_not_told() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let mut socket = bob.socket().await;
    cluster.network.cut();
    ann.remove(&group, "bob").await;
    let secret = ann.say(&group, "not for bob").await;
    let id = socket
        .ask(json!({"type": "sync", "conversation": group, "after": secret - 2}))
        .await;
    socket.expect_refused(id, "not_found").await;
    // The removal stays unheard, and then an event comes through: it waits for what is before it.
    cluster.network.weather(Weather::default());
    ann.say(&group, "nor this").await;
    let frames = [socket.next().await];
    assert_eq!(frames[0]["type"], "removed", "{frames:?}");
    assert_eq!(places(&frames, &group), [0; 0]);
}

#[tokio::test]
async fn a_session_that_was_revoked_unheard_ends() {
    let cluster = Cluster::new(2, &[OFTEN]).await;
    cluster.network.cut();
    let (ann, session) = cluster.nodes[0].register("ann").await;
    let elsewhere = cluster.nodes[1].caller("ann", ann.token.clone());
    let mut socket = elsewhere.socket().await;
    elsewhere.get("/v1/users/me").await.expect(200);
    let began = Instant::now();
    let revoked = ann.delete(&format!("/v1/sessions/{session}")).await;
    assert_eq!(revoked.status, 204);
    socket.expect_close("revoked", 4002).await;
    let took = began.elapsed();
    assert!(took < INTERVAL + SLACK, "it took {took:?}");
    assert_eq!(elsewhere.get("/v1/users/me").await.status, 401);
}

#[tokio::test]
async fn a_token_without_a_socket_is_believed_for_an_interval_at_most() {
    let cluster = Cluster::new(2, &[OFTEN]).await;
    let (ann, session) = cluster.nodes[0].register("ann").await;
    let elsewhere = cluster.nodes[1].caller("ann", ann.token.clone());
    elsewhere.get("/v1/users/me").await.expect(200);
    ann.delete(&format!("/v1/sessions/{session}")).await;
    let began = Instant::now();
    eventually(async || elsewhere.get("/v1/users/me").await.status == 401).await;
    let took = began.elapsed();
    assert!(took < INTERVAL + SLACK, "it took {took:?}");
}

#[tokio::test]
async fn a_consumer_of_the_feed_hears_of_other_nodes_within_an_interval() {
    let cluster = Cluster::new(2, &[OFTEN]).await;
    let ann = cluster.person("ann", 0);
    let group = ann.group(&[]).await;
    let consumer = cluster.nodes[1].operator();
    let page = consumer.get("/v1/feed").await.expect(200);
    let path = format!("/v1/feed?after={}&wait_ms=60000", page["next"]);
    let (page, said) = tokio::join!(consumer.get(&path), ann.say(&group, "news"));
    let page = page.expect(200);
    assert_eq!(page["events"][0]["seq"], said, "{page}");
}

#[tokio::test]
async fn in_any_weather_every_socket_gets_every_event_once_and_in_order() {
    let cluster = Cluster::new(3, &[OFTEN]).await;
    let weather = Weather {
        lost: 30,
        doubled: 30,
        late_ms_max: 80,
    };
    cluster.network.weather(weather);
    let people = [
        cluster.person("ann", 0),
        cluster.person("bob", 1),
        cluster.person("cem", 2),
    ];
    let group = people[0].group(&["bob", "cem"]).await;
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(person.socket().await);
    }
    let says = people.iter().map(|person| {
        let (person, group) = (person.clone(), group.clone());
        tokio::spawn(async move {
            for _ in 0..60 {
                person.say(&group, "through wind and rain").await;
            }
        })
    });
    for says in says.collect::<Vec<_>>() {
        says.await.unwrap();
    }
    let all: Vec<u64> = (3..3 + 180).collect();
    for socket in &mut sockets {
        assert_eq!(places_up_to(socket, &group, 182).await, all);
    }
}

#[tokio::test]
async fn an_ack_stands_for_its_event_also_where_the_store_was_faster() {
    let cluster = Cluster::new(2, &[("bus.repair_ms", "50")]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 0));
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    cluster.store.tell_outcomes_late(400);
    let id = socket.say(&group, "durable before it is told").await;
    // The other socket has it from a comparison, and before the ack.
    assert_eq!(places_up_to(&mut other, &group, 3).await, [3]);
    let frame = socket.next().await;
    assert_eq!(
        (frame["type"].as_str(), frame["id"].as_i64()),
        (Some("ack"), Some(id)),
        "{frame}"
    );
    assert_eq!(frame["seq"], 3);
    assert!(
        cluster
            .metric(r#"tidemark_bus_repairs_total{what="event"}"#)
            .await
            > 0.0
    );
    cluster.store.tell_outcomes_late(0);
    assert_eq!(socket.drain(&group).await, [] as [Value; 0]);
}

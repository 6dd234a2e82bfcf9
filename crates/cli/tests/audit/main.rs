//! The audit of the log, by the real program: one node of several audits, another goes on when it is killed, and
//! what is broken is reported.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod world;

use std::time::{Duration, Instant};

use tidemark_simulator::node::Listen;
use tidemark_simulator::postgres::Postgres;

use world::{World, eventually};

const DATABASE: &str = "chat";
/// How long the others wait for a node that is gone.
const LEASE: Duration = Duration::from_millis(1_500);
const EVENTS: &str = "SELECT count(*) FROM tidemark.event";
const LAST: &str = "SELECT max(position) FROM tidemark.event";
const KEPT: &str = "SELECT position FROM tidemark.lease WHERE name = 'audit'";

fn database() -> Postgres {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    server
}

/// A node on this database.
async fn node(server: &Postgres, audit: &str) -> World {
    let url = server.url(DATABASE);
    World::start(&format!(
        "[store]\nurl = \"{url}\"\n[background]\nlease_ms = {}\n[audit]\n{audit}\n",
        LEASE.as_millis()
    ))
    .await
}

fn number(server: &Postgres, sql: &str) -> String {
    server.query(DATABASE, sql).unwrap()
}

const POSITION: &str = "tidemark_audit_position";
const AUDITED: &str = "tidemark_audit_events_total";
const VIOLATIONS: &str = "tidemark_audit_violations_total";
const LAG: &str = "tidemark_feed_lag_seconds";
const ACTIVE: &str = "tidemark_runner_active{runner=\"audit\"}";

#[tokio::test(flavor = "multi_thread")]
async fn one_node_audits_and_another_goes_on_when_it_is_killed() {
    let server = database();
    let (mut one, two) = (node(&server, "").await, node(&server, "").await);
    eventually(async || one.metric(ACTIVE).await == "1").await;
    let ann = two.register("ann").await;
    let room = two.group(&ann).await;
    two.say(&ann, room, 30).await;
    let last = number(&server, LAST);
    eventually(async || one.metric(POSITION).await == last && one.metric(LAG).await == "0.0").await;
    assert_eq!(one.metric(AUDITED).await, number(&server, EVENTS));
    assert_eq!(two.metric(ACTIVE).await, "0");
    assert_eq!(two.metric(AUDITED).await, "0");
    eventually(async || number(&server, KEPT) == last).await;

    one.node.kill().await.unwrap();
    let killed = Instant::now();
    two.say(&ann, room, 20).await;
    eventually(async || two.metric(ACTIVE).await == "1").await;
    let took = killed.elapsed();
    assert!(took < 2 * LEASE, "{took:?}");
    let last = number(&server, LAST);
    eventually(async || two.metric(POSITION).await == last && two.metric(LAG).await == "0.0").await;
    assert_eq!(
        two.metric(AUDITED).await,
        "20",
        "it goes on where the other was"
    );
    assert_eq!(two.metric(VIOLATIONS).await, "0");

    // The one that was killed is back, and waits for its turn.
    one.node.restart(Listen::SamePort).await.unwrap();
    two.say(&ann, room, 5).await;
    eventually(async || two.metric(AUDITED).await == "25").await;
    assert_eq!(one.metric(AUDITED).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_stopped_lets_another_go_on_at_once() {
    let server = database();
    let mut one = node(&server, "").await;
    let ann = one.register("ann").await;
    let room = one.group(&ann).await;
    one.say(&ann, room, 10).await;
    let last = number(&server, LAST);
    eventually(async || one.metric(POSITION).await == last).await;
    one.node.terminate().await.unwrap();
    assert_eq!(number(&server, KEPT), last);
    let held = "SELECT count(*) FROM tidemark.lease WHERE ends_at > clock_timestamp()";
    assert_eq!(number(&server, held), "0", "all were given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_missing_are_reported() {
    const SECRET: &str = "nobody else is to read this";
    let server = database();
    let unaudited = node(&server, "enabled = false").await;
    let ann = unaudited.register("ann").await;
    let room = unaudited.group(&ann).await;
    unaudited.say_this(&ann, room, SECRET, 6).await;
    assert_eq!(unaudited.metric(AUDITED).await, "0");
    // The conversation begins with what created it and who is in it.
    server
        .query(DATABASE, "DELETE FROM tidemark.event WHERE seq IN (5, 6)")
        .unwrap();

    let audited = node(&server, "").await;
    eventually(async || audited.metric(VIOLATIONS).await != "0").await;
    let last = number(&server, LAST);
    eventually(async || audited.metric(POSITION).await == last).await;
    assert_eq!(audited.metric(VIOLATIONS).await, "1");
    let log = audited.node.log();
    let report = log.lines().find(|line| line.contains("breaks a promise"));
    let report = report.unwrap_or_else(|| panic!("{log}"));
    let position = "SELECT position FROM tidemark.event WHERE seq = 7";
    let position = server.query(DATABASE, position).unwrap();
    for part in [
        "ERROR",
        &room.to_string(),
        "seq=7",
        &format!("position={position}"),
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_is_audited_on_from_where_it_was() {
    let mut world = World::start("").await;
    let ann = world.register("ann").await;
    let room = world.group(&ann).await;
    world.say(&ann, room, 40).await;
    // Two more for the conversation itself.
    eventually(async || world.metric(AUDITED).await == "42").await;
    world.node.terminate().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    world.say(&ann, room, 3).await;
    eventually(async || world.metric(POSITION).await == "45").await;
    assert_eq!(world.metric(AUDITED).await, "3");
    assert_eq!(world.metric(VIOLATIONS).await, "0");
}

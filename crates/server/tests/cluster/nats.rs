//! A real NATS between the nodes.

use std::time::Instant;

use tempfile::TempDir;
use tidemark_server::{Server, StartError};
use tidemark_simulator::nats::Nats;
use tidemark_store::memory::MemoryStore;

use crate::servers::{Cluster, NEVER, places_up_to, was_prompt};
use crate::world::{config, eventually};

/// A NATS server of the test's own.
pub(crate) fn start_nats(arguments: &[&str]) -> Nats {
    let started = Nats::start_beside(env!("CARGO_TARGET_TMPDIR"), arguments);
    started.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Cluster that are connected.
async fn connected(count: usize, url: &str, repair_ms: &str) -> Cluster {
    let settings = [("bus.url", url), ("bus.repair_ms", repair_ms)];
    let cluster = Cluster::configured(count, &settings).await;
    all_hear(&cluster).await;
    cluster
}

/// Waits until what is said on one node comes to all by the bus.
async fn all_hear(cluster: &Cluster) {
    let from = r#"tidemark_bus_messages_total{direction="in"}"#;
    let names: Vec<String> = (0..cluster.nodes.len())
        .map(|it| format!("echo{it}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (speaker, node) in cluster.nodes.iter().enumerate() {
        let person = node.person(names[speaker]);
        let group = person.group(&names).await;
        let mut sockets = Vec::new();
        for (index, other) in cluster.nodes.iter().enumerate() {
            if index != speaker {
                sockets.push(other.person(names[index]).socket().await);
            }
        }
        let before = cluster.metric(from).await;
        let others = cluster.nodes.len() - 1;
        eventually(async || {
            person.say(&group, "does anybody hear?").await;
            cluster.metric(from).await >= before + 3.0 * others as f64
        })
        .await;
    }
}

#[tokio::test]
async fn nodes_hear_each_other_over_nats() {
    let nats = start_nats(&[]);
    let cluster = connected(2, &nats.url(), NEVER.1).await;
    // An id with what means something in a subject.
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("b.o:b@home", 1));
    let mut socket = bob.socket().await;
    // The node follows its user in a moment.
    let group = ann.group(&[]).await;
    ann.add(&group, &["b.o:b@home"]).await;
    let began = Instant::now();
    let added = socket.find(|frame| frame["type"] == "added").await;
    assert_eq!(added["conversation"]["id"], group);
    let said = ann.say(&group, "hello").await;
    assert_eq!(places_up_to(&mut socket, &group, said).await, [said]);
    was_prompt(began);

    let (here, session) = cluster.nodes[0].register("cem").await;
    let mut there = cluster.nodes[1]
        .caller("cem", here.token.clone())
        .socket()
        .await;
    let revoked = here.delete(&format!("/v1/sessions/{session}")).await;
    assert_eq!(revoked.status, 204);
    there.expect_close("revoked", 4002).await;
}

#[tokio::test]
async fn nothing_is_lost_while_nats_is_down_nor_after() {
    let mut nats = start_nats(&[]);
    let cluster = connected(3, &nats.url(), "500").await;
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
    let mut said = 0;
    let mut say = async |times: usize| {
        for index in 0..times {
            said = people[index % 3].say(&group, "hello").await;
        }
        said
    };
    say(30).await;
    nats.kill().unwrap();
    say(30).await;
    let last = say(30).await;
    let mut seen = Vec::new();
    for socket in &mut sockets {
        seen.push(places_up_to(socket, &group, last).await);
    }
    nats.restart().unwrap();
    eventually(async || cluster.metric("tidemark_bus_connected").await >= 3.0).await;
    let last = say(30).await;
    for (socket, mut seen) in sockets.iter_mut().zip(seen) {
        seen.extend(places_up_to(socket, &group, last).await);
        assert_eq!(seen, (3..=last).collect::<Vec<_>>());
    }
    let dropped = cluster
        .metric(r#"tidemark_bus_dropped_total{direction="out"}"#)
        .await;
    assert!(dropped > 0.0);
}

#[tokio::test]
async fn a_server_starts_without_its_bus_and_finds_it_later() {
    let mut nats = start_nats(&[]);
    nats.kill().unwrap();
    let settings = [("bus.url", nats.url()), ("bus.repair_ms", "300".to_owned())];
    let settings = settings
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    let cluster = Cluster::configured(2, &settings).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let mut socket = bob.socket().await;
    let said = ann.say(&group, "without a bus").await;
    assert_eq!(places_up_to(&mut socket, &group, said).await, [said]);
    nats.restart().unwrap();
    eventually(async || cluster.metric("tidemark_bus_connected").await >= 2.0).await;
}

#[tokio::test]
async fn one_of_several_servers_is_enough_and_a_password_lets_in() {
    let arguments = ["--user", "tidemark", "--pass", "p@ss"];
    let (one, mut two) = (start_nats(&arguments), start_nats(&arguments));
    two.kill().unwrap();
    let hosts = format!("{},{}", two.address(), one.address());
    let url = format!("nats://tidemark:p%40ss@{hosts}");
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("tidemark.toml");
    std::fs::write(&file, format!("[bus]\nurl = '{url}'\nrepair_ms = 600000")).unwrap();
    let cluster = Cluster::configured_by(2, &file).await;
    all_hear(&cluster).await;
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_a_reason_not_to_start() {
    let settings = [
        ("bus.url", "nats://127.0.0.1:1"),
        ("bus.credentials_file", "/nonexistent/me.creds"),
    ];
    let store = MemoryStore::new(tidemark_core::Limits::default());
    match Server::bind(config(&settings), store).await {
        Err(error @ StartError::Bus(_)) => {
            assert!(
                error.to_string().contains("/nonexistent/me.creds"),
                "{error}"
            );
        }
        other => panic!("{:?}", other.map(|_| "a server")),
    }
}

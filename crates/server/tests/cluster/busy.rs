//! Many write to one conversation on several nodes at the same time.

use crate::client::{Socket, places};
use crate::network::Weather;
use crate::servers::{Cluster, NEVER, places_up_to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_conversation_is_gapless_everywhere_and_hardly_read() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    // Late for a moment, and so out of order.
    cluster.network.weather(Weather {
        late_ms_max: 3,
        ..Weather::default()
    });
    let sends = 150;
    let pages = all_write(&cluster, sends, 1).await;
    let waits = cluster.metric("tidemark_bus_reorder_waits_total").await;
    assert!(waits > 10.0, "events came out of order {waits} times");
    // One for each gap that was there too long, on a machine that is busy with other things; without the wait it
    // is one for each of hundreds that close by themselves.
    assert!(
        pages < 20,
        "{pages} pages were read for {} events",
        3 * sends
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_over_a_bus_that_loses_much_gets_each_event_or_its_ack_once() {
    let cluster = Cluster::new(3, &[("bus.repair_ms", "200")]).await;
    cluster.network.weather(Weather {
        lost: 25,
        doubled: 25,
        late_ms_max: 10,
    });
    all_write(&cluster, 150, 8).await;
    assert!(
        cluster
            .metric(r#"tidemark_bus_repairs_total{what="event"}"#)
            .await
            > 0.0
    );
}

/// Three people, each on a node of their own, write so many messages at the same time, each with so many under way.
/// Fails unless every socket gets every place once and in order; the pages that were read from the store.
async fn all_write(cluster: &Cluster, sends: u64, at_once: usize) -> usize {
    let people = [
        cluster.person("ann", 0),
        cluster.person("bob", 1),
        cluster.person("cem", 2),
    ];
    let group = people[0].group(&["bob", "cem"]).await;
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for person in &people {
        writers.push(person.socket().await);
        readers.push(person.socket().await);
    }
    let read_before = cluster.store.pages();
    let last = 2 + 3 * sends;
    let mut tasks = Vec::new();
    for writer in writers {
        tasks.push(tokio::spawn(write(
            writer,
            group.clone(),
            sends,
            at_once,
            last,
        )));
    }
    for mut reader in readers {
        let group = group.clone();
        tasks.push(tokio::spawn(async move {
            places_up_to(&mut reader, &group, last).await
        }));
    }
    let all: Vec<u64> = (3..=last).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), all);
    }
    cluster.store.pages() - read_before
}

async fn write(
    mut socket: Socket,
    group: String,
    sends: u64,
    at_once: usize,
    last: u64,
) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut unanswered = Vec::new();
    for _ in 0..sends {
        unanswered.push(socket.say(&group, "at the same time").await);
        while unanswered.len() >= at_once {
            let frame = socket.next().await;
            unanswered.retain(|id| frame["id"] != *id);
            seen.extend(places(&[frame], &group));
        }
    }
    if seen.last() != Some(&last) {
        seen.extend(places_up_to(&mut socket, &group, last).await);
    }
    seen
}

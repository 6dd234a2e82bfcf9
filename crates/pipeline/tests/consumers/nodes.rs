//! Several nodes: one works, another takes over; and consumers that each node has for itself.

use tidemark_core::Position;
use tidemark_pipeline::Spec;
use tidemark_store::Consumers;
use tokio::time::{Instant, sleep};

use crate::world::{LEASE, Log, NAME, Node, Scripted, spec};

#[tokio::test(start_paused = true)]
async fn one_node_works_and_another_goes_on_when_it_dies() {
    let log = Log::in_memory().await;
    log.say(5).await;
    let one = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(6)).await;
    let two = Node::start(&log.store, "two", spec(), Scripted::default());
    sleep(10 * LEASE).await;
    assert_eq!(two.consumer.done(), [0_u64; 0]);
    let holder = log.state().await.holder.unwrap();
    assert!(holder.starts_with("one "), "{holder}");

    one.task.abort();
    log.say(5).await;
    let died = Instant::now();
    log.until(|state| state.position == Position(11)).await;
    assert!(died.elapsed() < LEASE * 2, "{:?}", died.elapsed());
    assert_eq!(two.consumer.done(), (7..=11).collect::<Vec<u64>>());
    let tokens = (
        one.consumer.0.lock().turns[0],
        two.consumer.0.lock().turns[0],
    );
    assert!(tokens.1.token > tokens.0.token);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_hands_over_at_once() {
    let log = Log::in_memory().await;
    let one = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(1)).await;
    let consumer = one.consumer.clone();
    log.say(1).await;
    one.stop().await;
    assert_eq!(consumer.0.lock().stops, 1);
    let stopped = Instant::now();
    let two = Node::start(&log.store, "two", spec(), Scripted::default());
    log.until(|state| state.position == Position(2)).await;
    assert!(stopped.elapsed() < LEASE / 2);
    let done = [consumer.done(), two.consumer.done()].concat();
    assert_eq!(done, [1, 2]);
}

/// Two nodes, two indexes: each has all of it, and neither waits for the other.
#[tokio::test(start_paused = true)]
async fn each_node_has_its_own_local_consumer() {
    let log = Log::in_memory().await;
    log.say(5).await;
    let local = |instance: &str| Spec {
        batch: spec().batch,
        ..Spec::local(NAME, instance.to_owned())
    };
    let own = || {
        let consumer = Scripted::default();
        consumer.0.lock().own = Some(0);
        consumer
    };
    let (one, two) = (
        Node::start(&log.store, "one", local("a1"), own()),
        Node::start(&log.store, "two", local("b2"), own()),
    );
    let until = async |name: &str, position| {
        loop {
            match log.store.consumer(name).await {
                Ok(state) if state.position == Position(position) => return,
                _ => sleep(LEASE / 100).await,
            }
        }
    };
    until("test@a1", 6).await;
    until("test@b2", 6).await;
    assert_eq!(one.consumer.done(), log.positions().await);
    assert_eq!(two.consumer.done(), log.positions().await);

    // Its process is killed, and the next one need not wait for the lease.
    one.task.abort();
    log.say(1).await;
    let killed = Instant::now();
    let again = Node::start(&log.store, "one", local("a1"), one.consumer.clone());
    until("test@a1", 7).await;
    assert!(killed.elapsed() < LEASE / 2, "{:?}", killed.elapsed());
    assert_eq!(again.consumer.done(), log.positions().await);

    // One whose index was lost begins anew, whatever the store says, and the store says so.
    again.task.abort();
    let lost = Node::start(&log.store, "one", local("a1"), own());
    sleep(LEASE).await;
    assert_eq!(lost.consumer.done(), log.positions().await);

    // One is rewound, the other stays.
    let rewound = log.store.rewind_consumer("test@b2", None, Position(3));
    rewound.await.unwrap();
    two.runtime.ring("test@b2");
    sleep(LEASE).await;
    assert_eq!(two.consumer.0.lock().rewound, [3]);
    let again: Vec<u64> = (1..=7).chain(4..=7).collect();
    assert_eq!(two.consumer.done(), again);
    assert_eq!(lost.consumer.done(), log.positions().await);
}

//! What operators decide: pausing, resuming, rewinding.

use std::time::Duration;

use tidemark_core::{Position, Timestamp};
use tidemark_pipeline::desk::{self, Condition, RewindError};
use tidemark_store::{Consumers, Paused};
use tokio::time::sleep;

use crate::world::{Fate, LEASE, Log, NAME, Node, Scripted, spec};

fn paused() -> Paused {
    Paused {
        at: Timestamp(4_000),
        reason: Some("the index moves".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_consumer_does_nothing_until_it_is_resumed() {
    let log = Log::in_memory().await;
    let node = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(1)).await;
    log.store
        .pause_consumer(NAME, Some(paused()))
        .await
        .unwrap();
    node.runtime.ring(NAME);
    sleep(Duration::from_secs(2)).await;
    log.say(5).await;
    sleep(Duration::from_mins(2)).await;
    assert_eq!(node.consumer.done(), [1]);
    let standing = desk::standing(&*log.store, NAME, Timestamp(5_000)).await;
    let standing = standing.unwrap();
    assert_eq!(standing.condition(), Condition::Paused);
    assert_eq!((standing.lag_events, standing.lag_ms), (5, 4_000));
    assert_eq!(standing.node(), Some("one"));
    assert_eq!(
        node.metric(r#"pipeline_paused{consumer="test"}"#),
        Some(1.0)
    );
    assert_eq!(
        node.metric(r#"pipeline_lag_events{consumer="test"}"#),
        Some(5.0)
    );

    // Nobody rings here: as if another node had been told.
    log.store.pause_consumer(NAME, None).await.unwrap();
    log.until(|state| state.position == Position(6)).await;
    assert_eq!(node.consumer.done(), log.positions().await);
}

/// It stays paused through restarts, also where it is in trouble.
#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_node() {
    let log = Log::in_memory().await;
    let node = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(1)).await;
    log.store
        .pause_consumer(NAME, Some(paused()))
        .await
        .unwrap();
    node.stop().await;
    log.say(1).await;
    let node = Node::start(&log.store, "two", spec(), Scripted::default());
    sleep(10 * LEASE).await;
    assert_eq!(node.consumer.done(), [0_u64; 0]);
    assert_eq!(node.consumer.0.lock().turns, [], "it has not even begun");
    log.store.pause_consumer(NAME, None).await.unwrap();
    log.until(|state| state.position == Position(2)).await;
    assert_eq!(node.consumer.done(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_rewound_consumer_does_everything_again() {
    let log = Log::in_memory().await;
    log.say(9).await;
    let node = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(10)).await;
    let ahead = desk::rewind(&*log.store, NAME, Position(10)).await;
    assert_eq!(ahead, Err(RewindError::Ahead(10)));
    desk::rewind(&*log.store, NAME, Position(4)).await.unwrap();
    node.runtime.ring(NAME);
    log.until(|state| state.position == Position(10) && state.rewound.is_none())
        .await;
    let script = node.consumer.0.lock();
    assert_eq!(script.rewound, [4]);
    let again: Vec<u64> = (1..=10).chain(5..=10).collect();
    assert_eq!(script.done, again);
    assert!(script.turns[1].token > script.turns[0].token);
}

/// Also one that is stuck, and one that is just waiting for its next try.
#[tokio::test(start_paused = true)]
async fn a_consumer_in_trouble_is_rewound_and_paused_as_well() {
    let log = Log::in_memory().await;
    log.say(9).await;
    let consumer = Scripted::default();
    consumer.fate(9, Some(Fate::Away));
    let node = Node::start(&log.store, "one", spec(), consumer);
    log.until(|state| state.trouble.is_some()).await;
    log.until(|state| state.position == Position(8)).await;
    desk::rewind(&*log.store, NAME, Position(0)).await.unwrap();
    node.runtime.ring(NAME);
    log.until(|state| state.position == Position(8)).await;
    assert_eq!(
        node.consumer.done(),
        (1..=8).chain(1..=8).collect::<Vec<u64>>()
    );
    log.store
        .pause_consumer(NAME, Some(paused()))
        .await
        .unwrap();
    node.runtime.ring(NAME);
    sleep(Duration::from_secs(2)).await;
    let offered = node.consumer.0.lock().offered.len();
    sleep(Duration::from_mins(2)).await;
    assert_eq!(node.consumer.0.lock().offered.len(), offered);
}

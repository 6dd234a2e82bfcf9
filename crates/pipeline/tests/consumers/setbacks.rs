//! What cannot be done: outages, poison, panics, and dead letters.

use std::time::Duration;

use tidemark_core::Position;
use tidemark_store::Consumers;
use tokio::time::sleep;

use crate::world::{Fate, Log, NAME, Node, Scripted, spec};

#[tokio::test(start_paused = true)]
async fn every_event_is_offered_once_in_order_while_nothing_fails() {
    let log = Log::in_memory().await;
    log.say(10).await;
    let node = Node::start(&log.store, "one", spec(), Scripted::default());
    log.until(|state| state.position == Position(11)).await;
    log.say(3).await;
    let state = log.until(|state| state.position == Position(14)).await;
    assert_eq!(node.consumer.done(), log.positions().await);
    assert_eq!((state.failures, state.trouble), (0, None));
    let lag = r#"pipeline_lag_events{consumer="test"}"#;
    assert_eq!(node.metric(lag), Some(0.0));
    let done = r#"pipeline_events_total{consumer="test"}"#;
    assert_eq!(node.metric(done), Some(14.0));
}

/// The whole way: poison, dead letter, repaired, replayed.
#[tokio::test(start_paused = true)]
async fn poison_goes_to_the_dead_letters_and_comes_back_when_it_is_replayed() {
    let log = Log::in_memory().await;
    log.say(9).await;
    let node = Node::start(&log.store, "one", spec(), {
        let consumer = Scripted::default();
        consumer.fate(3, Some(Fate::Poison));
        consumer.fate(8, Some(Fate::Poison));
        consumer
    });
    let state = log.until(|state| state.position == Position(10)).await;
    assert_eq!((state.dead_letters, state.trouble), (2, None));
    let good: Vec<u64> = (1..=10).filter(|it| ![3, 8].contains(it)).collect();
    assert_eq!(node.consumer.done(), good, "the others are done, in order");
    let letters = log.store.dead_letters(NAME, false, Position(0), 9).await;
    let letters = letters.unwrap();
    let reasons: Vec<_> = letters.iter().map(|it| &*it.reason).collect();
    assert_eq!(reasons, ["Poison at 3", "Poison at 8"]);
    assert_eq!(letters[0].attempts, 1);

    // As long as nothing is repaired, it only comes back.
    log.store
        .replay_dead_letters(NAME, Some(Position(3)))
        .await
        .unwrap();
    node.runtime.ring(NAME);
    log.until(|state| state.replays == 0).await;
    let letters = log.store.dead_letters(NAME, false, Position(0), 9).await;
    assert_eq!(letters.unwrap()[0].attempts, 2);

    node.consumer.fate(3, None);
    node.consumer.fate(8, None);
    log.store.replay_dead_letters(NAME, None).await.unwrap();
    node.runtime.ring(NAME);
    let state = log.until(|state| state.dead_letters == 0).await;
    assert_eq!(state.position, Position(10), "the feed is where it was");
    assert_eq!(node.consumer.effects(), log.positions().await);
    let buried = r#"pipeline_dead_letters_total{consumer="test"}"#;
    assert_eq!(node.metric(buried), Some(3.0));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_for_and_loses_nothing() {
    let log = Log::in_memory().await;
    log.say(9).await;
    let consumer = Scripted::default();
    consumer.fate(5, Some(Fate::Away));
    let node = Node::start(&log.store, "one", spec(), consumer);
    let state = log
        .until(|state| state.trouble.as_ref().is_some_and(|it| it.attempts > 20))
        .await;
    let trouble = state.trouble.unwrap();
    assert_eq!(trouble.reason, "Away at 5");
    assert_eq!((state.dead_letters, state.position), (0, Position(4)));
    let troubled = r#"pipeline_troubled{consumer="test"}"#;
    assert_eq!(node.metric(troubled), Some(1.0));
    let failures = r#"pipeline_failures_total{consumer="test",why="outage"}"#;
    assert!(node.metric(failures) > Some(20.0));
    assert_eq!(
        node.metric(r#"pipeline_lag_seconds{consumer="test"}"#),
        Some(4.0),
        "the age of the first event that waits"
    );
    // It is not asked all the time: half of five seconds at least.
    let before = node.consumer.0.lock().offered.len();
    sleep(Duration::from_secs(50)).await;
    let asked = node.consumer.0.lock().offered.len() - before;
    assert!((10..=21).contains(&asked), "{asked}");

    node.consumer.fate(5, None);
    let state = log.until(|state| state.trouble.is_none()).await;
    assert!(state.failures > 20);
    log.until(|state| state.position == Position(10)).await;
    assert_eq!(node.consumer.done(), log.positions().await);
    assert_eq!(node.metric(troubled), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn what_fails_too_often_is_poison() {
    let log = Log::in_memory().await;
    log.say(5).await;
    let consumer = Scripted::default();
    consumer.fate(2, Some(Fate::Fails));
    let node = Node::start(&log.store, "one", spec(), consumer);
    let state = log.until(|state| state.position == Position(6)).await;
    assert_eq!((state.dead_letters, state.trouble), (1, None));
    let letters = log.store.dead_letters(NAME, false, Position(0), 9).await;
    let letters = letters.unwrap();
    assert_eq!((letters[0].position, letters[0].attempts), (Position(2), 3));
    assert_eq!(node.consumer.effects(), [1, 3, 4, 5, 6]);
}

/// Of a batch that makes it panic, the one event is found; the others are done.
#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_event() {
    let log = Log::in_memory().await;
    log.say(9).await;
    let consumer = Scripted::default();
    consumer.fate(7, Some(Fate::Panics));
    let node = Node::start(&log.store, "one", spec(), consumer);
    log.until(|state| state.position == Position(10)).await;
    let letters = log.store.dead_letters(NAME, false, Position(0), 9).await;
    let letters = letters.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "it panicked: Panics at 7");
    assert_eq!(node.consumer.effects(), [1, 2, 3, 4, 5, 6, 8, 9, 10]);
    assert!(!node.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_an_outage() {
    let log = Log::in_memory().await;
    log.say(2).await;
    let consumer = Scripted::default();
    consumer.fate(1, Some(Fate::Hangs));
    let node = Node::start(&log.store, "one", spec(), consumer);
    let state = log.until(|state| state.trouble.is_some()).await;
    assert_eq!(state.trouble.unwrap().reason, "it took longer than 20s");
    node.consumer.fate(1, None);
    log.until(|state| state.position == Position(3)).await;
    assert_eq!(log.state().await.dead_letters, 0);
}

/// A store that is away for a while is no failure of the consumer.
#[tokio::test(start_paused = true)]
async fn dead_letters_that_are_full_stop_the_consumer() {
    let log = Log::in_memory().await;
    let more = usize::try_from(tidemark_store::DEAD_LETTERS_MAX).unwrap() + 5;
    log.say(more).await;
    let consumer = Scripted::default();
    for position in 1..=more as u64 {
        consumer.fate(position, Some(Fate::Poison));
    }
    let node = Node::start(&log.store, "one", spec(), consumer);
    let state = log.until(|state| state.trouble.is_some()).await;
    assert_eq!(state.dead_letters, tidemark_store::DEAD_LETTERS_MAX);
    assert!(state.trouble.unwrap().reason.contains("dead letters"));
    // An operator who drops them lets it go on.
    log.store.drop_dead_letters(NAME, None).await.unwrap();
    let head = Position(more as u64 + 1);
    log.until(|state| state.position == head).await;
    assert_eq!(node.consumer.done(), [head.0]);
}

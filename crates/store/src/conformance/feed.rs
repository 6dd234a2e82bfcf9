//! The log of everything, as consumers read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemark_core::conversation::{Action, Event, SettingsChange};
use tidemark_core::{ConversationId, Position, UserId};

use super::world::{WHOLE, appended};
use super::{Engine, World};
use crate::{FeedEvent, PageLimits, Store};

/// Two conversations with events of all kinds between each other, and all events as committed.
async fn two_rooms<E: Engine>(world: &World<E>) -> (UserId, [ConversationId; 2]) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let rooms = [
        world.group(&ann, &[&bob]).await,
        world.public_channel(&ann, &[]).await,
    ];
    for n in 0..10 {
        world.say(&ann, rooms[n % 2], &"x".repeat(n * 20 + 1)).await;
        let topic = SettingsChange {
            topic: Some(Some(n.to_string())),
            ..SettingsChange::default()
        };
        world
            .done(&ann, rooms[n % 2], Action::ChangeSettings(topic))
            .await;
    }
    (ann, rooms)
}

/// It holds every event of every conversation once, each conversation's in order, and positions grow.
pub async fn the_feed_holds_every_log_in_order<E: Engine>(world: World<E>) {
    let (_, rooms) = two_rooms(&world).await;
    let feed = world.feed().await;
    assert!(feed.is_sorted_by(|one, next| one.position < next.position));
    for room in rooms {
        let of_room = feed.iter().map(|entry| entry.event.clone());
        let of_room: Vec<Event> = of_room.filter(|event| event.conversation == room).collect();
        assert_eq!(of_room, world.events(room).await);
    }
}

/// What was committed first comes first, across conversations and inside a batch.
pub async fn the_feed_is_in_commit_order<E: Engine>(world: World<E>) {
    let (ann, rooms) = two_rooms(&world).await;
    let before = world.feed().await.last().expect("a long feed").position;
    let places = [0, 1, 1, 0, 1, 0, 0];
    let mut committed = Vec::new();
    for batch in places.chunks(3) {
        let batch = batch.iter().map(|&n| world.send(&ann, rooms[n], "hello"));
        for outcome in world.store.commit(batch.collect()).await {
            committed.extend_from_slice(appended(&outcome.expect("sent")));
        }
    }
    let feed = world.store.feed(before, WHOLE).await.expect("a feed");
    let feed: Vec<Event> = feed.into_iter().map(|entry| entry.event).collect();
    assert_eq!(feed, committed);
}

/// Following the feed page by page gives the same, however small the pages are.
pub async fn feed_pages_join_into_the_feed<E: Engine>(world: World<E>) {
    two_rooms(&world).await;
    let whole = world.feed().await;
    for (entries_max, text_bytes_max) in [(1, 1_000), (3, 1_000), (1_000, 90), (5, 0)] {
        let limits = PageLimits {
            entries_max,
            text_bytes_max,
        };
        let mut joined: Vec<FeedEvent> = Vec::new();
        loop {
            let after = joined.last().map_or(Position(0), |entry| entry.position);
            let page = world.store.feed(after, limits).await.expect("a page");
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= entries_max);
            let texts = page
                .iter()
                .filter_map(|entry| entry.event.body.as_message());
            let bytes: usize = texts.map(|message| message.text.len()).sum();
            assert!(bytes <= text_bytes_max || page.len() == 1);
            joined.extend(page);
        }
        assert_eq!(joined, whole, "in pages of {limits:?}");
    }
}

/// A consumer that reads while others write, and goes on from the last position that it has seen,
/// sees every event once: no event appears behind it.
pub async fn a_consumer_that_follows_misses_nothing<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(world.group(&ann, &[]).await);
    }
    let tasks: Vec<_> = rooms
        .iter()
        .map(|&room| {
            let store = Arc::clone(&world.store);
            let sends: Vec<_> = (0..50).map(|_| world.send(&ann, room, "hello")).collect();
            tokio::spawn(async move {
                for send in sends {
                    store.commit(vec![send]).await;
                }
            })
        })
        .collect();
    let limits = PageLimits {
        entries_max: 7,
        ..WHOLE
    };
    let mut seen: Vec<FeedEvent> = Vec::new();
    while seen.len() < 4 * 52 {
        let after = seen.last().map_or(Position(0), |entry| entry.position);
        seen.extend(world.store.feed(after, limits).await.expect("a page"));
        let mut heads: BTreeMap<ConversationId, u64> = BTreeMap::new();
        for entry in &seen {
            let head = heads.entry(entry.event.conversation).or_default();
            *head += 1;
            assert_eq!(entry.event.seq.get(), *head, "a hole in the feed");
        }
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.expect("the task ends");
    }
    assert_eq!(seen, world.feed().await);
}

/// At the end there is nothing, also far beyond it.
pub async fn after_the_last_event_the_feed_is_empty<E: Engine>(world: World<E>) {
    assert_eq!(world.feed().await, []);
    two_rooms(&world).await;
    let last = world.feed().await.last().expect("a long feed").position;
    for after in [last, Position(last.0 + 1_000_000)] {
        assert_eq!(world.store.feed(after, WHOLE).await, Ok(Vec::new()));
    }
}

//! The messages that mention somebody.

use tidemark_core::conversation::{Action, Mentions};
use tidemark_core::{ConversationId, Position, Seq, UserId};

use super::world::{WHOLE, user_id};
use super::{Engine, World};
use crate::{Mentioned, PageLimits, Store};

async fn mentions<E: Engine>(world: &World<E>, user: &UserId) -> Vec<Mentioned> {
    let page = world
        .store
        .mentions(user, None, WHOLE)
        .await
        .expect("a page");
    assert_eq!(page.next, None);
    page.mentions
}

fn places(mentions: &[Mentioned]) -> Vec<(ConversationId, Seq)> {
    let place = |it: &Mentioned| (it.conversation, it.message.seq);
    mentions.iter().map(place).collect()
}

fn of(user: &UserId) -> Mentions {
    Mentions::Users(vec![user.clone()])
}

/// By name and with everybody, over all conversations, newest first; not by oneself, and not of others.
pub async fn mentions_are_listed_for_whom_they_mention<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let one = world.group(&ann, &[&bob]).await;
    let two = world.group(&ann, &[&bob]).await;
    let first = world.mention(&ann, one, of(&bob)).await;
    world.say(&ann, one, "no mention").await;
    let second = world.mention(&ann, two, Mentions::All).await;
    world.mention(&bob, two, Mentions::All).await;
    world.mention(&bob, two, of(&bob)).await;
    let to_ann = world.mention(&bob, one, of(&ann)).await;
    let third = world.mention(&ann, one, of(&bob)).await;
    let all = mentions(&world, &bob).await;
    assert_eq!(places(&all), [(one, third), (two, second), (one, first)]);
    let feed = world.feed().await;
    for mentioned in &all {
        let entry = feed.iter().find(|it| it.position == mentioned.position);
        let event = &entry.expect("a position of the feed").event;
        assert_eq!(
            (event.conversation, event.seq),
            (mentioned.conversation, mentioned.message.seq)
        );
        assert_eq!(event.body.as_message(), Some(&mentioned.message.message));
    }
    assert_eq!(mentions(&world, &ann).await[0].message.seq, to_ann);
    assert_eq!(mentions(&world, &ann).await.len(), 2);
    assert_eq!(mentions(&world, &user_id("nobody")).await, []);
}

/// Only of conversations that one is in now, and from where one came in.
pub async fn mentions_follow_membership<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[]).await;
    world.mention(&ann, room, Mentions::All).await;
    world.mention(&ann, room, of(&bob)).await;
    assert_eq!(mentions(&world, &bob).await, []);
    world.done(&bob, room, Action::Join).await;
    assert_eq!(mentions(&world, &bob).await, []);
    let seen = world.mention(&ann, room, Mentions::All).await;
    assert_eq!(places(&mentions(&world, &bob).await), [(room, seen)]);
    world.done(&bob, room, Action::Leave).await;
    assert_eq!(mentions(&world, &bob).await, []);
}

/// Every size of page visits every mention once, the newest first, and reading on costs nothing of what is read.
pub async fn pages_of_mentions_join_into_the_list<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(world.group(&ann, &[&bob]).await);
    }
    for n in [0, 1, 1, 1, 2, 0, 3, 1, 0] {
        let whom = if n == 1 { Mentions::All } else { of(&bob) };
        world.mention(&ann, rooms[n], whom).await;
    }
    world.done(&bob, rooms[3], Action::Leave).await;
    let all = mentions(&world, &bob).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted_by(|one, other| one.position > other.position));
    for (entries_max, text_bytes_max) in
        [(1, usize::MAX), (3, usize::MAX), (8, usize::MAX), (100, 1)]
    {
        let limits = PageLimits {
            entries_max,
            text_bytes_max,
        };
        let (mut walked, mut before) = (Vec::new(), None);
        loop {
            let page = world.store.mentions(&bob, before, limits).await;
            let page = page.expect("a page");
            assert!(page.mentions.len() <= entries_max);
            walked.extend(page.mentions);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(walked, all);
    }
    let oldest = all[7].position;
    let page = world.store.mentions(&bob, Some(oldest), WHOLE).await;
    assert_eq!(page.expect("a page").mentions, []);
    let far = Some(Position(u64::MAX));
    let page = world.store.mentions(&bob, far, WHOLE).await;
    assert_eq!(page.expect("a page").mentions, all);
}

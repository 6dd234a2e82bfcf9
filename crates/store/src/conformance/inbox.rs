//! A person's conversations.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, ConversationKind, Joined, Role};
use tidemark_core::{ConversationId, UserId};

use super::world::{new_conversation, seq, user_id};
use super::{Engine, World};
use crate::{ConversationView, Store};

/// The inbox, walked in pages of this size.
async fn walk<E: Engine>(
    world: &World<E>,
    user: &UserId,
    entries_max: usize,
) -> Vec<ConversationView> {
    let mut views: Vec<ConversationView> = Vec::new();
    let mut before = None;
    loop {
        let page = world.store.inbox(user, before, entries_max).await;
        let page = page.expect("an inbox");
        assert!(page.conversations.len() <= entries_max);
        views.extend(page.conversations);
        before = page.next;
        if before.is_none() {
            return views;
        }
        assert_eq!(before, views.last().map(|view| view.active));
    }
}

fn ids(views: &[ConversationView]) -> Vec<ConversationId> {
    views.iter().map(|view| view.conversation.id).collect()
}

/// Every page size visits every conversation once, the last active first.
pub async fn an_inbox_visits_each_conversation_once<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..7 {
        rooms.push(world.group(&ann, &[&bob]).await);
    }
    world.group(&bob, &[]).await;
    for n in [3, 0, 5] {
        world.say(&bob, rooms[n], "hello").await;
    }
    let expected = [5, 0, 3, 6, 4, 2, 1].map(|n| rooms[n]);
    for entries_max in [1, 2, 3, 7, 100] {
        assert_eq!(ids(&walk(&world, &ann, entries_max).await), expected);
    }
}

/// Any event is activity, also in the same batch; reading is none.
pub async fn events_move_a_conversation_up_and_reading_does_not<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let one = world.group(&ann, &[&bob]).await;
    let two = world.group(&ann, &[&bob]).await;
    let three = world.group(&ann, &[&bob]).await;
    world
        .done(&ann, one, Action::RemoveMember(bob.clone()))
        .await;
    assert_eq!(ids(&walk(&world, &ann, 10).await), [one, three, two]);
    world.done(&bob, two, Action::MoveCursor(seq(2))).await;
    world.done(&ann, two, Action::MoveCursor(seq(1))).await;
    assert_eq!(ids(&walk(&world, &ann, 10).await), [one, three, two]);
    let batch = [two, one, two, three].map(|room| world.send(&ann, room, "hello"));
    world.store.commit(batch.to_vec()).await;
    assert_eq!(ids(&walk(&world, &ann, 10).await), [three, two, one]);
    let feed = world.feed().await;
    let last = feed.last().expect("a feed").position;
    let inbox = walk(&world, &ann, 10).await;
    assert_eq!(inbox[0].active, last, "active is a position of the feed");
}

/// A conversation is in the inbox exactly as long as one is in it.
pub async fn an_inbox_follows_membership<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let staying = world.group(&ann, &[&bob]).await;
    let room = world.public_channel(&ann, &[]).await;
    assert_eq!(ids(&walk(&world, &bob, 10).await), [staying]);
    world.done(&bob, room, Action::Join).await;
    assert_eq!(ids(&walk(&world, &bob, 10).await), [room, staying]);
    world.done(&bob, room, Action::Leave).await;
    assert_eq!(ids(&walk(&world, &bob, 10).await), [staying]);
    let bob_again = Joined {
        user: bob.clone(),
        role: Role::Admin,
    };
    world
        .done(&ann, room, Action::AddMembers(vec![bob_again]))
        .await;
    assert_eq!(ids(&walk(&world, &bob, 10).await), [room, staying]);
}

/// An entry says the same as a look at the conversation itself.
pub async fn an_inbox_entry_equals_the_conversation<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let direct = new_conversation(ConversationKind::Direct, &[&bob]);
    let direct = world.begin(&ann, direct).await;
    let silent = world.group(&ann, &[&bob]).await;
    let channel = world.public_channel(&ann, &[&bob]).await;
    for room in [channel, direct] {
        world.say(&ann, room, "one").await;
        world.say(&bob, room, "two").await;
        world.say(&ann, room, "three").await;
    }
    world.done(&bob, direct, Action::MoveCursor(seq(3))).await;
    world
        .done(&ann, channel, Action::ChangeRole(bob.clone(), Role::Admin))
        .await;
    let inbox = walk(&world, &bob, 10).await;
    assert_eq!(ids(&inbox), [channel, direct, silent]);
    let caller = Caller::User(bob.clone());
    for view in &inbox {
        let alone = world
            .store
            .conversation(&caller, view.conversation.id)
            .await;
        assert_eq!(alone.as_ref(), Ok(view));
    }
    let last = inbox[0].last_message.as_ref().expect("a message");
    assert_eq!((last.seq, last.message.text.as_str()), (seq(5), "three"));
    assert_eq!(inbox[0].counts.unread, 2);
    assert_eq!(inbox[1].counts.unread, 1);
    assert_eq!(inbox[2].last_message, None);
    let role = inbox[0]
        .membership
        .as_ref()
        .map(|membership| membership.role);
    assert_eq!(role, Some(Role::Admin));
}

/// What a device compares its cursors with is the inbox in fewer words, all of it.
pub async fn memberships_equal_the_inbox<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..30 {
        rooms.push(world.group(&ann, &[&bob]).await);
    }
    world.say(&ann, rooms[9], "hello").await;
    world.done(&bob, rooms[9], Action::MoveCursor(seq(3))).await;
    world.say(&ann, rooms[4], "hello").await;
    world.done(&bob, rooms[20], Action::Leave).await;
    let memberships = world.store.memberships(&bob).await.expect("a list");
    let inbox = walk(&world, &bob, 4).await;
    assert_eq!(memberships.len(), 29);
    for (membership, view) in memberships.iter().zip(&inbox) {
        assert_eq!(membership.conversation, view.conversation);
        assert_eq!(membership.counts, view.counts);
        assert_eq!(membership.active, view.active);
        let read = view.membership.as_ref().map(|membership| membership.read);
        assert_eq!(Some(membership.read), read);
    }
    assert_eq!(memberships.len(), inbox.len());
}

/// Whoever is in no conversation, or does not even exist, has an empty inbox.
pub async fn an_inbox_may_be_empty<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    world.group(&ann, &[]).await;
    for user in [bob, user_id("nobody")] {
        assert_eq!(walk(&world, &user, 10).await, []);
        assert_eq!(world.store.memberships(&user).await, Ok(Vec::new()));
    }
}

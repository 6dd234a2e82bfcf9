//! What a server compares with what it has pushed.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidemark_core::conversation::{Action, ConversationKind, EventBody, Joined, Role};
use tidemark_core::{Position, SessionId, UserId};

use super::world::{World, appended, new_conversation, user_id};
use super::{Engine, directory};
use crate::{Directory, FeedEvent, Store};

/// What no position is above.
const BEYOND: Position = Position(i64::MAX as u64);

/// Each id that is known has its head, whoever is in the conversation; the others are passed over.
pub async fn heads_are_those_of_the_conversations_that_exist<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let quiet = world.group(&ann, &[]).await;
    let busy = world.group(&bob, &[&ann]).await;
    for _ in 0..5 {
        world.say(&bob, busy, "hello").await;
    }
    let asked = [
        world.conversation_id(),
        quiet,
        world.conversation_id(),
        busy,
    ];
    let heads = world.store.heads(&asked).await.expect("heads");
    let expected = [
        (quiet, world.head(quiet).await),
        (busy, world.head(busy).await),
    ];
    assert_eq!(heads.len(), 2);
    assert_eq!(BTreeSet::from_iter(heads), BTreeSet::from(expected));
    assert_eq!(world.store.heads(&[]).await, Ok(Vec::new()));
    let new = world.say(&ann, busy, "one more").await;
    assert_eq!(world.store.heads(&[busy]).await, Ok(vec![(busy, new)]));
}

/// The answers of pages of any size join into all the `members` events of the feed, and each says how far
/// it goes.
pub async fn who_came_and_went_is_read_from_any_place<E: Engine>(world: World<E>) {
    let nothing = world.store.membership_feed(Position(0), 10).await;
    assert_eq!(nothing.expect("an answer").events, []);
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let other = world.public_channel(&bob, &[]).await;
    for _ in 0..4 {
        world.say(&ann, room, "hello").await;
        world.done(&cem, other, Action::Join).await;
        world.done(&cem, other, Action::Leave).await;
    }
    world.say(&ann, room, "the last event is a message").await;
    let feed = world.feed().await;
    let end = feed.last().expect("a long feed").position;
    let changes: Vec<FeedEvent> = feed.into_iter().filter(is_of_members).collect();
    assert_eq!(changes.len(), 10);

    for entries_max in [1, 2, 3, 10, 11, 1000] {
        let mut seen = Vec::new();
        let mut through = Position(0);
        while through < end {
            let page = world.store.membership_feed(through, entries_max).await;
            let page = page.expect("a page");
            assert!(page.events.len() <= entries_max);
            assert!(page.through > through, "it does not get ahead");
            through = page.through;
            seen.extend(page.events);
        }
        assert_eq!(seen, changes);
    }
    for after in [end, BEYOND] {
        let answer = world.store.membership_feed(after, 10).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.events, []);
        assert!(answer.through >= end && answer.through < BEYOND);
        // Whoever joins now is behind that place.
        let joined = world.done(&cem, other, Action::Join).await;
        let next = world.store.membership_feed(answer.through, 10).await;
        let next = next.expect("an answer").events.into_iter();
        assert!(next.map(|entry| entry.event).eq(appended(&joined).to_vec()));
        world.done(&cem, other, Action::Leave).await;
    }
}

/// Following it while people join by several connections shows each of them once, in commit order.
pub async fn nobody_who_joins_is_missed_by_following<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&world.store);
            let channel = world.conversation_id();
            let new = new_conversation(ConversationKind::Channel, &[&bob]);
            let commands: Vec<_> = std::iter::once(Action::Create(new))
                .chain((0..20).flat_map(|_| {
                    let back = Joined {
                        user: bob.clone(),
                        role: Role::Member,
                    };
                    [
                        Action::RemoveMember(bob.clone()),
                        Action::Send(world.message("hello")),
                        Action::AddMembers(vec![back]),
                    ]
                }))
                .map(|action| world.command(&ann, channel, action))
                .collect();
            tokio::spawn(async move {
                for command in commands {
                    store.commit(vec![command]).await.remove(0).expect("done");
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    let mut through = Position(0);
    while seen.len() < 4 * 41 {
        let page = world.store.membership_feed(through, 7).await;
        let page = page.expect("a page");
        through = page.through;
        seen.extend(page.events);
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.expect("the task ends");
    }
    let feed = world.feed().await.into_iter();
    let changes: Vec<FeedEvent> = feed.filter(is_of_members).collect();
    assert_eq!(seen, changes);
}

/// A session is there from its beginning until it is revoked, and one that never was is not.
pub async fn sessions_end_when_they_are_revoked<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let sessions = [1, 2, 3].map(|token| directory::session(&world, &ann, token));
    let [first, second, third] = sessions.clone().map(|session| session.id);
    for session in sessions {
        let created = world.store.create_session(session).await;
        assert_eq!(created, Ok(()));
    }
    let unknown = SessionId(world.id());
    let asked = [unknown, first, second, third];
    assert_eq!(world.store.ended_sessions(&asked).await, Ok(vec![unknown]));
    let revoked = world.store.revoke_session(&ann, second).await;
    assert_eq!(revoked, Ok(()));
    let ended = world.store.ended_sessions(&asked).await.expect("an answer");
    assert_eq!(
        BTreeSet::from_iter(ended),
        BTreeSet::from([unknown, second])
    );
    assert_eq!(world.store.ended_sessions(&[]).await, Ok(Vec::new()));
    let nobody = user_id("nobody");
    let refused = world.store.revoke_session(&nobody, third).await;
    assert!(refused.is_err());
    let ended = world.store.ended_sessions(&[third]).await;
    assert_eq!(ended, Ok(Vec::new()));
}

/// Sharing one conversation is enough, of whatever kind; having shared one is not.
pub async fn people_are_acquainted_while_they_share_a_conversation<E: Engine>(world: World<E>) {
    let [ann, bob, cem, dot] = world.people(["ann", "bob", "cem", "dot"]).await;
    let everybody = [&ann, &bob, &cem, &dot].map(Clone::clone);
    let asked = [everybody.as_slice(), &[user_id("nobody")]].concat();
    let of = async |user: &UserId| {
        let found = world.store.acquainted(user, &asked).await;
        BTreeSet::from_iter(found.expect("an answer"))
    };
    let set = |users: &[&UserId]| users.iter().map(|&user| user.clone()).collect();
    assert_eq!(of(&ann).await, set(&[]));
    let group = world.group(&ann, &[&bob]).await;
    let channel = world.public_channel(&bob, &[&cem]).await;
    assert_eq!(of(&ann).await, set(&[&ann, &bob]));
    assert_eq!(of(&bob).await, set(&[&ann, &bob, &cem]));
    assert_eq!(of(&cem).await, set(&[&bob, &cem]));
    assert_eq!(of(&dot).await, set(&[]));
    assert_eq!(of(&user_id("nobody")).await, set(&[]));
    assert_eq!(world.store.acquainted(&bob, &[]).await, Ok(Vec::new()));

    world.done(&ann, channel, Action::Join).await;
    world
        .done(&ann, group, Action::RemoveMember(bob.clone()))
        .await;
    assert_eq!(of(&ann).await, set(&[&ann, &bob, &cem]));
    world.done(&ann, channel, Action::Leave).await;
    assert_eq!(of(&ann).await, set(&[&ann]));
    assert_eq!(of(&bob).await, set(&[&bob, &cem]));
    world.done(&ann, channel, Action::Join).await;
    assert_eq!(of(&cem).await, set(&[&ann, &bob, &cem]));
}

fn is_of_members(entry: &FeedEvent) -> bool {
    matches!(entry.event.body, EventBody::Members(_))
}

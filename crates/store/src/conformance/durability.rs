//! What was answered stays, and what is closed says so.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Joined, Mentions, Role, SettingsChange};
use tidemark_core::{ConversationId, Position, Seq, SessionId, UserId};

use super::snapshot::Snapshot;
use super::world::{WHOLE, commit, seq};
use super::{Engine, World};
use crate::{
    CommitError, Directory, DirectoryError, Health, KeyPowers, NewApiKey, NewSession, Outcome,
    ProfileChange, ReadError, SecretHash, Store, Window,
};

/// A little of everything that a store keeps.
async fn lived_in<E: Engine>(world: &World<E>) -> (Vec<UserId>, Vec<ConversationId>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let group = world.group(&ann, &[&bob, &cyd]).await;
    let channel = world.public_channel(&bob, &[]).await;
    let topic = SettingsChange {
        topic: Some(Some("all that floats".to_owned())),
        ..SettingsChange::default()
    };
    world.say(&ann, group, "hello").await;
    world.mention(&bob, group, Mentions::All).await;
    world
        .mention(&cyd, group, Mentions::Users(vec![ann.clone()]))
        .await;
    world.done(&bob, group, Action::MoveCursor(seq(4))).await;
    world
        .done(&bob, channel, Action::ChangeSettings(topic))
        .await;
    world
        .done(&ann, group, Action::RemoveMember(cyd.clone()))
        .await;
    world.done(&ann, channel, Action::Join).await;
    world
        .done(&bob, channel, Action::ChangeRole(ann.clone(), Role::Admin))
        .await;
    world.done(&cyd, channel, Action::Join).await;
    world.done(&cyd, channel, Action::Leave).await;
    let cyd_again = Joined {
        user: cyd.clone(),
        role: Role::Admin,
    };
    world
        .done(&ann, group, Action::AddMembers(vec![cyd_again]))
        .await;
    world.say(&bob, group, "and good bye").await;
    (vec![ann, bob, cyd], vec![group, channel])
}

/// Every read answers after reopening what it answered before, positions included.
pub async fn all_that_was_acknowledged_is_there_after_reopening<E: Engine>(mut world: World<E>) {
    let (people, conversations) = lived_in(&world).await;
    let before = Snapshot::of(&*world.store, &people, &conversations).await;
    let feed = world.feed().await;
    world.reopen().await;
    let after = Snapshot::of(&*world.store, &people, &conversations).await;
    assert_eq!(after, before);
    assert_eq!(world.feed().await, feed);
    let head = world.head(conversations[0]).await;
    let next = world.say(&people[1], conversations[0], "back").await;
    assert_eq!(next, head.next());
}

/// The same when nobody had the time to close anything.
pub async fn all_that_was_acknowledged_is_there_after_a_kill<E: Engine>(mut world: World<E>) {
    let (people, conversations) = lived_in(&world).await;
    let before = Snapshot::of(&*world.store, &people, &conversations).await;
    let feed = world.feed().await;
    world.kill_and_reopen();
    let after = Snapshot::of(&*world.store, &people, &conversations).await;
    assert_eq!(after, before);
    assert_eq!(world.feed().await, feed);
    let head = world.head(conversations[1]).await;
    let next = world.say(&people[1], conversations[1], "back").await;
    assert_eq!(next, head.next());
}

/// New events come after the old ones also in the feed, so that no consumer misses them.
pub async fn positions_keep_growing_after_reopening<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let last = world.feed().await.last().expect("two events").position;
    world.reopen().await;
    world.say(&ann, room, "hello").await;
    world.kill_and_reopen();
    world.say(&ann, room, "hello").await;
    let new = world.store.feed(last, WHOLE).await.expect("a feed");
    let places: Vec<Seq> = new.iter().map(|entry| entry.event.seq).collect();
    assert_eq!(places, [seq(3), seq(4)]);
}

/// The history keeps its name, and no other history has it.
pub async fn an_epoch_names_one_history<E: Engine>(mut world: World<E>) {
    let epoch = world.store.epoch();
    world.reopen().await;
    assert_eq!(world.store.epoch(), epoch);
    world.kill_and_reopen();
    assert_eq!(world.store.epoch(), epoch);
    assert_ne!(World::<E>::create().store.epoch(), epoch);
}

/// People and their sessions are as durable as what they say.
pub async fn the_directory_is_there_after_reopening<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let token = SecretHash([7; 32]);
    let session = NewSession {
        id: SessionId(world.id()),
        user: ann.clone(),
        token,
        device_name: Some("phone".to_owned()),
        at: world.now(),
    };
    let session_id = session.id;
    world
        .store
        .create_session(session)
        .await
        .expect("a session");
    let change = ProfileChange {
        display_name: Some(Some("Ann".to_owned())),
        shows_last_seen: Some(false),
        ..ProfileChange::default()
    };
    let profile = world.store.update_profile(&ann, change).await;
    let profile = profile.expect("a profile");
    let key = SecretHash([8; 32]);
    let made = world
        .store
        .create_api_key(NewApiKey {
            name: "billing".to_owned(),
            hash: key,
            powers: KeyPowers::default(),
            at: world.now(),
        })
        .await;
    made.expect("a key");
    for kill in [false, true] {
        if kill {
            world.kill_and_reopen();
        } else {
            world.reopen().await;
        }
        assert_eq!(world.store.user(&ann).await.as_ref(), Ok(&profile));
        let owner = world
            .store
            .session_by_token(token)
            .await
            .expect("it is kept");
        assert_eq!((owner.session, &owner.user), (session_id, &ann));
        let sessions = world.store.sessions(&ann).await.expect("a list");
        assert_eq!(sessions.len(), 1);
        let key = world.store.api_key(key).await.expect("it is kept");
        assert_eq!(key.name, "billing");
        let credentials = world.store.credentials("ann").await.expect("they are kept");
        assert_eq!(credentials.password_hash, "$argon2id$of-a-test");
    }
}

/// A closed store answers at once that it is closed.
pub async fn a_closed_store_is_unavailable<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    assert_eq!(world.store.health(), Health::Accepting);
    world.store.close().await;
    assert_eq!(world.store.health(), Health::Closed);
    let batch = vec![world.send(&ann, room, "a"), world.send(&ann, room, "b")];
    let outcomes = world.store.commit(batch).await;
    assert_eq!(outcomes, vec![Err(CommitError::Unavailable); 2]);
    let caller = Caller::User(ann.clone());
    let store = &world.store;
    let closed = ReadError::Unavailable;
    let events = store.events_after(&caller, room, Seq::ZERO, WHOLE).await;
    assert_eq!(events, Err(closed.clone()));
    let messages = store.messages(&caller, room, Window::Latest, WHOLE).await;
    assert_eq!(messages, Err(closed.clone()));
    let view = store.conversation(&caller, room).await;
    assert_eq!(view, Err(closed.clone()));
    assert_eq!(store.inbox(&ann, None, 1).await, Err(closed.clone()));
    assert_eq!(store.memberships(&ann).await, Err(closed.clone()));
    assert_eq!(store.counts(&ann, room).await, Err(closed.clone()));
    let members = store.members(&caller, room, None, 1).await;
    assert_eq!(members, Err(closed.clone()));
    let readers = store.readers(&caller, room, seq(1), 1).await;
    assert_eq!(readers, Err(closed.clone()));
    assert_eq!(store.feed(Position(0), WHOLE).await, Err(closed));
    let unavailable = DirectoryError::Unavailable;
    assert_eq!(store.user(&ann).await, Err(unavailable.clone()));
    let renamed = store.update_profile(&ann, ProfileChange::default()).await;
    assert_eq!(renamed, Err(unavailable));
    world.store.close().await;
}

/// Closing under load answers everybody, and keeps what it said yes to.
pub async fn closing_finishes_what_was_handed_over<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&world.store);
            let sends: Vec<_> = (0..100).map(|_| world.send(&ann, room, "hello")).collect();
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for send in sends {
                    match commit(&*store, send.clone()).await {
                        Ok(Outcome::Appended { events, .. }) => accepted.extend(events),
                        Err(CommitError::Unavailable) => break,
                        other => panic!("expected yes or closed, not {other:?}"),
                    }
                }
                accepted
            })
        })
        .collect();
    world.say(&ann, room, "before closing").await;
    world.reopen().await;
    let log = world.events(room).await;
    for task in tasks {
        for event in task.await.expect("the task ends") {
            let index = usize::try_from(event.seq.get()).expect("a small number") - 1;
            assert_eq!(log.get(index), Some(&event));
        }
    }
}

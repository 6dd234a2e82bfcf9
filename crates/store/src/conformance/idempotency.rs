//! A client id names one message, and one conversation, for ever.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Command, ConversationKind, Joined, Mentions, Role};
use tidemark_core::{ClientId, ConversationId, RefusalCode, Timestamp, UserId};

use super::world::{appended, commit, new_conversation, refused, seq};
use super::{Engine, World};
use crate::{Outcome, Store};

/// Sends `command` for the first time; what a repeat of it is answered.
async fn first<E: Engine>(world: &World<E>, command: &Command) -> Outcome {
    let outcome = world.commit(command.clone()).await;
    let sent = appended(&outcome.expect("the first is accepted"))[0].clone();
    Outcome::Repeated {
        seq: sent.seq,
        at: sent.at,
    }
}

/// The same command, some time later.
fn later<E: Engine>(world: &World<E>, command: &Command) -> Command {
    Command {
        at: world.now(),
        ..command.clone()
    }
}

/// Both are in one batch.
pub async fn a_retry_in_the_same_batch_is_repeated<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let send = world.send(&ann, room, "hello");
    let batch = vec![
        send.clone(),
        later(&world, &send),
        world.send(&ann, room, "b"),
    ];
    let outcomes = world.store.commit(batch).await;
    let repeated = Outcome::Repeated {
        seq: seq(3),
        at: send.at,
    };
    assert_eq!(outcomes[1], Ok(repeated));
    assert_eq!(world.head(room).await, seq(4));
}

/// The answer got lost and the client asks again.
pub async fn a_retry_in_a_later_batch_is_repeated<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let send = world.send(&ann, room, "hello");
    let repeated = first(&world, &send).await;
    world.say(&ann, room, "another").await;
    for _ in 0..2 {
        let again = world.commit(later(&world, &send)).await;
        assert_eq!(again, Ok(repeated.clone()));
    }
    assert_eq!(world.head(room).await, seq(4));
}

/// No cache stands for the truth.
pub async fn a_retry_after_thousands_of_messages_is_repeated<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let send = world.send(&ann, room, "hello");
    let repeated = first(&world, &send).await;
    for _ in 0..10 {
        let batch = (0..500).map(|_| world.send(&ann, room, "more")).collect();
        world.store.commit(batch).await;
    }
    assert_eq!(world.head(room).await, seq(5_003));
    assert_eq!(world.commit(later(&world, &send)).await, Ok(repeated));
}

/// The server was restarted in between.
pub async fn a_retry_after_reopening_is_repeated<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let send = world.send(&ann, room, "hello");
    let repeated = first(&world, &send).await;
    world.reopen().await;
    assert_eq!(world.commit(later(&world, &send)).await, Ok(repeated));
    assert_eq!(world.head(room).await, seq(3));
}

/// A client that retries on several connections at once makes one message.
pub async fn concurrent_retries_make_one_message<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let send = world.send(&ann, room, "hello");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&world.store);
            let send = later(&world, &send);
            tokio::spawn(async move { commit(&*store, send).await })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        match task.await.expect("the task ends") {
            Ok(Outcome::Appended { .. }) => new += 1,
            Ok(Outcome::Repeated { seq: place, .. }) => assert_eq!(place, seq(3)),
            other => panic!("expected the message or its repeat, not {other:?}"),
        }
    }
    assert_eq!(new, 1);
    assert_eq!(world.head(room).await, seq(3));
}

/// The same name for something else is a contradiction, whatever differs.
pub async fn another_content_is_a_conflict<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    world.say(&ann, room, "a question").await;
    let message = world.message("hello");
    world.done(&ann, room, Action::Send(message.clone())).await;
    let mut text = message.clone();
    text.text.push('!');
    let mut reply = message.clone();
    reply.reply_to = Some(seq(3));
    let mut mentions = message;
    mentions.mentions = Mentions::All;
    for changed in [text, reply, mentions] {
        let outcome = world
            .commit(world.command(&ann, room, Action::Send(changed)))
            .await;
        assert_eq!(refused(outcome), RefusalCode::Conflict);
    }
    assert_eq!(world.head(room).await, seq(4));
}

/// The sender's clock is no part of the content.
pub async fn another_client_time_is_no_conflict<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let mut message = world.message("hello");
    message.client_at = Some(Timestamp(1));
    let send = world.command(&ann, room, Action::Send(message.clone()));
    let repeated = first(&world, &send).await;
    for client_at in [Some(Timestamp(2)), None] {
        message.client_at = client_at;
        let again = Action::Send(message.clone());
        assert_eq!(world.done(&ann, room, again).await, repeated);
    }
}

/// A client id belongs to its sender and to its conversation.
pub async fn the_same_client_id_elsewhere_is_another_message<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let other_room = world.group(&ann, &[]).await;
    let message = world.message("hello");
    let mut other_text = message.clone();
    other_text.text.push_str(" to you");
    let by_ann = Action::Send(message.clone());
    assert_eq!(
        appended(&world.done(&ann, room, by_ann).await)[0].seq,
        seq(3)
    );
    let by_bob = Action::Send(other_text.clone());
    assert_eq!(
        appended(&world.done(&bob, room, by_bob).await)[0].seq,
        seq(4)
    );
    let elsewhere = Action::Send(other_text);
    let elsewhere = world.done(&ann, other_room, elsewhere).await;
    assert_eq!(appended(&elsewhere)[0].seq, seq(3));
    let by_nobody = world.command_of(Caller::Administrator, room, Action::Send(message));
    let by_nobody = world.commit(by_nobody).await.expect("accepted");
    assert_eq!(appended(&by_nobody)[0].seq, seq(5));
}

/// What was refused has named nothing.
pub async fn a_refused_message_leaves_its_client_id_free<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let mut message = world.message("");
    let empty = world.command(&ann, room, Action::Send(message.clone()));
    assert_eq!(refused(world.commit(empty).await), RefusalCode::Invalid);
    message.text.push_str("hello");
    let sent = world.done(&ann, room, Action::Send(message)).await;
    assert_eq!(appended(&sent)[0].seq, seq(3));
}

/// Leaving and coming back does not free a name.
pub async fn a_retry_after_rejoining_is_repeated<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let send = world.send(&bob, room, "hello");
    let repeated = first(&world, &send).await;
    world.done(&bob, room, Action::Leave).await;
    let outside = world.commit(later(&world, &send)).await;
    assert_eq!(refused(outside), RefusalCode::NotFound);
    let bob = Joined {
        user: bob,
        role: Role::Member,
    };
    world.done(&ann, room, Action::AddMembers(vec![bob])).await;
    assert_eq!(world.commit(later(&world, &send)).await, Ok(repeated));
}

/// A command to begin a group, named with a client id.
fn create<E: Engine>(
    world: &World<E>,
    maker: Caller,
    client_id: ClientId,
) -> (ConversationId, Command) {
    let id = world.conversation_id();
    let mut new = new_conversation(ConversationKind::Group, &[]);
    new.client_id = Some(client_id);
    (id, world.command_of(maker, id, Action::Create(new)))
}

/// A retry of a creation finds what the first try made, and makes nothing.
pub async fn a_creation_with_the_same_client_id_exists_already<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let client_id = world.client_id();
    let by = |user: &UserId| Caller::User(user.clone());
    let (id, creation) = create(&world, by(&ann), client_id);
    let (second_id, second) = create(&world, by(&ann), client_id);
    let outcomes = world.store.commit(vec![creation, second]).await;
    assert_eq!(outcomes[1], Ok(Outcome::Existing(id)));
    let (_, third) = create(&world, by(&ann), client_id);
    assert_eq!(world.commit(third).await, Ok(Outcome::Existing(id)));
    world.reopen().await;
    let (_, fourth) = create(&world, by(&ann), client_id);
    assert_eq!(world.commit(fourth).await, Ok(Outcome::Existing(id)));
    let never_made = world.send(&ann, second_id, "hello");
    let never_made = world.commit(never_made).await;
    assert_eq!(refused(never_made), RefusalCode::NotFound);
    for other in [by(&bob), Caller::Administrator] {
        let (_, by_another) = create(&world, other, client_id);
        appended(&world.commit(by_another).await.expect("made"));
    }
}

/// Messages and conversations are named apart.
pub async fn a_message_and_a_conversation_may_share_a_client_id<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let message = world.message("hello");
    let (room, creation) = create(&world, Caller::User(ann.clone()), message.client_id);
    appended(&world.commit(creation).await.expect("made"));
    let sent = world.done(&ann, room, Action::Send(message)).await;
    assert_eq!(appended(&sent)[0].seq, seq(3));
}

fn direct<E: Engine>(world: &World<E>, one: &UserId, other: &UserId) -> (ConversationId, Command) {
    let id = world.conversation_id();
    let create = Action::Create(new_conversation(ConversationKind::Direct, &[other]));
    (id, world.command(one, id, create))
}

/// Two people have one direct conversation, whoever asks and however often.
pub async fn a_pair_has_one_direct_conversation<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let (id, by_ann) = direct(&world, &ann, &bob);
    let (_, by_bob) = direct(&world, &bob, &ann);
    let outcomes = world.store.commit(vec![by_ann, by_bob]).await;
    assert_eq!(outcomes[1], Ok(Outcome::Existing(id)));
    let (_, later) = direct(&world, &ann, &bob);
    assert_eq!(world.commit(later).await, Ok(Outcome::Existing(id)));
    let (_, with_another) = direct(&world, &ann, &cyd);
    appended(&world.commit(with_another).await.expect("made"));
    world.reopen().await;
    let (_, by_bob) = direct(&world, &bob, &ann);
    assert_eq!(world.commit(by_bob).await, Ok(Outcome::Existing(id)));
}

/// Also when both begin it at the same moment.
pub async fn a_pair_that_begins_at_once_has_one_direct_conversation<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let (one, other) = if n % 2 == 0 {
                (&ann, &bob)
            } else {
                (&bob, &ann)
            };
            let (id, begin) = direct(&world, one, other);
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { (id, commit(&*store, begin).await) })
        })
        .collect();
    let mut made = Vec::new();
    let mut found = Vec::new();
    for task in tasks {
        match task.await.expect("the task ends") {
            (id, Ok(Outcome::Appended { .. })) => made.push(id),
            (_, Ok(Outcome::Existing(id))) => found.push(id),
            (_, other) => panic!("expected one conversation, not {other:?}"),
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(found, [made[0]; 7]);
}

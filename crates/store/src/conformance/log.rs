//! The log: its order, and what one batch does.

use std::sync::Arc;

use tidemark_core::conversation::{
    Action, ConversationKind, EventBody, Joined, MembersChange, Mentions, Role, RulesChange,
    SettingsChange, Visibility,
};
use tidemark_core::{Limits, RefusalCode, Seq, Timestamp};

use super::world::{appended, new_conversation, refused, seq, user_id};
use super::{Engine, World};
use crate::{Outcome, Store};

/// Many tasks that write at once leave a log without holes, in which each finds what it was told.
pub async fn seqs_are_gapless_over_concurrent_commits<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let rooms = [
        world.group(&ann, &[&bob]).await,
        world.group(&bob, &[&ann]).await,
    ];
    let mut tasks = Vec::new();
    for task in 0..8 {
        let store = Arc::clone(&world.store);
        let sender = if task % 2 == 0 { &ann } else { &bob };
        let batches: Vec<_> = (1..=6)
            .map(|commands| {
                let send = |n: usize| world.send(sender, rooms[n % 2], "hello");
                (0..commands).map(send).collect::<Vec<_>>()
            })
            .collect();
        tasks.push(tokio::spawn(async move {
            let mut told = Vec::new();
            for batch in batches {
                for outcome in store.commit(batch).await {
                    let outcome = outcome.expect("the message is accepted");
                    told.extend_from_slice(appended(&outcome));
                }
            }
            told
        }));
    }
    let mut told = Vec::new();
    for task in tasks {
        told.extend(task.await.expect("the task ends"));
    }
    for room in rooms {
        let log = world.events(room).await;
        let places: Vec<u64> = log.iter().map(|event| event.seq.get()).collect();
        assert_eq!(places, (1..=log.len() as u64).collect::<Vec<_>>());
        let mut told: Vec<_> = told
            .iter()
            .filter(|event| event.conversation == room)
            .cloned()
            .collect();
        told.sort_by_key(|event| event.seq);
        assert_eq!(told, log[2..], "what was told is what is there");
    }
}

/// Whatever becomes of a command, its outcome is in its place.
pub async fn outcomes_have_the_order_and_number_of_commands<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let first = world.send(&ann, room, "one");
    let batch = vec![
        first.clone(),
        world.send(&bob, room, ""),
        world.command(&bob, room, Action::MoveCursor(seq(3))),
        first,
        world.command(&bob, room, Action::MoveCursor(seq(2))),
        world.send(&bob, room, "two"),
        world.command(&ann, room, Action::ChangeRole(ann.clone(), Role::Owner)),
    ];
    let outcomes = world.store.commit(batch).await;
    let [sent, empty, read, again, back, answer, same] =
        <[_; 7]>::try_from(outcomes).expect("seven commands have seven outcomes");
    let first = appended(&sent.expect("sent"))[0].clone();
    assert_eq!(first.seq, seq(3));
    assert_eq!(refused(empty), RefusalCode::Invalid);
    let Ok(Outcome::Cursor {
        cursor, members, ..
    }) = read
    else {
        panic!("expected a cursor, not {read:?}");
    };
    assert_eq!((cursor.read, cursor.moved, members), (seq(3), true, 2));
    assert_eq!(cursor.head, seq(3));
    let repeated = Outcome::Repeated {
        seq: first.seq,
        at: first.at,
    };
    assert_eq!(again, Ok(repeated));
    let Ok(Outcome::Cursor { cursor, .. }) = back else {
        panic!("expected a cursor, not {back:?}");
    };
    assert_eq!((cursor.read, cursor.moved), (seq(3), false));
    assert_eq!(
        cursor.head,
        seq(3),
        "what follows in the batch is not counted"
    );
    assert_eq!(appended(&answer.expect("sent"))[0].seq, seq(4));
    assert_eq!(same, Ok(Outcome::Unchanged { head: seq(4) }));
}

/// Nothing asked, nothing answered.
pub async fn an_empty_batch_has_no_outcomes<E: Engine>(world: World<E>) {
    assert_eq!(world.store.commit(Vec::new()).await, []);
}

/// One batch can hold a whole story, each command standing on those before it.
pub async fn a_command_sees_those_before_it_in_its_batch<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.conversation_id();
    let mut reply = world.message("an answer");
    reply.reply_to = Some(seq(4));
    let mut reply_to_no_message = world.message("an answer");
    reply_to_no_message.reply_to = Some(seq(3));
    let join_bob = Action::AddMembers(vec![Joined {
        user: bob.clone(),
        role: Role::Member,
    }]);
    let create = Action::Create(new_conversation(ConversationKind::Group, &[]));
    let outcomes = world
        .store
        .commit(vec![
            world.send(&ann, room, "before it exists"),
            world.command(&ann, room, create),
            world.send(&bob, room, "before joining"),
            world.command(&ann, room, join_bob),
            world.send(&bob, room, "a question"),
            world.command(&ann, room, Action::Send(reply)),
            world.command(&ann, room, Action::Send(reply_to_no_message)),
            world.command(&bob, room, Action::Leave),
            world.send(&bob, room, "after leaving"),
        ])
        .await;
    let seen: Vec<Result<u64, RefusalCode>> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok(outcome) => Ok(appended(&outcome)[0].seq.get()),
            refusal => Err(refused(refusal)),
        })
        .collect();
    let not_found = Err(RefusalCode::NotFound);
    assert_eq!(
        seen,
        [
            not_found,
            Ok(1),
            not_found,
            Ok(3),
            Ok(4),
            Ok(5),
            Err(RefusalCode::Invalid),
            Ok(6),
            not_found
        ]
    );
    assert_eq!(world.head(room).await, seq(6));
}

/// Those beside a refused command happen as if it had not been there, and it leaves no trace.
pub async fn a_refused_command_does_not_disturb_its_neighbours<E: Engine>(world: World<E>) {
    let [ann, eve] = world.people(["ann", "eve"]).await;
    let room = world.group(&ann, &[]).await;
    let nobody = user_id("nobody");
    let refused_creation = world.conversation_id();
    let create = Action::Create(new_conversation(ConversationKind::Group, &[&nobody]));
    let too_long = "x".repeat(Limits::default().text_bytes_max + 1);
    let batch = vec![
        world.send(&ann, room, "one"),
        world.send(&eve, room, "not mine to say"),
        world.send(&ann, room, &too_long),
        world.command(&ann, refused_creation, create),
        world.send(&ann, room, "two"),
    ];
    let mut outcomes = world.store.commit(batch).await;
    let last = outcomes.pop().expect("five outcomes").expect("sent");
    assert_eq!(appended(&last)[0].seq, seq(4));
    let codes: Vec<_> = outcomes.drain(1..).map(refused).collect();
    assert_eq!(
        codes,
        [
            RefusalCode::NotFound,
            RefusalCode::TooLarge,
            RefusalCode::Invalid
        ]
    );
    let texts: Vec<_> = world.events(room).await;
    let texts: Vec<_> = texts
        .iter()
        .filter_map(|event| Some(event.body.as_message()?.text.as_str()))
        .collect();
    assert_eq!(texts, ["one", "two"]);
    let at_the_refused_id = world.send(&ann, refused_creation, "hello");
    assert_eq!(
        refused(world.commit(at_the_refused_id).await),
        RefusalCode::NotFound
    );
}

/// Everything that an event can hold is read back as it was returned.
pub async fn an_event_is_read_back_as_it_was_returned<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.conversation_id();
    let mut new = new_conversation(ConversationKind::Channel, &[&bob]);
    new.title = Some("Übung ✎".to_owned());
    let mut full = world.message("a\u{0}b\n\"c\" 👩‍👩‍👧 שלום");
    full.client_at = Some(Timestamp(-1));
    full.mentions = Mentions::Users(vec![bob.clone(), user_id("some.one@else:1")]);
    let mut reply = world.message("everybody!");
    reply.reply_to = Some(seq(3));
    reply.mentions = Mentions::All;
    let changed = SettingsChange {
        title: Some(None),
        topic: Some(Some(String::new())),
        visibility: Some(Visibility::Public),
        retention_days: Some(Some(7)),
        rules: RulesChange::default(),
    };
    let changed_back = SettingsChange {
        topic: Some(None),
        retention_days: Some(None),
        ..SettingsChange::default()
    };
    let actions = [
        Action::Create(new),
        Action::Send(full),
        Action::Send(reply),
        Action::ChangeSettings(changed),
        Action::ChangeSettings(changed_back),
        Action::ChangeRole(bob.clone(), Role::Admin),
        Action::RemoveMember(bob.clone()),
        Action::AddMembers(vec![Joined {
            user: bob,
            role: Role::Owner,
        }]),
    ];
    let mut returned = Vec::new();
    for action in actions {
        returned.extend_from_slice(appended(&world.done(&ann, room, action).await));
    }
    assert_eq!(world.events(room).await, returned);
}

/// A conversation begins with `created` and then everybody, whoever makes it first.
pub async fn a_conversation_begins_with_created_and_its_members<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.conversation_id();
    let mut new = new_conversation(ConversationKind::Group, &[&bob, &ann]);
    new.title = Some("Boats".to_owned());
    let outcome = world.done(&ann, room, Action::Create(new)).await;
    let Outcome::Appended {
        events, members, ..
    } = outcome
    else {
        panic!("expected new events, not {outcome:?}");
    };
    assert_eq!(members, 2);
    let places: Vec<Seq> = events.iter().map(|event| event.seq).collect();
    assert_eq!(places, [seq(1), seq(2)]);
    let created = EventBody::Created {
        by: ann.clone(),
        title: Some("Boats".to_owned()),
    };
    assert_eq!(events[0].body, created);
    let mut everybody = MembersChange::by(ann.clone());
    everybody.joined = vec![
        Joined {
            user: ann,
            role: Role::Owner,
        },
        Joined {
            user: bob,
            role: Role::Member,
        },
    ];
    assert_eq!(events[1].body, EventBody::Members(everybody));
}

/// A conversation is what its settings events made of it, and what stayed is not in them.
pub async fn settings_change_the_conversation<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let mut new = new_conversation(ConversationKind::Channel, &[]);
    new.title = Some("Boats".to_owned());
    let room = world.begin(&ann, new).await;
    let change = SettingsChange {
        title: Some(Some("Boats".to_owned())),
        topic: Some(Some("all that floats".to_owned())),
        visibility: Some(Visibility::Public),
        retention_days: Some(Some(30)),
        rules: RulesChange::default(),
    };
    let settings = Action::ChangeSettings(change.clone());
    let outcome = world.done(&ann, room, settings.clone()).await;
    let logged = SettingsChange {
        title: None,
        ..change
    };
    let by_ann = EventBody::Settings {
        by: ann.clone(),
        change: logged,
    };
    assert_eq!(appended(&outcome)[0].body, by_ann);
    assert_eq!(
        world.done(&ann, room, settings).await,
        Outcome::Unchanged { head: seq(3) }
    );
    let caller = tidemark_core::access::Caller::User(ann);
    let view = world.store.conversation(&caller, room).await;
    let conversation = view.expect("the owner sees it").conversation;
    assert_eq!(conversation.title.as_deref(), Some("Boats"));
    assert_eq!(conversation.topic.as_deref(), Some("all that floats"));
    assert_eq!(conversation.visibility, Visibility::Public);
    assert_eq!(conversation.retention_days, Some(30));
    assert_eq!(conversation.head, seq(3));
}

/// An id names one conversation for ever.
pub async fn a_conversation_id_in_use_is_refused<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[]).await;
    let again = Action::Create(new_conversation(ConversationKind::Group, &[]));
    let outcome = world.commit(world.command(&bob, room, again)).await;
    assert_eq!(refused(outcome), RefusalCode::Conflict);
    assert_eq!(world.head(room).await, seq(2));
}

/// The longest text is kept whole; one byte more is refused.
pub async fn text_up_to_the_limit_is_kept<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let longest = "é".repeat(Limits::default().text_bytes_max / 2);
    world.say(&ann, room, &longest).await;
    let longer = world
        .commit(world.send(&ann, room, &format!("{longest}x")))
        .await;
    assert_eq!(refused(longer), RefusalCode::TooLarge);
    let log = world.events(room).await;
    let last = log.last().and_then(|event| event.body.as_message());
    assert_eq!(last.map(|message| &message.text), Some(&longest));
}

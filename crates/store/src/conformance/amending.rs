//! Editing, deleting, reacting and pinning: what is kept, shown, counted and taken away.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Change, Command, Emoji, Event, Mentions, NewAmendment, Wish,
};
use tidemark_core::timeline::{Reaction, Timeline, TimelineMessage};
use tidemark_core::{ClientId, ConversationId, RefusalCode, Seq, UserId};

use super::counting::Dice;
use super::world::{WHOLE, appended, refused, seq};
use super::{Engine, World};
use crate::{Outcome, PageLimits, Store, Window};

pub(super) fn amend(target: Seq, wish: Wish) -> Action {
    Action::Amend(NewAmendment {
        target,
        client_id: None,
        wish,
    })
}

fn edit(text: &str) -> Wish {
    Wish::Edit {
        text: text.to_owned(),
        mentions: None,
    }
}

fn react(emoji: &str, on: bool) -> Wish {
    let emoji = Emoji::parse(emoji).expect("an emoji");
    Wish::React { emoji, on }
}

fn pin(on: bool) -> Wish {
    Wish::Pin { on }
}

/// The event that a wish became.
async fn granted<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    target: Seq,
    wish: Wish,
) -> Event {
    let outcome = world.done(user, room, amend(target, wish)).await;
    appended(&outcome)[0].clone()
}

async fn shown<E: Engine>(
    world: &World<E>,
    viewer: &UserId,
    room: ConversationId,
) -> Vec<TimelineMessage> {
    let caller = Caller::User(viewer.clone());
    let page = world.store.messages(&caller, room, Window::Latest, WHOLE);
    page.await.expect("a member reads").messages
}

async fn unread<E: Engine>(world: &World<E>, user: &UserId, room: ConversationId) -> (u64, u64) {
    let (_, counts) = world.store.counts(user, room).await.expect("a member");
    (counts.unread, counts.mentions)
}

/// A mention is listed with what its message says now, as the timeline has it; a deleted one is not listed.
pub async fn a_list_of_mentions_shows_messages_as_they_stand<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let kept = world.mention(&ann, room, Mentions::All).await;
    let gone = world.mention(&ann, room, Mentions::All).await;
    granted(&world, &ann, room, kept, edit("said better")).await;
    granted(&world, &bob, room, kept, react("👍", true)).await;
    granted(&world, &ann, room, gone, Wish::Delete).await;
    let page = world.store.mentions(&bob, None, WHOLE).await;
    let listed = page.expect("a page").mentions.into_iter();
    let listed: Vec<_> = listed.map(|mentioned| mentioned.message).collect();
    let mut timeline = shown(&world, &bob, room).await;
    timeline.retain(|message| message.seq == kept);
    assert_eq!(timeline[0].message.text, "said better");
    assert_eq!(listed, timeline);
}

/// The log and the feed hold what was returned.
pub async fn an_amendment_is_read_back_as_it_was_returned<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "hello").await;
    let named = |client_id: ClientId, wish| {
        Action::Amend(NewAmendment {
            target,
            client_id: Some(client_id),
            wish,
        })
    };
    let loud = Wish::Edit {
        text: "hello\0 all".to_owned(),
        mentions: Some(Mentions::All),
    };
    let to_bob = Wish::Edit {
        text: "hello bob".to_owned(),
        mentions: Some(Mentions::Users(vec![bob.clone()])),
    };
    let mut returned = Vec::new();
    for (user, wish) in [
        (&ann, loud),
        (&ann, to_bob),
        (&bob, react("👍", true)),
        (&bob, react("👍", false)),
        (&bob, react(":boat:", true)),
        (&bob, pin(true)),
        (&bob, pin(false)),
    ] {
        let outcome = world.done(user, room, named(world.client_id(), wish)).await;
        returned.push(appended(&outcome)[0].clone());
    }
    assert_eq!(world.events(room).await[3..], returned);
    world.reopen().await;
    assert_eq!(world.events(room).await[3..], returned);
    let deleted = granted(&world, &ann, room, target, Wish::Delete).await;
    assert_eq!(world.events(room).await.last(), Some(&deleted));
    let feed = world.feed().await.into_iter().map(|entry| entry.event);
    assert_eq!(feed.collect::<Vec<_>>(), world.events(room).await);
}

/// A timeline shows the last text, the reactions as each viewer sees them, and pins.
pub async fn a_timeline_shows_messages_as_they_stand<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "hello").await;
    granted(&world, &ann, room, target, edit("hello all")).await;
    let last = granted(&world, &ann, room, target, edit("good morning")).await;
    granted(&world, &bob, room, target, react("👎", true)).await;
    granted(&world, &ann, room, target, react("👍", true)).await;
    granted(&world, &bob, room, target, react("👍", true)).await;
    granted(&world, &ann, room, target, react("👎", true)).await;
    granted(&world, &bob, room, target, react("👎", false)).await;
    granted(&world, &bob, room, target, pin(true)).await;
    for _ in 0..2 {
        for (viewer, mine) in [(&ann, [true, true]), (&bob, [false, true])] {
            let messages = shown(&world, viewer, room).await;
            let [message] = messages.as_slice() else {
                panic!("{messages:?}");
            };
            assert_eq!(message.message.text, "good morning");
            assert_eq!(message.edited_at, Some(last.at));
            assert!(message.pinned && !message.deleted);
            let reaction = |emoji, count, mine| Reaction {
                emoji: Emoji::parse(emoji).expect("an emoji"),
                count,
                mine,
            };
            let expected = [reaction("👎", 1, mine[0]), reaction("👍", 2, mine[1])];
            assert_eq!(message.reactions, expected);
            let inbox = world.store.inbox(viewer, None, 9).await.expect("an inbox");
            assert_eq!(inbox.conversations[0].last_message.as_ref(), Some(message));
            let caller = Caller::User(viewer.clone());
            let view = world.store.conversation(&caller, room).await;
            assert_eq!(view.expect("a member").last_message.as_ref(), Some(message));
        }
        world.reopen().await;
    }
    granted(&world, &bob, room, target, pin(false)).await;
    assert!(!shown(&world, &bob, room).await[0].pinned);
}

/// After a deletion nothing that is read holds a word of the message, of its edits, or whom they mentioned.
pub async fn a_deletion_takes_the_words_out_everywhere<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let before = world.say(&ann, room, "before").await;
    let mut secret = world.message("a secret");
    secret.mentions = Mentions::Users(vec![bob.clone()]);
    secret.reply_to = Some(before);
    secret.client_at = Some(world.now());
    let sent = world.done(&ann, room, Action::Send(secret.clone())).await;
    let target = appended(&sent)[0].seq;
    let loud = Wish::Edit {
        text: "a loud secret".to_owned(),
        mentions: Some(Mentions::All),
    };
    granted(&world, &ann, room, target, loud).await;
    granted(&world, &ann, room, before, edit("as before")).await;
    granted(&world, &bob, room, target, react("👍", true)).await;
    granted(&world, &bob, room, target, pin(true)).await;
    let deletion = granted(&world, &bob, room, before, react("👎", true)).await;
    let deletion = deletion.seq.next();
    let deleted = granted(&world, &ann, room, target, Wish::Delete).await;
    assert_eq!(deleted.seq, deletion);
    for _ in 0..2 {
        let events = world.events(room).await;
        let feed = world.feed().await;
        let messages = shown(&world, &bob, room).await;
        let inbox = world.store.inbox(&bob, None, 9).await.expect("an inbox");
        let all = format!("{events:?}{feed:?}{messages:?}{inbox:?}");
        assert!(!all.contains("secret"), "{all}");
        let place = usize::try_from(target.get()).expect("a short log") - 1;
        let message = events[place].body.as_message().expect("a message still");
        assert!(message.is_redacted() && message.mentions.is_empty());
        assert_eq!(message.client_id, secret.client_id);
        assert_eq!(
            (message.reply_to, message.client_at),
            (Some(before), secret.client_at)
        );
        let [first, second] = messages.as_slice() else {
            panic!("{messages:?}");
        };
        assert_eq!(
            (first.message.text.as_str(), first.reactions.len()),
            ("as before", 1)
        );
        assert!(second.deleted && !second.pinned && second.reactions.is_empty());
        assert_eq!((second.seq, second.edited_at), (target, None));
        assert_eq!(inbox.conversations[0].last_message.as_ref(), Some(second));
        world.reopen().await;
    }
    // Its name is taken for ever, and it cannot be said any more whether the content is the same.
    let again = world.done(&ann, room, Action::Send(secret)).await;
    assert!(matches!(again, Outcome::Repeated { seq, .. } if seq == target));
}

/// Wishing what is so already makes no event and is answered with the one that made it so.
pub async fn what_is_so_already_is_repeated<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "hello").await;
    let sent = world.events(room).await[2].at;
    for wish in [edit("hello"), react("👍", false), pin(false)] {
        let outcome = world.done(&ann, room, amend(target, wish)).await;
        assert_eq!(
            outcome,
            Outcome::Repeated {
                seq: target,
                at: sent
            }
        );
    }
    for wish in [
        edit("hello all"),
        react("👍", true),
        pin(true),
        Wish::Delete,
    ] {
        let first = granted(&world, &ann, room, target, wish.clone()).await;
        world.reopen().await;
        let again = vec![
            world.command(&ann, room, amend(target, wish.clone())),
            world.command(&ann, room, amend(target, wish)),
        ];
        for outcome in world.store.commit(again).await {
            let (seq, at) = (first.seq, first.at);
            assert_eq!(outcome, Ok(Outcome::Repeated { seq, at }));
        }
    }
    assert_eq!(world.head(room).await, seq(7));
}

/// A name that was given to an amendment stays with it, whatever happened since.
pub async fn a_named_amendment_is_repeated<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "one").await;
    let name = world.client_id();
    let named = |text: &str| {
        Action::Amend(NewAmendment {
            target,
            client_id: Some(name),
            wish: edit(text),
        })
    };
    let outcome = world.done(&ann, room, named("two")).await;
    let first = appended(&outcome)[0].clone();
    granted(&world, &ann, room, target, edit("three")).await;
    world.reopen().await;
    let again = world.done(&ann, room, named("two")).await;
    let (seq, at) = (first.seq, first.at);
    assert_eq!(again, Outcome::Repeated { seq, at });
    let other = world.commit(world.command(&ann, room, named("four"))).await;
    assert_eq!(refused(other), RefusalCode::Conflict);
    let mut message = world.message("two");
    message.client_id = name;
    let other = world.command(&ann, room, Action::Send(message));
    assert_eq!(refused(world.commit(other).await), RefusalCode::Conflict);
    assert_eq!(shown(&world, &bob, room).await[0].message.text, "three");
}

/// A deleted message is unread to nobody any more, and mentions nobody; one that was read changes no count.
pub async fn a_deleted_message_is_not_unread<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    let read = world.mention(&ann, room, Mentions::All).await;
    world.done(&bob, room, Action::MoveCursor(read)).await;
    let to_bob = Mentions::Users(vec![bob.clone()]);
    let second = world.mention(&ann, room, to_bob).await;
    let own = world.say(&bob, room, "my own").await;
    let last = world.mention(&cyd, room, Mentions::All).await;
    assert_eq!(unread(&world, &bob, room).await, (2, 2));
    assert_eq!(unread(&world, &cyd, room).await, (3, 1));
    granted(&world, &ann, room, read, Wish::Delete).await;
    assert_eq!(unread(&world, &bob, room).await, (2, 2));
    assert_eq!(unread(&world, &cyd, room).await, (2, 0));
    granted(&world, &bob, room, own, Wish::Delete).await;
    assert_eq!(unread(&world, &bob, room).await, (2, 2));
    assert_eq!(unread(&world, &cyd, room).await, (1, 0));
    granted(&world, &ann, room, last, Wish::Delete).await;
    assert_eq!(unread(&world, &bob, room).await, (1, 1));
    let outcome = world.done(&bob, room, Action::MoveCursor(second)).await;
    let Outcome::Cursor { cursor, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((cursor.counts.unread, cursor.counts.mentions), (0, 0));
    world.reopen().await;
    assert_eq!(unread(&world, &bob, room).await, (0, 0));
    assert_eq!(unread(&world, &ann, room).await, (0, 0));
    world.say(&ann, room, "news").await;
    assert_eq!(unread(&world, &bob, room).await, (1, 0));
}

/// Edits, reactions and pins are news to nobody's counts.
pub async fn amendments_count_for_nobody<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "hello").await;
    world.done(&bob, room, Action::MoveCursor(target)).await;
    let loud = Wish::Edit {
        text: "hello all".to_owned(),
        mentions: Some(Mentions::All),
    };
    for wish in [loud, react("👍", true), pin(true)] {
        granted(&world, &ann, room, target, wish).await;
        assert_eq!(unread(&world, &bob, room).await, (0, 0));
    }
}

/// What one batch says about a message happens in its order.
pub async fn amendments_of_one_batch_see_each_other<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let other = world.group(&ann, &[&bob]).await;
    let target = seq(3);
    let said = |user, action| world.command(user, room, action);
    let batch: Vec<Command> = vec![
        said(&ann, Action::Send(world.message("hello"))),
        said(&ann, amend(target, edit("hello all"))),
        said(&bob, amend(target, react("👍", true))),
        world.send(&ann, other, "elsewhere"),
        said(&bob, amend(target, react("👍", true))),
        said(&bob, Action::MoveCursor(seq(2))),
        said(&bob, amend(target, Wish::Delete)),
        said(&ann, amend(target, Wish::Delete)),
        said(&bob, Action::MoveCursor(seq(2))),
        said(&ann, amend(target, edit("too late"))),
        said(&bob, amend(target, react("👍", false))),
    ];
    let mut seqs = Vec::new();
    let mut left = Vec::new();
    for outcome in world.store.commit(batch).await {
        seqs.push(match outcome {
            Ok(Outcome::Appended { events, .. }) => events[0].seq.get(),
            Ok(Outcome::Repeated { seq, .. }) => seq.get(),
            Ok(Outcome::Cursor { cursor, .. }) => {
                left.push(cursor.counts.unread);
                0
            }
            _ => u64::MAX,
        });
    }
    let no = u64::MAX;
    assert_eq!(seqs, [3, 4, 5, 3, 5, 0, no, 6, 0, no, 3]);
    assert_eq!(left, [1, 0]);
}

/// Who may not see a conversation changes no message in it; nor does anybody what is no message.
pub async fn amendments_are_refused_to_others<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let target = world.say(&ann, room, "hello").await;
    let unknown = world.conversation_id();
    let wishes = || [edit("mine"), Wish::Delete, react("👍", true), pin(true)];
    for wish in wishes() {
        for place in [Seq::ZERO, seq(1), target.next(), Seq::MAX] {
            let command = world.command(&ann, room, amend(place, wish.clone()));
            assert_eq!(refused(world.commit(command).await), RefusalCode::NotFound);
        }
        for (user, room) in [(&cyd, room), (&ann, unknown)] {
            let command = world.command(user, room, amend(target, wish.clone()));
            assert_eq!(refused(world.commit(command).await), RefusalCode::NotFound);
        }
    }
    for wish in [edit("mine"), Wish::Delete] {
        let command = world.command(&bob, room, amend(target, wish));
        assert_eq!(refused(world.commit(command).await), RefusalCode::Forbidden);
    }
    world.done(&bob, room, Action::Leave).await;
    for wish in wishes() {
        let command = world.command(&bob, room, amend(target, wish));
        assert_eq!(refused(world.commit(command).await), RefusalCode::NotFound);
    }
    assert_eq!(world.head(room).await, seq(4));
}

/// A page of messages holds as much text as was asked for, also after edits.
pub async fn pages_are_measured_by_what_messages_say_now<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let mut places = Vec::new();
    for _ in 0..4 {
        places.push(world.say(&ann, room, "1234567890").await);
    }
    granted(&world, &ann, room, places[2], edit(&"x".repeat(100))).await;
    granted(&world, &ann, room, places[1], Wish::Delete).await;
    let read = async |window| {
        let limits = PageLimits {
            entries_max: 10,
            text_bytes_max: 100,
        };
        let page = world
            .store
            .messages(&Caller::Administrator, room, window, limits);
        let page = page.await.expect("an administrator reads everything");
        let seqs = page.messages.iter().map(|message| message.seq.get());
        (seqs.collect::<Vec<_>>(), page.more)
    };
    assert_eq!(read(Window::Latest).await, (vec![6], true));
    assert_eq!(read(Window::Before(seq(6))).await, (vec![4, 5], true));
    assert_eq!(read(Window::After(seq(2))).await, (vec![3, 4], true));
}

/// A page of messages says what a device that took in every event shows.
pub async fn the_timeline_is_the_folded_log<E: Engine>(world: World<E>) {
    let people = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&people[0], &[&people[1], &people[2]]).await;
    let mut dice = Dice(7);
    for _ in 0..200 {
        let user = &people[dice.below(people.len())];
        let target = seq(3 + dice.below(40) as u64);
        let emoji = ["👍", "👎", ":boat:"][dice.below(3)];
        let action = match dice.below(24) {
            0..6 => Action::Send(world.message("hello")),
            6 => amend(target, Wish::Delete),
            7..12 => amend(target, edit(["one", "two", "three"][dice.below(3)])),
            12 => amend(target, pin(dice.below(2) == 0)),
            _ => amend(target, react(emoji, dice.below(3) > 0)),
        };
        let _ = world.commit(world.command(user, room, action)).await;
    }
    for viewer in &people {
        let mut timeline = Timeline::default().viewed_by(viewer.clone());
        for event in world.events(room).await {
            timeline.apply(&event);
        }
        let folded: Vec<_> = timeline.messages().cloned().collect();
        assert_eq!(shown(&world, viewer, room).await, folded);
        let is_changed = |message: &TimelineMessage| !message.reactions.is_empty();
        assert!(folded.iter().any(is_changed));
    }
    let is_deletion = |event: &Event| event.body.deletes().is_some();
    assert!(world.events(room).await.iter().any(is_deletion));
    let is_edit = |event: &Event| {
        let amendment = event.body.as_amendment();
        amendment.is_some_and(|one| matches!(one.change, Change::Edit { .. }))
    };
    assert!(world.events(room).await.iter().any(is_edit));
}

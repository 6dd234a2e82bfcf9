//! Cursors, and what there is still to see.

use std::collections::BTreeMap;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, EventBody, Joined, Mentions, Message, Role, Wish,
};
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, RefusalCode, Seq, UserId};

use super::amending::amend;
use super::world::{refused, seq};
use super::{Engine, World};
use crate::{CursorMove, Outcome, Store};

async fn counts<E: Engine>(world: &World<E>, user: &UserId, room: ConversationId) -> (u64, u64) {
    let (_, counts) = world.store.counts(user, room).await.expect("a member");
    (counts.unread, counts.mentions)
}

async fn read<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    place: u64,
) -> CursorMove {
    let outcome = world.done(user, room, Action::MoveCursor(seq(place))).await;
    match outcome {
        Outcome::Cursor { cursor, .. } => cursor,
        other => panic!("expected a cursor, not {other:?}"),
    }
}

/// The same numbers in every run, without a dependency: the mixing step is that of `SplitMix64`.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % sides as u64).expect("below a usize")
    }
}

/// What someone with a role for everything might do next. Much of it is refused, which is fine.
fn random_command<E: Engine>(
    world: &World<E>,
    dice: &mut Dice,
    people: &[UserId],
    room: ConversationId,
    head: Seq,
) -> Command {
    let user = &people[dice.below(people.len())];
    let other = &people[dice.below(people.len())];
    let action = match dice.below(15) {
        0 => Action::Join,
        1 => Action::Leave,
        2 => Action::AddMembers(vec![Joined {
            user: other.clone(),
            role: Role::Owner,
        }]),
        3 => Action::RemoveMember(other.clone()),
        4..=6 => {
            let place = dice.below(usize::try_from(head.get()).expect("a short log") + 2);
            Action::MoveCursor(seq(place as u64))
        }
        12..=14 => {
            let target =
                seq(dice.below(usize::try_from(head.get()).expect("a short log") + 2) as u64);
            let wish = match dice.below(4) {
                0 => Wish::Edit {
                    text: "hello again".to_owned(),
                    mentions: Some(Mentions::All),
                },
                1 => Wish::Pin { on: true },
                _ => Wish::Delete,
            };
            amend(target, wish)
        }
        what => {
            let mut message = world.message("hello");
            message.mentions = match what {
                7 => Mentions::All,
                8 => Mentions::Users(vec![other.clone()]),
                9 => Mentions::Users(people.to_vec()),
                _ => Mentions::default(),
            };
            Action::Send(message)
        }
    };
    world.command(user, room, action)
}

/// Members' cursors and counts, counted one event at a time.
async fn recounted<E: Engine>(
    world: &World<E>,
    room: ConversationId,
    reads: &[(UserId, Seq)],
) -> BTreeMap<UserId, (Seq, Counts)> {
    let log = world.events(room).await;
    let mut cursors: BTreeMap<UserId, Seq> = BTreeMap::new();
    let mut members = Vec::new();
    for event in &log {
        if let EventBody::Members(change) = &event.body {
            members.retain(|member| !change.left.contains(member));
            for joined in &change.joined {
                members.push(joined.user.clone());
                cursors.insert(joined.user.clone(), event.seq);
            }
        }
    }
    for (user, place) in reads {
        let cursor = cursors.get_mut(user).expect("only members read");
        *cursor = (*cursor).max(*place);
    }
    let count = |user: UserId| {
        let cursor = cursors[&user];
        let mut counts = Counts::default();
        for event in log.iter().filter(|event| event.seq > cursor) {
            let message = event.body.as_message();
            let counts_for = |message: &&Message| message.sender != user && !message.is_redacted();
            if let Some(message) = message.filter(counts_for) {
                counts.unread += 1;
                counts.mentions += u64::from(message.mentions.includes(&user));
            }
        }
        (user, (cursor, counts))
    };
    members.into_iter().map(count).collect()
}

/// However people come, go, write and read: what is counted by subtraction is what is there.
pub async fn counts_equal_a_recount_after_any_history<E: Engine>(world: World<E>) {
    let people = world.people(["ann", "bob", "cyd", "dee"]).await;
    for seed in 1..=4 {
        let mut dice = Dice(seed);
        let room = world.public_channel(&people[0], &[&people[1]]).await;
        let mut reads = Vec::new();
        for _ in 0..40 {
            let head = world.head(room).await;
            let batch: Vec<Command> = (0..=dice.below(5))
                .map(|_| random_command(&world, &mut dice, &people, room, head))
                .collect();
            let outcomes = world.store.commit(batch.clone()).await;
            for (command, outcome) in batch.iter().zip(outcomes) {
                if let (Some(user), Ok(Outcome::Cursor { cursor, .. })) =
                    (command.caller.user(), outcome)
                {
                    reads.push((user.clone(), cursor.read));
                }
            }
            let expected = recounted(&world, room, &reads).await;
            for person in &people {
                check_everywhere(&world, person, room, expected.get(person).copied()).await;
            }
        }
    }
}

/// Every read that says what `user` has to see says `expected`; `None` for whoever is no member.
async fn check_everywhere<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    expected: Option<(Seq, Counts)>,
) {
    let expected_counts = expected.map(|(_, counts)| counts);
    let store = &world.store;
    let counts = store.counts(user, room).await.ok();
    assert_eq!(counts.map(|(_, counts)| counts), expected_counts);
    let view = store.conversation(&Caller::User(user.clone()), room).await;
    let view = view.expect("a public channel");
    assert_eq!(view.counts, expected_counts.unwrap_or_default());
    let read = view.membership.map(|membership| membership.read);
    assert_eq!(read, expected.map(|(read, _)| read));
    let inbox = store.inbox(user, None, 100).await.expect("an inbox");
    let mut inbox = inbox.conversations.into_iter();
    let entry = inbox.find(|view| view.conversation.id == room);
    assert_eq!(entry.map(|view| view.counts), expected_counts);
    let memberships = store.memberships(user).await.expect("a list");
    let mut memberships = memberships.into_iter();
    let entry = memberships.find(|view| view.conversation.id == room);
    assert_eq!(entry.map(|view| (view.read, view.counts)), expected);
}

/// What one has said oneself is never unread, also above the cursor.
pub async fn own_messages_are_never_unread<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    world.say(&ann, room, "one").await;
    world.say(&bob, room, "two").await;
    world.mention(&ann, room, Mentions::All).await;
    world
        .mention(&ann, room, Mentions::Users(vec![ann.clone()]))
        .await;
    world.say(&bob, room, "five").await;
    assert_eq!(counts(&world, &ann, room).await, (2, 0));
    assert_eq!(counts(&world, &bob, room).await, (3, 1));
    read(&world, &ann, room, 4).await;
    assert_eq!(counts(&world, &ann, room).await, (1, 0));
    read(&world, &bob, room, 3).await;
    assert_eq!(counts(&world, &bob, room).await, (2, 1));
}

/// What was said before one came is not unread; what was said while one was away neither.
pub async fn only_what_is_said_to_a_member_is_unread<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[]).await;
    world
        .mention(&ann, room, Mentions::Users(vec![bob.clone()]))
        .await;
    world.done(&bob, room, Action::Join).await;
    assert_eq!(counts(&world, &bob, room).await, (0, 0));
    world.say(&ann, room, "welcome").await;
    assert_eq!(counts(&world, &bob, room).await, (1, 0));
    world.done(&bob, room, Action::Leave).await;
    world.mention(&ann, room, Mentions::All).await;
    world.done(&bob, room, Action::Join).await;
    assert_eq!(counts(&world, &bob, room).await, (0, 0));
    world.mention(&ann, room, Mentions::All).await;
    assert_eq!(counts(&world, &bob, room).await, (1, 1));
}

/// A mention of all is one for everybody but the sender; a mention by name for those named.
pub async fn mentions_are_counted_for_whom_they_mention<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    world.mention(&ann, room, Mentions::All).await;
    let twice = vec![bob.clone(), bob.clone()];
    world.mention(&ann, room, Mentions::Users(twice)).await;
    world
        .mention(&bob, room, Mentions::Users(vec![cyd.clone(), ann.clone()]))
        .await;
    assert_eq!(counts(&world, &ann, room).await, (1, 1));
    assert_eq!(counts(&world, &bob, room).await, (2, 2));
    assert_eq!(counts(&world, &cyd, room).await, (3, 2));
    let cursor = read(&world, &cyd, room, 3).await;
    let left = Counts {
        unread: 2,
        mentions: 1,
    };
    assert_eq!(cursor.counts, left);
    let cursor = read(&world, &cyd, room, 5).await;
    assert_eq!(cursor.counts, Counts::default());
}

/// Members coming and going, and settings, are no messages.
pub async fn only_messages_are_counted<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.public_channel(&ann, &[&bob]).await;
    world.done(&cyd, room, Action::Join).await;
    world
        .done(&ann, room, Action::ChangeRole(cyd.clone(), Role::Admin))
        .await;
    world.done(&cyd, room, Action::Leave).await;
    assert_eq!(counts(&world, &bob, room).await, (0, 0));
    let (head, _) = world.store.counts(&bob, room).await.expect("a member");
    assert_eq!(head, seq(5));
}

/// Reading backwards changes nothing, on any device.
pub async fn a_cursor_only_grows<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    for _ in 0..3 {
        world.say(&ann, room, "hello").await;
    }
    let cursor = read(&world, &bob, room, 4).await;
    assert_eq!((cursor.read, cursor.moved), (seq(4), true));
    for place in [4, 3, 1] {
        let cursor = read(&world, &bob, room, place).await;
        assert_eq!((cursor.read, cursor.moved), (seq(4), false));
        assert_eq!(cursor.counts.unread, 1);
    }
    world.reopen().await;
    let cursor = read(&world, &bob, room, 3).await;
    assert_eq!((cursor.read, cursor.moved), (seq(4), false));
    assert_eq!(read(&world, &bob, room, 5).await.counts, Counts::default());
}

/// A cursor stands at an event.
pub async fn a_cursor_beyond_the_log_is_refused<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    world.say(&ann, room, "hello").await;
    for place in [Seq::ZERO, seq(4), Seq::MAX] {
        let command = world.command(&bob, room, Action::MoveCursor(place));
        assert_eq!(refused(world.commit(command).await), RefusalCode::Invalid);
    }
    assert_eq!(counts(&world, &bob, room).await, (1, 0));
}

/// The answer to a command about a cursor is about its own moment, not about the end of the batch.
pub async fn a_cursor_is_answered_as_of_its_place_in_the_batch<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let mut loud = world.message("everybody!");
    loud.mentions = Mentions::All;
    let batch = vec![
        world.send(&ann, room, "one"),
        world.command(&ann, room, Action::Send(loud)),
        world.command(&bob, room, Action::MoveCursor(seq(3))),
        world.send(&ann, room, "three"),
        world.command(&bob, room, Action::MoveCursor(seq(4))),
    ];
    let outcomes = world.store.commit(batch).await;
    let cursors: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Ok(Outcome::Cursor { cursor, .. }) => Some(cursor),
            _ => None,
        })
        .map(|cursor| {
            (
                cursor.read.get(),
                cursor.counts.unread,
                cursor.counts.mentions,
            )
        })
        .collect();
    assert_eq!(cursors, [(3, 1, 1), (4, 1, 0)]);
}

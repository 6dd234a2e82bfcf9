//! Threads: what their first messages show, pages of replies, cursors, and lists.

#![expect(
    clippy::similar_names,
    reason = "a room and the root of a thread are what all of this is about"
)]

use std::collections::BTreeMap;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Delivery, EventBody, Joined, Message, NewReply, Role, Wish,
};
use tidemark_core::timeline::{Timeline, TimelineMessage};
use tidemark_core::{ConversationId, Position, RefusalCode, Seq, UserId};

use super::amending::amend;
use super::counting::Dice;
use super::world::{WHOLE, appended, read_refusal, refused, seq};
use super::{Engine, World};
use crate::{CommitError, Outcome, PageLimits, Store, ThreadCursorMove, ThreadPage, Window};

fn reply<E: Engine>(world: &World<E>, thread: Seq, also_in_conversation: bool) -> Action {
    let mut message = world.message("a reply");
    message.thread = Some(NewReply {
        thread,
        also_in_conversation,
    });
    Action::Send(message)
}

/// Replies in a thread; the place of the reply.
async fn replied<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    thread: Seq,
) -> Seq {
    let outcome = world.done(user, room, reply(world, thread, false)).await;
    appended(&outcome)[0].seq
}

async fn page<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    thread: Seq,
) -> ThreadPage {
    let caller = Caller::User(user.clone());
    let page = world
        .store
        .thread(&caller, room, thread, Window::Latest, WHOLE)
        .await;
    page.expect("a member reads a thread")
}

async fn moved<E: Engine>(
    world: &World<E>,
    user: &UserId,
    room: ConversationId,
    thread: Seq,
    to: Seq,
) -> ThreadCursorMove {
    let moved = world.store.move_thread_cursor(user, room, thread, to).await;
    moved.expect("a member reads a thread")
}

fn places(messages: &[TimelineMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.seq.get()).collect()
}

/// A thread is below a message of the same conversation that is no reply and was not deleted.
pub async fn a_reply_names_the_first_message_of_its_thread<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let root = world.say(&ann, room, "hello").await;
    let answer = replied(&world, &bob, room, root).await;
    for nowhere in [Seq::ZERO, seq(1), answer, answer.next(), Seq::MAX] {
        let command = world.command(&ann, room, reply(&world, nowhere, false));
        assert_eq!(refused(world.commit(command).await), RefusalCode::Invalid);
    }
    world.done(&ann, room, amend(root, Wish::Delete)).await;
    let command = world.command(&bob, room, reply(&world, root, false));
    assert_eq!(refused(world.commit(command).await), RefusalCode::Conflict);
    let page = page(&world, &bob, room, root).await;
    assert!(page.root.deleted);
    assert_eq!(page.root.replies.map(|replies| replies.count), Some(1));
    assert_eq!(places(&page.replies), [answer.get()]);
}

/// A retry is the same message only in the same thread.
pub async fn a_thread_is_part_of_the_content<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let root = world.say(&ann, room, "hello").await;
    let Action::Send(message) = reply(&world, root, true) else {
        unreachable!()
    };
    let first = world.done(&ann, room, Action::Send(message.clone())).await;
    let first = appended(&first)[0].seq;
    world.done(&ann, room, amend(first, Wish::Delete)).await;
    let again = world.done(&ann, room, Action::Send(message.clone())).await;
    assert!(matches!(again, Outcome::Repeated { seq, .. } if seq == first));
    let thread = |also_in_conversation| {
        Some(NewReply {
            thread: root,
            also_in_conversation,
        })
    };
    for other in [None, thread(false)] {
        let mut other_message = message.clone();
        other_message.thread = other;
        let command = world.command(&ann, room, Action::Send(other_message));
        assert_eq!(refused(world.commit(command).await), RefusalCode::Conflict);
    }
}

/// A message that was sent in the same batch can be replied to, and everybody's first reply is one.
pub async fn replies_of_one_batch_see_each_other<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let root = world.head(room).await.next();
    let mut batch = vec![world.send(&ann, room, "hello")];
    for user in [&bob, &ann, &bob, &bob] {
        batch.push(world.command(user, room, reply(&world, root, false)));
    }
    batch.push(world.command(&bob, room, reply(&world, root.next(), false)));
    let mut outcomes = world.store.commit(batch).await;
    assert_eq!(
        refused(outcomes.pop().expect("six outcomes")),
        RefusalCode::Invalid
    );
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    replied(&world, &bob, room, root).await;
    let firsts = world.events(room).await.into_iter().filter_map(|event| {
        let message = event.body.as_message()?.clone();
        Some((message.sender, message.thread?.first))
    });
    let expected = [
        (&bob, true),
        (&ann, true),
        (&bob, false),
        (&bob, false),
        (&bob, false),
    ];
    let expected = expected.map(|(user, first)| (user.clone(), first));
    assert_eq!(firsts.collect::<Vec<_>>(), expected);
    let page = page(&world, &ann, room, root).await;
    let replies = page.root.replies.expect("a thread");
    assert_eq!((replies.count, replies.participant_count), (5, 2));
    assert_eq!(replies.participants, [bob, ann]);
    assert_eq!(page.standing.unread, 4);
}

/// Pages of replies hold what is beside a place, and join into the thread.
pub async fn pages_of_replies_hold_what_is_beside<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let root = world.say(&ann, room, "hello").await;
    let other = world.say(&ann, room, "and another").await;
    let mut replies = Vec::new();
    for _ in 0..6 {
        replies.push(replied(&world, &bob, room, root).await.get());
        replied(&world, &ann, room, other).await;
        world.say(&ann, room, "between").await;
    }
    let caller = Caller::User(bob.clone());
    let read = async |window, entries_max| {
        let limits = PageLimits {
            entries_max,
            text_bytes_max: usize::MAX,
        };
        let page = world
            .store
            .thread(&caller, room, root, window, limits)
            .await;
        let page = page.expect("a member reads a thread");
        assert_eq!(page.root.seq, root);
        (places(&page.replies), page.more)
    };
    let at = |index: usize| seq(replies[index]);
    assert_eq!(read(Window::Latest, 10).await, (replies.clone(), false));
    assert_eq!(read(Window::Latest, 6).await, (replies.clone(), false));
    assert_eq!(read(Window::Latest, 2).await, (replies[4..].to_vec(), true));
    let before = read(Window::Before(at(4)), 3).await;
    assert_eq!(before, (replies[1..4].to_vec(), true));
    let before = read(Window::Before(at(1)), 3).await;
    assert_eq!(before, (replies[..1].to_vec(), false));
    let after = read(Window::After(at(1)), 2).await;
    assert_eq!(after, (replies[2..4].to_vec(), true));
    let after = read(Window::After(at(4)), 2).await;
    assert_eq!(after, (replies[5..].to_vec(), false));
    let around = read(Window::Around(at(3)), 3).await;
    assert_eq!(around, (replies[2..5].to_vec(), true));
    assert_eq!(read(Window::Before(root), 3).await, (Vec::new(), false));
    let alone = world.say(&ann, room, "no thread").await;
    let page = page(&world, &ann, room, alone).await;
    assert_eq!((page.root.replies, page.replies), (None, Vec::new()));
}

/// Who may not read the conversation hears the same as of an unknown one, and a reply has no thread.
pub async fn threads_are_refused_to_others<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[]).await;
    let root = world.say(&ann, room, "hello").await;
    let answer = replied(&world, &ann, room, root).await;
    let thread = async |user: &UserId, room, place| {
        let caller = Caller::User(user.clone());
        let (window, store) = (Window::Latest, &world.store);
        let page = store.thread(&caller, room, place, window, WHOLE).await;
        let read = read_refusal(page);
        let moved = store.move_thread_cursor(user, room, place, seq(1)).await;
        assert_eq!(moved, Err(CommitError::Refused(read.clone())));
        read
    };
    let unknown = thread(&ann, world.conversation_id(), root).await;
    assert_eq!(thread(&bob, room, root).await, unknown);
    assert_eq!(thread(&ann, room, seq(1)).await.code, RefusalCode::NotFound);
    assert_eq!(
        thread(&ann, room, answer.next()).await.code,
        RefusalCode::NotFound
    );
    assert_eq!(thread(&ann, room, answer).await.code, RefusalCode::Invalid);
    let list = world.store.threads(&bob, Some(room), None, WHOLE).await;
    assert_eq!(read_refusal(list), unknown);
    let beyond = world
        .store
        .move_thread_cursor(&ann, room, root, answer.next())
        .await;
    assert!(matches!(beyond, Err(CommitError::Refused(it)) if it.code == RefusalCode::Invalid));
}

/// A thread cursor only grows, is no cursor of the conversation, and outlives the process.
pub async fn a_thread_cursor_is_one_of_its_own<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let root = world.say(&ann, room, "hello").await;
    let alone = world.say(&ann, room, "nobody answers").await;
    let mut replies = Vec::new();
    for _ in 0..3 {
        replies.push(replied(&world, &ann, room, root).await);
    }
    let head = world.head(room).await;
    let unread = async |world: &World<E>| {
        let (_, counts) = world.store.counts(&bob, room).await.expect("a member");
        (
            page(world, &bob, room, root).await.standing.unread,
            counts.unread,
        )
    };
    assert_eq!(unread(&world).await, (3, 5));
    let first = moved(&world, &bob, room, root, replies[1]).await;
    assert_eq!(
        (first.standing.read, first.standing.unread),
        (replies[1], 1)
    );
    assert!(first.moved);
    let back = moved(&world, &bob, room, root, replies[0]).await;
    assert_eq!((back.standing, back.moved), (first.standing, false));
    assert_eq!(unread(&world).await, (1, 5));
    world.done(&bob, room, Action::MoveCursor(head)).await;
    assert_eq!(unread(&world).await, (1, 0));
    // Nothing is kept where there is nothing to read.
    let nothing = moved(&world, &bob, room, alone, head).await;
    assert!(!nothing.moved);
    assert_eq!(nothing.standing.unread, 0);
    world.kill_and_reopen();
    assert_eq!(
        page(&world, &bob, room, root).await.standing,
        first.standing
    );
    let rest = moved(&world, &bob, room, root, head).await;
    assert_eq!((rest.standing.read, rest.standing.unread), (head, 0));
}

/// What was said before somebody joined is not unread to them, also when they come back.
pub async fn only_replies_to_a_member_are_unread<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[]).await;
    let root = world.say(&ann, room, "hello").await;
    replied(&world, &ann, room, root).await;
    let join = || {
        Action::AddMembers(vec![Joined {
            user: bob.clone(),
            role: Role::Member,
        }])
    };
    world.done(&ann, room, join()).await;
    assert_eq!(page(&world, &bob, room, root).await.standing.unread, 0);
    replied(&world, &ann, room, root).await;
    replied(&world, &bob, room, root).await;
    assert_eq!(page(&world, &bob, room, root).await.standing.unread, 1);
    world.done(&bob, room, Action::Leave).await;
    replied(&world, &ann, room, root).await;
    world.done(&ann, room, join()).await;
    assert_eq!(page(&world, &bob, room, root).await.standing.unread, 0);
}

/// Members' unread in each thread, counted one event at a time.
async fn recounted<E: Engine>(
    world: &World<E>,
    room: ConversationId,
    reads: &BTreeMap<(UserId, Seq), Seq>,
) -> BTreeMap<(UserId, Seq), u64> {
    let log = world.events(room).await;
    let mut joined: BTreeMap<UserId, Seq> = BTreeMap::new();
    for event in &log {
        if let EventBody::Members(change) = &event.body {
            for user in &change.left {
                joined.remove(user);
            }
            let people = change.joined.iter();
            joined.extend(people.map(|one| (one.user.clone(), event.seq)));
        }
    }
    let replies = log.iter().filter_map(|event| {
        let message = event.body.as_message()?;
        Some((event.seq, message.thread?.root, message))
    });
    let replies: Vec<(Seq, Seq, &Message)> = replies.collect();
    let mut counts = BTreeMap::new();
    for (user, joined) in &joined {
        for (_, root, _) in &replies {
            let read = reads.get(&(user.clone(), *root)).copied();
            let above = (*joined).max(read.unwrap_or(Seq::ZERO));
            let unread = replies.iter().filter(|(place, thread, message)| {
                thread == root
                    && *place > above
                    && message.sender != *user
                    && !message.is_redacted()
            });
            counts.insert((user.clone(), *root), unread.count() as u64);
        }
    }
    counts
}

/// However people come, go, reply, delete and read: what is counted by subtraction is what is there, and what the
/// timeline shows of threads is the folded log.
pub async fn thread_counts_equal_a_recount_after_any_history<E: Engine>(world: World<E>) {
    let people = world.people(["ann", "bob", "cyd", "dee"]).await;
    for seed in 1..=3 {
        let mut dice = Dice(seed);
        let room = world.group(&people[0], &[&people[1], &people[2]]).await;
        let roots: Vec<Seq> = {
            let mut roots = Vec::new();
            for _ in 0..3 {
                roots.push(world.say(&people[0], room, "hello").await);
            }
            roots
        };
        let mut reads = BTreeMap::new();
        for _ in 0..120 {
            let user = &people[dice.below(people.len())];
            let root = roots[dice.below(roots.len())];
            let head = usize::try_from(world.head(room).await.get()).expect("a short log");
            let place = seq(dice.below(head) as u64 + 1);
            let action = match dice.below(16) {
                // The one who lets others in stays.
                0 if user != &people[0] => Action::Leave,
                0..=1 => Action::AddMembers(vec![Joined {
                    user: people[dice.below(people.len())].clone(),
                    role: Role::Owner,
                }]),
                2..=3 => amend(place.max(roots[2].next()), Wish::Delete),
                4 => Action::MoveCursor(place),
                5..=7 => {
                    let store = &world.store;
                    let before = store.events_after(&Caller::Administrator, room, Seq::ZERO, WHOLE);
                    let before = before.await.expect("a log").events;
                    let moved = store.move_thread_cursor(user, room, root, place).await;
                    let has_replies = before.iter().any(|event| {
                        let message = event.body.as_message();
                        message.is_some_and(|it| it.thread.is_some_and(|it| it.root == root))
                    });
                    if moved.is_ok() && has_replies {
                        let read = reads.entry((user.clone(), root)).or_insert(place);
                        *read = place.max(*read);
                    }
                    continue;
                }
                _ => reply(&world, root, dice.below(3) == 0),
            };
            let _ = world.commit(world.command(user, room, action)).await;
        }
        let expected = recounted(&world, room, &reads).await;
        assert!(expected.values().any(|unread| *unread > 0));
        for ((user, root), unread) in expected {
            let standing = page(&world, &user, room, root).await.standing;
            assert_eq!(standing.unread, unread, "{user} in {root}");
        }
        let mut timeline = Timeline::default();
        for event in world.events(room).await {
            timeline.apply(&event);
        }
        let folded: Vec<_> = timeline.messages().cloned().collect();
        let caller = Caller::Administrator;
        let (window, store) = (Window::Latest, &world.store);
        let read = store.messages(&caller, room, window, WHOLE).await;
        assert_eq!(read.expect("a timeline").messages, folded);
        let main = store.main_messages(&caller, room, window, WHOLE).await;
        let is_main = |message: &TimelineMessage| !message.message.is_in_thread_only();
        let expected: Vec<_> = folded.into_iter().filter(is_main).collect();
        assert_eq!(main.expect("a timeline").messages, expected);
    }
}

/// Pages without the replies that only their threads show hold the messages beside a place.
pub async fn the_main_timeline_leaves_out_what_is_in_threads_only<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let root = world.say(&ann, room, "hello").await;
    let mut main = vec![root.get()];
    for turn in 0..9 {
        replied(&world, &ann, room, root).await;
        let shown = match turn % 3 {
            0 => reply(&world, root, true),
            1 => Action::Send(world.message("between")),
            _ => continue,
        };
        let outcome = world.done(&ann, room, shown).await;
        main.push(appended(&outcome)[0].seq.get());
    }
    let caller = Caller::User(ann.clone());
    let read = async |window, entries_max| {
        let limits = PageLimits {
            entries_max,
            text_bytes_max: usize::MAX,
        };
        let page = world
            .store
            .main_messages(&caller, room, window, limits)
            .await;
        let page = page.expect("a member reads");
        (places(&page.messages), page.more)
    };
    let at = |index: usize| seq(main[index]);
    assert_eq!(main.len(), 7);
    assert_eq!(read(Window::Latest, 7).await, (main.clone(), false));
    assert_eq!(read(Window::Latest, 6).await, (main[1..].to_vec(), true));
    let before = read(Window::Before(at(4)), 3).await;
    assert_eq!(before, (main[1..4].to_vec(), true));
    assert_eq!(
        read(Window::Before(at(1)), 3).await,
        (main[..1].to_vec(), false)
    );
    assert_eq!(
        read(Window::After(at(1)), 2).await,
        (main[2..4].to_vec(), true)
    );
    assert_eq!(
        read(Window::After(at(4)), 2).await,
        (main[5..].to_vec(), false)
    );
    assert_eq!(
        read(Window::Around(at(3)), 3).await,
        (main[2..5].to_vec(), true)
    );
}

/// The threads that somebody takes part in, last active first, in conversations that they are in.
pub async fn threads_are_listed_for_those_who_take_part<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    let other = world.group(&ann, &[&bob]).await;
    let first = world.say(&ann, room, "one").await;
    let second = world.say(&cyd, room, "two").await;
    let third = world.say(&bob, other, "three").await;
    replied(&world, &cyd, room, first).await;
    replied(&world, &ann, room, second).await;
    replied(&world, &ann, other, third).await;
    replied(&world, &cyd, room, first).await;
    let listed = async |user: &UserId, only, entries_max| {
        let mut seen = Vec::new();
        let mut before: Option<Position> = None;
        loop {
            let limits = PageLimits {
                entries_max,
                text_bytes_max: usize::MAX,
            };
            let page = world.store.threads(user, only, before, limits).await;
            let page = page.expect("a list");
            assert!(page.threads.len() <= entries_max);
            for thread in page.threads {
                assert!(thread.root.replies.is_some());
                seen.push((thread.conversation, thread.root.seq, thread.standing.unread));
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return seen,
            }
        }
    };
    for entries_max in [1, 2, 10] {
        assert_eq!(
            listed(&ann, None, entries_max).await,
            [(room, first, 2), (other, third, 0), (room, second, 0)]
        );
        assert_eq!(
            listed(&ann, Some(room), entries_max).await,
            [(room, first, 2), (room, second, 0)]
        );
        assert_eq!(listed(&bob, None, entries_max).await, [(other, third, 1)]);
        assert_eq!(
            listed(&cyd, None, entries_max).await,
            [(room, first, 0), (room, second, 1)]
        );
    }
    assert_eq!(listed(&bob, Some(room), 10).await, []);
    world.done(&cyd, room, Action::Leave).await;
    assert_eq!(listed(&cyd, None, 10).await, []);
}

/// What was fetched is one number for each member, which only grows; in larger conversations nothing is kept.
pub async fn what_was_fetched_is_shown_until_it_is_read<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    for _ in 0..4 {
        world.say(&ann, room, "hello").await;
    }
    let deliver = |place, members_max| {
        Action::MoveDelivered(Delivery {
            seq: seq(place),
            members_max,
        })
    };
    let delivered = async |world: &World<E>, user: &UserId, action| match world
        .done(user, room, action)
        .await
    {
        Outcome::Delivered {
            delivered, moved, ..
        } => (delivered.get(), moved),
        other => panic!("{other:?}"),
    };
    let receipts = async |world: &World<E>, place| {
        let caller = Caller::User(ann.clone());
        let receipts = world.store.readers(&caller, room, seq(place), 10).await;
        let receipts = receipts.expect("a member may ask");
        let readers = receipts.readers.into_iter();
        let delivered = receipts.delivered.into_iter();
        (
            readers
                .map(|one| (one.user, one.read.get()))
                .collect::<Vec<_>>(),
            delivered
                .map(|one| (one.user, one.delivered.get()))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(delivered(&world, &bob, deliver(5, 2)).await, (2, false));
    assert_eq!(receipts(&world, 3).await, (vec![], vec![]));
    assert_eq!(delivered(&world, &bob, deliver(5, 3)).await, (5, true));
    assert_eq!(delivered(&world, &bob, deliver(4, 3)).await, (5, false));
    let bob_has = |place| (vec![], vec![(bob.clone(), place)]);
    assert_eq!(receipts(&world, 5).await, bob_has(5));
    assert_eq!(receipts(&world, 6).await, (vec![], vec![]));
    world.done(&bob, room, Action::MoveCursor(seq(4))).await;
    assert_eq!(receipts(&world, 5).await, bob_has(5));
    assert_eq!(receipts(&world, 4).await, (vec![(bob.clone(), 4)], vec![]));
    world.done(&cyd, room, Action::MoveCursor(seq(6))).await;
    assert_eq!(delivered(&world, &cyd, deliver(5, 3)).await, (6, false));
    world.kill_and_reopen();
    assert_eq!(receipts(&world, 5).await.1, [(bob.clone(), 5)]);
    let command = world.command(&bob, room, deliver(7, 3));
    assert_eq!(refused(world.commit(command).await), RefusalCode::Invalid);
    world.done(&bob, room, Action::Leave).await;
    assert_eq!(receipts(&world, 5).await.1, []);
    let command = world.command(&bob, room, deliver(5, 3));
    assert_eq!(refused(world.commit(command).await), RefusalCode::NotFound);
}

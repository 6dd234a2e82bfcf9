//! Replies in threads, and up to where devices have fetched.

#![expect(
    clippy::similar_names,
    reason = "a room and the root of a thread are what all of this is about"
)]

use proptest::prelude::*;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Delivery, NewAmendment, NewMessage, NewReply, Root, Wish, thread,
};
use tidemark_core::unread::Tally;
use tidemark_core::{Refusal, RefusalCode, Seq};

use crate::history::{command, history, room_id, says, settled_world, user};
use crate::world::{Outcome, Room, World};

const GROUP: usize = 1;

fn by(world: &mut World, name: &str, action: Action) -> Result<Outcome, Refusal> {
    world.execute(command(room_id(GROUP), Caller::User(user(name)), action))
}

fn reply(number: u128, thread: Seq) -> NewMessage {
    NewMessage {
        thread: Some(NewReply {
            thread,
            also_in_conversation: false,
        }),
        ..says(number, "a reply")
    }
}

fn place(result: Result<Outcome, Refusal>) -> Seq {
    match result.unwrap() {
        Outcome::Appended(events) => events[0].seq,
        other => panic!("{other:?}"),
    }
}

fn code(result: Result<Outcome, Refusal>) -> RefusalCode {
    result.unwrap_err().code
}

fn is_first(world: &World, seq: Seq) -> bool {
    let room = &world.rooms[&room_id(GROUP)];
    let event = room.events().find(|event| event.seq == seq).unwrap();
    event.body.as_message().unwrap().thread.unwrap().first
}

#[test]
fn a_thread_is_below_a_message_that_is_no_reply() {
    let mut world = settled_world();
    let root = place(by(&mut world, "ada", Action::Send(says(1, "hello"))));
    let answer = place(by(&mut world, "ben", Action::Send(reply(2, root))));
    for nowhere in [Seq::ZERO, Seq::ZERO.next(), answer.next(), answer] {
        let refused = by(&mut world, "ben", Action::Send(reply(3, nowhere)));
        assert_eq!(code(refused), RefusalCode::Invalid, "{nowhere}");
    }
    let delete = Action::Amend(NewAmendment {
        target: root,
        client_id: None,
        wish: Wish::Delete,
    });
    by(&mut world, "ada", delete).unwrap();
    let refused = by(&mut world, "ben", Action::Send(reply(3, root)));
    assert_eq!(code(refused), RefusalCode::Conflict);
    // What was accepted stays accepted.
    let again = by(&mut world, "ben", Action::Send(reply(2, root))).unwrap();
    assert!(matches!(again, Outcome::Repeated { seq, .. } if seq == answer));
}

#[test]
fn the_first_reply_of_each_person_says_so() {
    let mut world = settled_world();
    let root = place(by(&mut world, "ada", Action::Send(says(1, "hello"))));
    let other = place(by(&mut world, "ada", Action::Send(says(2, "and"))));
    let replies = [
        ("ben", root, true),
        ("ada", root, true),
        ("ben", root, false),
        ("ben", other, true),
    ];
    for (number, (name, thread, first)) in (3..).zip(replies) {
        let seq = place(by(&mut world, name, Action::Send(reply(number, thread))));
        assert_eq!(is_first(&world, seq), first, "{name} {thread}");
    }
}

#[test]
fn a_thread_cursor_only_grows_and_begins_where_its_owner_joined() {
    let world = settled_world();
    let room = &world.rooms[&room_id(GROUP)];
    let (conversation, head) = (&room.conversation, room.conversation.head);
    let ben = &room.memberships[&user("ben")];
    let root = |messages, is_reply| Root {
        is_reply,
        is_deleted: true,
        tally: Tally { messages, own: 0 },
    };
    let caller = Caller::User(user("ben"));
    let moved = |root, kept, seq| {
        let (conversation, membership) = (Some(conversation), Some(ben));
        thread::move_cursor(&caller, conversation, membership, root, kept, seq)
    };
    let there = Some(root(1, false));
    assert_eq!(moved(there, None, head), Ok(Some(head)));
    assert_eq!(moved(there, Some(head), head), Ok(None));
    assert_eq!(moved(there, None, ben.joined), Ok(None));
    assert_eq!(moved(Some(root(0, false)), None, head), Ok(None));
    let refused = |root, seq| moved(root, None, seq).unwrap_err().code;
    assert_eq!(refused(there, head.next()), RefusalCode::Invalid);
    assert_eq!(refused(there, Seq::ZERO), RefusalCode::Invalid);
    assert_eq!(refused(Some(root(0, true)), head), RefusalCode::Invalid);
    assert_eq!(refused(None, head), RefusalCode::NotFound);
    let dan = Caller::User(user("dan"));
    let stranger = thread::move_cursor(&dan, Some(conversation), None, there, None, head);
    assert_eq!(stranger.unwrap_err().code, RefusalCode::NotFound);
}

fn delivered(room: &Room, name: &str) -> Seq {
    room.memberships[&user(name)].delivered_through()
}

#[test]
fn what_was_fetched_is_kept_where_it_is_shown() {
    let mut world = settled_world();
    let head = place(by(&mut world, "ada", Action::Send(says(1, "hello"))));
    let deliver = |seq, members_max| Action::MoveDelivered(Delivery { seq, members_max });
    assert_eq!(
        by(&mut world, "ben", deliver(head, 2)),
        Ok(Outcome::Unchanged)
    );
    assert_eq!(
        by(&mut world, "ben", deliver(head, 3)),
        Ok(Outcome::Moved(head))
    );
    assert_eq!(
        by(&mut world, "ben", deliver(head, 3)),
        Ok(Outcome::Unchanged)
    );
    assert_eq!(
        code(by(&mut world, "ben", deliver(head.next(), 3))),
        RefusalCode::Invalid
    );
    // What was read was delivered.
    by(&mut world, "cleo", Action::MoveCursor(head)).unwrap();
    assert_eq!(
        by(&mut world, "cleo", deliver(head, 3)),
        Ok(Outcome::Unchanged)
    );
    let room = &world.rooms[&room_id(GROUP)];
    assert_eq!(
        (delivered(room, "ben"), delivered(room, "cleo")),
        (head, head)
    );
}

proptest! {
    #[test]
    fn every_reply_is_in_the_thread_of_an_earlier_message_that_is_no_reply(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
        }
        for room in world.rooms.values() {
            for event in room.events() {
                let Some(reply) = event.body.as_message().and_then(|message| message.thread) else {
                    continue;
                };
                let root = room.events().find(|one| one.seq == reply.root).unwrap();
                prop_assert!(root.seq < event.seq);
                prop_assert!(root.body.as_message().unwrap().thread.is_none());
                let mut before = room.replies(reply.root).filter(|(one, _)| one.seq < event.seq);
                let sender = event.body.author();
                let is_first = before.all(|(_, message)| message.sender != *sender);
                prop_assert_eq!(reply.first, is_first);
            }
        }
    }

    #[test]
    fn what_was_delivered_only_grows_and_reading_implies_it(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let before = world.clone();
            let _ = world.execute(command);
            for (id, room) in &world.rooms {
                for (user, membership) in &room.memberships {
                    let now = membership.delivered_through();
                    let was = before.rooms.get(id).and_then(|room| room.memberships.get(user));
                    prop_assert!(was.is_none_or(|was| was.delivered_through() <= now));
                    prop_assert!(membership.read <= now && now <= room.conversation.head);
                }
            }
        }
    }
}

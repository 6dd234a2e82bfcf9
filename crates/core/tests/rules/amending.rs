//! Editing, deleting, reacting and pinning.

use proptest::prelude::*;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Change, DeleteReason, Emoji, EventBody, Mentions, NewAmendment, Wish,
};
use tidemark_core::{Refusal, RefusalCode, Seq};

use crate::history::{
    client_id, command, history, new_amendment, room_id, says, settled_world, user,
};
use crate::world::{Outcome, World};

const GROUP: usize = 1;

/// The group after cleo, a plain member, said hello; and the place of that.
fn world_with_message() -> (World, Seq) {
    let mut world = settled_world();
    let sent = by(&mut world, "cleo", Action::Send(says(1, "hello"))).unwrap();
    let Outcome::Appended(events) = sent else {
        panic!("{sent:?}");
    };
    (world, events[0].seq)
}

fn by(world: &mut World, name: &str, action: Action) -> Result<Outcome, Refusal> {
    let caller = match name {
        "administrator" => Caller::Administrator,
        name => Caller::User(user(name)),
    };
    world.execute(command(room_id(GROUP), caller, action))
}

fn wish(world: &mut World, name: &str, target: Seq, wish: Wish) -> Result<Outcome, Refusal> {
    let new = NewAmendment {
        target,
        client_id: None,
        wish,
    };
    by(world, name, Action::Amend(new))
}

fn edit(text: &str) -> Wish {
    Wish::Edit {
        text: text.to_owned(),
        mentions: None,
    }
}

fn thumb(on: bool) -> Wish {
    let emoji = Emoji::parse("👍").unwrap();
    Wish::React { emoji, on }
}

fn code(result: Result<Outcome, Refusal>) -> RefusalCode {
    result.unwrap_err().code
}

/// The place of the one event that was added, or of the one that is there already.
fn place(result: Result<Outcome, Refusal>) -> (Seq, bool) {
    match result.unwrap() {
        Outcome::Appended(events) => (events[0].seq, true),
        Outcome::Repeated { seq, .. } => (seq, false),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_author_edits() {
    let (mut world, target) = world_with_message();
    for name in ["ada", "ben", "administrator"] {
        assert_eq!(
            code(wish(&mut world, name, target, edit("mine"))),
            RefusalCode::Forbidden
        );
    }
    assert_eq!(
        code(wish(&mut world, "dan", target, edit("mine"))),
        RefusalCode::NotFound
    );
    assert!(place(wish(&mut world, "cleo", target, edit("hello all"))).1);
}

#[test]
fn the_author_and_those_who_keep_order_delete() {
    for (name, reason) in [
        ("cleo", DeleteReason::Author),
        ("ada", DeleteReason::Moderator),
        ("ben", DeleteReason::Moderator),
        ("administrator", DeleteReason::Moderator),
    ] {
        let (mut world, target) = world_with_message();
        let done = wish(&mut world, name, target, Wish::Delete).unwrap();
        let Outcome::Appended(events) = done else {
            panic!("{done:?}");
        };
        let amendment = events[0].body.as_amendment().unwrap();
        assert_eq!(
            amendment.change,
            Change::Delete {
                reason,
                thread: None
            }
        );
    }
    let mut world = settled_world();
    let Outcome::Appended(events) = by(&mut world, "ada", Action::Send(says(1, "hi"))).unwrap()
    else {
        panic!("it was sent");
    };
    let refused = wish(&mut world, "cleo", events[0].seq, Wish::Delete);
    assert_eq!(code(refused), RefusalCode::Forbidden);
}

#[test]
fn what_is_no_message_cannot_be_changed() {
    let (mut world, target) = world_with_message();
    for place in [Seq::ZERO, Seq::new(1).unwrap(), target.next(), Seq::MAX] {
        for what in [edit("x"), Wish::Delete, thumb(true), Wish::Pin { on: true }] {
            let refused = wish(&mut world, "ada", place, what);
            assert_eq!(code(refused), RefusalCode::NotFound, "{place}");
        }
    }
}

#[test]
fn an_edit_has_the_limits_of_a_message() {
    let (mut world, target) = world_with_message();
    assert_eq!(
        code(wish(&mut world, "cleo", target, edit(""))),
        RefusalCode::Invalid
    );
    let long = "x".repeat(world.limits.text_bytes_max + 1);
    assert_eq!(
        code(wish(&mut world, "cleo", target, edit(&long))),
        RefusalCode::TooLarge
    );
    let people = (0..=world.limits.mentions_max).map(|number| user(&format!("p{number}")));
    let crowd = Wish::Edit {
        text: "hi".to_owned(),
        mentions: Some(Mentions::Users(people.collect())),
    };
    assert_eq!(
        code(wish(&mut world, "cleo", target, crowd)),
        RefusalCode::TooLarge
    );
}

#[test]
fn a_message_has_so_many_different_reactions_and_no_more() {
    let (mut world, target) = world_with_message();
    let react = |number: u64, on| Wish::React {
        emoji: Emoji::parse(&format!(":e{number}:")).unwrap(),
        on,
    };
    let most = world.limits.reactions_max;
    for number in 0..most {
        assert!(place(wish(&mut world, "ada", target, react(number, true))).1);
    }
    let refused = wish(&mut world, "ben", target, react(most, true));
    assert_eq!(code(refused), RefusalCode::TooLarge);
    assert!(place(wish(&mut world, "ben", target, react(0, true))).1);
    assert!(place(wish(&mut world, "ada", target, react(1, false))).1);
    assert!(place(wish(&mut world, "ben", target, react(most, true))).1);
}

#[test]
fn what_is_so_already_names_what_made_it_so() {
    let (mut world, target) = world_with_message();
    let mut twice = |name: &str, what: Wish| {
        let (first, is_new) = place(wish(&mut world, name, target, what.clone()));
        let again = place(wish(&mut world, name, target, what));
        assert_eq!(again, (first, false));
        (first, is_new)
    };
    assert_eq!(twice("cleo", edit("hello")), (target, false));
    assert_eq!(twice("ada", thumb(false)), (target, false));
    assert_eq!(twice("ada", Wish::Pin { on: false }), (target, false));
    assert!(twice("cleo", edit("hello all")).1);
    assert!(twice("ada", thumb(true)).1);
    assert!(twice("ben", thumb(true)).1);
    assert!(twice("ada", Wish::Pin { on: true }).1);
    assert!(twice("ben", Wish::Delete).1);
    assert_eq!(twice("ada", thumb(false)), (target, false));
    assert_eq!(twice("ada", Wish::Pin { on: false }), (target, false));
}

#[test]
fn to_what_is_deleted_nothing_happens() {
    let (mut world, target) = world_with_message();
    wish(&mut world, "cleo", target, Wish::Delete).unwrap();
    for what in [edit("x"), thumb(true), Wish::Pin { on: true }] {
        assert_eq!(
            code(wish(&mut world, "cleo", target, what)),
            RefusalCode::Conflict
        );
    }
}

#[test]
fn an_edit_without_mentions_leaves_them() {
    let (mut world, target) = world_with_message();
    let loud = Wish::Edit {
        text: "hello all".to_owned(),
        mentions: Some(Mentions::All),
    };
    wish(&mut world, "cleo", target, loud).unwrap();
    let Outcome::Appended(events) = wish(&mut world, "cleo", target, edit("hello")).unwrap() else {
        panic!("it was edited");
    };
    let Some(Change::Edit { mentions, .. }) = events[0].body.as_amendment().map(|it| &it.change)
    else {
        panic!("{events:?}");
    };
    assert_eq!(*mentions, Mentions::All);
}

#[test]
fn a_named_amendment_is_kept_for_ever() {
    let (mut world, target) = world_with_message();
    let named = |text: &str| {
        Action::Amend(NewAmendment {
            target,
            client_id: Some(client_id(9)),
            wish: edit(text),
        })
    };
    let (first, _) = place(by(&mut world, "cleo", named("two")));
    place(wish(&mut world, "cleo", target, edit("three")));
    assert_eq!(place(by(&mut world, "cleo", named("two"))), (first, false));
    assert_eq!(
        code(by(&mut world, "cleo", named("four"))),
        RefusalCode::Conflict
    );
    let send = Action::Send(says(9, "two"));
    assert_eq!(code(by(&mut world, "cleo", send)), RefusalCode::Conflict);
    wish(&mut world, "ada", target, Wish::Delete).unwrap();
    assert_eq!(place(by(&mut world, "cleo", named("two"))), (first, false));
    // The message itself too, though what it said is gone.
    let again = by(&mut world, "cleo", Action::Send(says(1, "hello")));
    assert_eq!(place(again), (target, false));
}

proptest! {
    #[test]
    fn nothing_of_what_was_deleted_is_left_in_the_log(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
        }
        for room in world.rooms.values() {
            for target in room.events().filter_map(|event| event.body.deletes()) {
                for event in room.events() {
                    let amends = event.body.as_amendment().is_some_and(|it| it.target == target);
                    if event.seq == target || amends {
                        prop_assert_eq!(event.body.text_bytes(), 0);
                    }
                }
            }
        }
    }

    #[test]
    fn a_wish_that_was_granted_is_granted_again_without_an_event(
        commands in history(),
        room in 0..4_usize,
        name in prop::sample::select(["ada", "ben", "cleo"].as_slice()),
        new in new_amendment(),
    ) {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
        }
        let is_off = matches!(new.wish, Wish::React { on: false, .. } | Wish::Pin { on: false });
        let (is_nameless_off, target) = (is_off && new.client_id.is_none(), new.target);
        let wish = command(room_id(room), Caller::User(user(name)), Action::Amend(new));
        if let Ok(first) = world.execute(wish.clone()) {
            let seq = match first {
                Outcome::Appended(events) => events[0].seq,
                Outcome::Repeated { seq, .. } => seq,
                other => panic!("{other:?}"),
            };
            let again = world.execute(wish);
            // What was taken away is no more, and neither is what took it away: the message stands for that.
            let expected = if is_nameless_off { target } else { seq };
            prop_assert_eq!(place(again), (expected, false));
        }
    }
}

#[test]
fn a_redacted_event_says_nothing() {
    let mut body = EventBody::Message(tidemark_core::conversation::Message {
        sender: user("ada"),
        client_id: client_id(1),
        text: "secret".to_owned(),
        reply_to: None,
        mentions: Mentions::All,
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    });
    body.redact();
    assert_eq!(body.text_bytes(), 0);
    assert!(body.as_message().unwrap().mentions.is_empty());
}

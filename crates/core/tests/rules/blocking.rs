//! What somebody who blocks another person is spared, and what stays.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, ConversationKind, Emoji, Joined, NewAmendment, NewConversation, Role, Visibility, Wish,
};
use tidemark_core::{Refusal, RefusalCode, Seq};

use crate::history::{command, room_id, says, settled_world, user};
use crate::world::{Outcome, World};

const DIRECT: usize = 0;
const GROUP: usize = 1;
const PUBLIC: usize = 2;

fn by(world: &mut World, room: usize, name: &str, action: Action) -> Result<Outcome, Refusal> {
    let caller = match name {
        "administrator" => Caller::Administrator,
        name => Caller::User(user(name)),
    };
    world.execute(command(room_id(room), caller, action))
}

fn code(answer: Result<Outcome, Refusal>) -> RefusalCode {
    answer.unwrap_err().code
}

fn set(world: &mut World, name: &str, other: &str, on: bool) -> bool {
    world.change_block(&user(name), &user(other), on).unwrap()
}

fn amend(seq: u64, wish: Wish) -> Action {
    Action::Amend(NewAmendment {
        target: Seq::new(seq).unwrap(),
        client_id: None,
        wish,
    })
}

fn new(kind: ConversationKind, members: &[&str]) -> Action {
    Action::Create(NewConversation {
        kind,
        visibility: Visibility::Private,
        title: None,
        members: members.iter().map(|name| user(name)).collect(),
        client_id: None,
    })
}

fn add(name: &str) -> Action {
    Action::AddMembers(vec![Joined {
        user: user(name),
        role: Role::Member,
    }])
}

/// What the two may not do in their direct conversation while one of them blocks the other.
fn wishes(seq: u64) -> [Action; 4] {
    let emoji = Emoji::parse(":boat:").unwrap();
    [
        Action::Send(says(900, "are you there?")),
        amend(
            seq,
            Wish::Edit {
                text: "another".to_owned(),
                mentions: None,
            },
        ),
        amend(seq, Wish::React { emoji, on: true }),
        amend(seq, Wish::Pin { on: true }),
    ]
}

#[test]
fn between_the_two_only_reading_and_deleting_goes_on() {
    for blocker in ["ada", "ben"] {
        let mut world = settled_world();
        let mut said = Vec::new();
        for (number, name) in [(1, "ada"), (2, "ben")] {
            let sent = by(
                &mut world,
                DIRECT,
                name,
                Action::Send(says(number, "hello")),
            );
            let Ok(Outcome::Appended(events)) = sent else {
                panic!("{sent:?}");
            };
            said.push((name, number, events[0].seq));
        }
        let other = if blocker == "ada" { "ben" } else { "ada" };
        assert!(set(&mut world, blocker, other, true));
        let mut words = Vec::new();
        for (name, number, seq) in said.clone() {
            for wish in wishes(seq.get()) {
                let refusal = by(&mut world, DIRECT, name, wish).unwrap_err();
                assert_eq!(refusal.code, RefusalCode::Forbidden);
                words.push(refusal.detail);
            }
            // What was accepted before stays accepted, and reading goes on.
            let again = by(
                &mut world,
                DIRECT,
                name,
                Action::Send(says(number, "hello")),
            );
            assert!(matches!(again, Ok(Outcome::Repeated { seq: at, .. }) if at == seq));
            let read = by(&mut world, DIRECT, name, Action::MoveCursor(said[1].2));
            assert!(read.is_ok());
        }
        // The same words for both, which name neither.
        words.dedup();
        assert_eq!(words.len(), 1);
        assert!(!words[0].contains("block"));
        for (name, _, seq) in said {
            assert!(by(&mut world, DIRECT, name, amend(seq.get(), Wish::Delete)).is_ok());
        }

        assert!(set(&mut world, blocker, other, false));
        let sent = by(&mut world, DIRECT, other, Action::Send(says(901, "back")));
        assert!(sent.is_ok());
    }
}

#[test]
fn each_of_two_blocks_counts_on_its_own() {
    let mut world = settled_world();
    assert!(set(&mut world, "ada", "ben", true));
    assert!(set(&mut world, "ben", "ada", true));
    assert!(!set(&mut world, "ben", "ada", true));
    assert!(set(&mut world, "ada", "ben", false));
    let sent = |world: &mut World| by(world, DIRECT, "ada", Action::Send(says(1, "hello")));
    assert_eq!(code(sent(&mut world)), RefusalCode::Forbidden);
    assert!(set(&mut world, "ben", "ada", false));
    assert!(!set(&mut world, "ben", "ada", false));
    assert!(sent(&mut world).is_ok());
}

#[test]
fn a_blocked_pair_begins_no_direct_conversation_but_finds_its_own() {
    for (blocker, other) in [("cleo", "dan"), ("dan", "cleo")] {
        let mut world = settled_world();
        set(&mut world, blocker, other, true);
        let direct = |name: &'static str| new(ConversationKind::Direct, &[name]);
        for (name, other) in [("cleo", "dan"), ("dan", "cleo")] {
            let begun = by(&mut world, 50, name, direct(other));
            assert_eq!(code(begun), RefusalCode::Forbidden);
        }
        let begun = by(
            &mut world,
            50,
            "administrator",
            new(ConversationKind::Direct, &["cleo", "dan"]),
        );
        assert_eq!(code(begun), RefusalCode::Forbidden);
        set(&mut world, "ada", "ben", true);
        let found = by(&mut world, 51, "ben", direct("ada"));
        assert_eq!(found, Ok(Outcome::Existing(room_id(DIRECT))));
    }
}

#[test]
fn whoever_is_blocked_brings_the_blocker_nowhere() {
    let mut world = settled_world();
    set(&mut world, "dan", "ben", true);
    for room in [GROUP, PUBLIC] {
        assert_eq!(
            code(by(&mut world, room, "ben", add("dan"))),
            RefusalCode::Forbidden
        );
    }
    for kind in [ConversationKind::Group, ConversationKind::Channel] {
        let begun = by(&mut world, 50, "ben", new(kind, &["cleo", "dan"]));
        assert_eq!(code(begun), RefusalCode::Forbidden);
    }
    // The other way round it says nothing, nor for anybody else.
    assert!(
        by(
            &mut world,
            50,
            "dan",
            new(ConversationKind::Group, &["ben"])
        )
        .is_ok()
    );
    assert!(by(&mut world, GROUP, "ada", add("dan")).is_ok());
    // Who is a member already is not added.
    assert_eq!(
        by(&mut world, GROUP, "ben", add("dan")),
        Ok(Outcome::Unchanged)
    );
    // In a group both go on writing.
    for (number, name) in [(1, "ben"), (2, "dan")] {
        let said = by(&mut world, GROUP, name, Action::Send(says(number, "hello")));
        assert!(said.is_ok());
    }
    assert!(by(&mut world, PUBLIC, "dan", Action::Join).is_ok());
}

#[test]
fn nobody_blocks_themselves_or_somebody_unknown_or_too_many() {
    let mut world = settled_world();
    world.limits.blocks_max = 2;
    let mut set = |other: &str, on| {
        let changed = world.change_block(&user("ada"), &user(other), on);
        changed.map_err(|refusal| refusal.code)
    };
    assert_eq!(set("ada", true), Err(RefusalCode::Invalid));
    assert_eq!(set("nobody", true), Err(RefusalCode::NotFound));
    assert_eq!(set("nobody", false), Err(RefusalCode::NotFound));
    assert_eq!(set("ben", true), Ok(true));
    assert_eq!(set("cleo", true), Ok(true));
    assert_eq!(set("dan", true), Err(RefusalCode::TooLarge));
    assert_eq!(set("cleo", true), Ok(false));
    assert_eq!(set("ben", false), Ok(true));
    assert_eq!(set("dan", true), Ok(true));
}

//! The rules of a conversation: history, slow mode, announcements, calling everybody.

use tidemark_core::access::{Caller, Horizon};
use tidemark_core::conversation::{
    Action, Command, EventBody, History, Mentions, NewAmendment, NewMessage, Role, RulesChange,
    SettingsChange, Wish,
};
use tidemark_core::{Refusal, RefusalCode, Seq, Timestamp};

use crate::history::{command, room_id, says, settled_world, user};
use crate::world::{Outcome, World};

const DIRECT: usize = 0;
const GROUP: usize = 1;

fn at(world: &mut World, ms: i64, name: &str, action: Action) -> Result<Outcome, Refusal> {
    let caller = match name {
        "administrator" => Caller::Administrator,
        name => Caller::User(user(name)),
    };
    let command = command(room_id(GROUP), caller, action);
    world.execute(Command {
        at: Timestamp(ms),
        ..command
    })
}

fn code(answer: Result<Outcome, Refusal>) -> RefusalCode {
    answer.unwrap_err().code
}

fn rules(rules: RulesChange) -> Action {
    Action::ChangeSettings(SettingsChange {
        rules,
        ..SettingsChange::default()
    })
}

fn slow(seconds: u32) -> Action {
    rules(RulesChange {
        slow_mode_seconds: Some(seconds),
        ..RulesChange::default()
    })
}

fn to_all(number: u128) -> Action {
    Action::Send(NewMessage {
        mentions: Mentions::All,
        ..says(number, "hear, hear")
    })
}

#[test]
fn slow_mode_lets_one_message_through_in_so_many_seconds() {
    let mut world = settled_world();
    at(&mut world, 0, "ada", slow(30)).unwrap();
    at(&mut world, 5_000, "cleo", Action::Send(says(1, "first"))).unwrap();
    let early = at(&mut world, 15_000, "cleo", Action::Send(says(2, "second"))).unwrap_err();
    assert_eq!(
        (early.code, early.retry_after_ms),
        (RefusalCode::RateLimited, Some(20_000))
    );
    // A clock that was set back is nobody's fault.
    let early = at(&mut world, -90_000, "cleo", Action::Send(says(2, "second"))).unwrap_err();
    assert_eq!(early.retry_after_ms, Some(30_000));
    let again = at(&mut world, 15_001, "cleo", Action::Send(says(1, "first")));
    assert!(
        matches!(again, Ok(Outcome::Repeated { .. })),
        "what was accepted stays accepted"
    );
    at(&mut world, 35_000, "cleo", Action::Send(says(2, "second"))).unwrap();
    for name in ["ada", "ben", "administrator"] {
        for number in 10..13 {
            at(
                &mut world,
                35_000,
                name,
                Action::Send(says(number, "order!")),
            )
            .unwrap();
        }
    }
    assert_eq!(
        code(at(&mut world, 0, "ada", slow(86_401))),
        RefusalCode::Invalid
    );
    at(&mut world, 35_001, "ada", slow(0)).unwrap();
    at(&mut world, 35_002, "cleo", Action::Send(says(3, "third"))).unwrap();
}

#[test]
fn announcements_come_from_moderators_and_others_may_react() {
    let mut world = settled_world();
    let only = RulesChange {
        announcements_only: Some(true),
        ..RulesChange::default()
    };
    at(&mut world, 0, "ada", rules(only)).unwrap();
    assert_eq!(
        code(at(&mut world, 0, "cleo", Action::Send(says(1, "me too")))),
        RefusalCode::Forbidden
    );
    let promote = |role| Action::ChangeRole(user("cleo"), role);
    at(&mut world, 0, "ada", promote(Role::Moderator)).unwrap();
    let Ok(Outcome::Appended(events)) = at(&mut world, 0, "cleo", Action::Send(says(1, "me too")))
    else {
        panic!("moderators send");
    };
    at(&mut world, 0, "ada", promote(Role::Member)).unwrap();
    let emoji = tidemark_core::conversation::Emoji::parse("👍").unwrap();
    let wish = Wish::React { emoji, on: true };
    let react = NewAmendment {
        target: events[0].seq,
        client_id: None,
        wish,
    };
    at(&mut world, 0, "cleo", Action::Amend(react)).unwrap();
}

#[test]
fn calling_everybody_takes_the_role_that_the_conversation_says() {
    let mut world = settled_world();
    at(&mut world, 0, "cleo", to_all(1)).unwrap();
    let least = RulesChange {
        mention_all: Some(Role::Owner),
        ..RulesChange::default()
    };
    at(&mut world, 0, "ada", rules(least)).unwrap();
    assert_eq!(
        code(at(&mut world, 0, "cleo", to_all(2))),
        RefusalCode::Forbidden
    );
    let Ok(Outcome::Appended(events)) = at(&mut world, 0, "cleo", Action::Send(says(3, "you")))
    else {
        panic!("members send");
    };
    let wish = Wish::Edit {
        text: "all of you".to_owned(),
        mentions: Some(Mentions::All),
    };
    let edit = NewAmendment {
        target: events[0].seq,
        client_id: None,
        wish,
    };
    assert_eq!(
        code(at(&mut world, 0, "cleo", Action::Amend(edit))),
        RefusalCode::Forbidden
    );
    // Moderators and those above always may.
    at(&mut world, 0, "ben", to_all(4)).unwrap();
    at(&mut world, 0, "administrator", to_all(5)).unwrap();
}

#[test]
fn a_settings_event_says_what_changed_and_a_direct_conversation_has_no_rules() {
    let mut world = settled_world();
    let change = RulesChange {
        history: Some(History::SinceJoined),
        slow_mode_seconds: Some(0),
        announcements_only: Some(false),
        mention_all: Some(Role::Member),
    };
    let Ok(Outcome::Appended(events)) = at(&mut world, 0, "ada", rules(change.clone())) else {
        panic!("an owner may");
    };
    let EventBody::Settings { change: said, .. } = &events[0].body else {
        panic!("{events:?}");
    };
    let only_history = RulesChange {
        history: Some(History::SinceJoined),
        ..RulesChange::default()
    };
    assert_eq!(said.rules, only_history);
    let direct = command(room_id(DIRECT), Caller::User(user("ada")), rules(change));
    assert_eq!(code(world.execute(direct)), RefusalCode::Forbidden);
}

#[test]
fn a_newcomer_sees_nothing_of_before_they_came() {
    let mut world = settled_world();
    let Ok(Outcome::Appended(events)) = at(&mut world, 0, "cleo", Action::Send(says(1, "secret")))
    else {
        panic!("members send");
    };
    let secret = events[0].seq;
    let since = RulesChange {
        history: Some(History::SinceJoined),
        ..RulesChange::default()
    };
    at(&mut world, 0, "ada", rules(since)).unwrap();
    at(&mut world, 0, "ben", Action::RemoveMember(user("cleo"))).unwrap();
    let join = vec![tidemark_core::conversation::Joined {
        user: user("cleo"),
        role: Role::Admin,
    }];
    at(&mut world, 0, "ada", Action::AddMembers(join)).unwrap();

    let room = &world.rooms[&room_id(GROUP)];
    let floor = |name: &str| {
        let membership = room.memberships.get(&user(name));
        Horizon::of(&Caller::User(user(name)), &room.conversation, membership)
    };
    let horizon = floor("cleo");
    assert_eq!(
        horizon.visible_from(),
        Some(room.conversation.head),
        "rejoining: the last one"
    );
    assert_eq!(floor("ada").visible_from(), Seq::new(2));
    let all = Horizon::of(&Caller::Administrator, &room.conversation, None);
    assert_eq!(all.visible_from(), None);
    let floor = room.conversation.head;
    assert_eq!(horizon.after(Seq::ZERO).next(), floor);
    assert_eq!(horizon.after(floor), floor);

    let answer = NewMessage {
        reply_to: Some(secret),
        ..says(2, "that one")
    };
    assert_eq!(
        code(at(&mut world, 0, "cleo", Action::Send(answer.clone()))),
        RefusalCode::Invalid
    );
    at(&mut world, 0, "ada", Action::Send(answer)).unwrap();
    let wishes = [Wish::Delete, Wish::Pin { on: true }];
    for wish in wishes {
        let hidden = NewAmendment {
            target: secret,
            client_id: None,
            wish: wish.clone(),
        };
        let nothing = NewAmendment {
            target: Seq::new(99).unwrap(),
            client_id: None,
            wish,
        };
        let hidden = at(&mut world, 0, "cleo", Action::Amend(hidden));
        assert_eq!(hidden, at(&mut world, 0, "cleo", Action::Amend(nothing)));
        assert_eq!(code(hidden), RefusalCode::NotFound);
    }

    let edit = |target| {
        EventBody::Amendment(tidemark_core::conversation::Amendment {
            target,
            by: user("ada"),
            client_id: None,
            change: tidemark_core::conversation::Change::Edit {
                text: "secret".to_owned(),
                mentions: Mentions::All,
            },
        })
    };
    let (mut hidden, mut seen) = (edit(secret), edit(floor));
    horizon.hide(&mut hidden);
    horizon.hide(&mut seen);
    assert_eq!(hidden.text_bytes(), 0);
    assert_eq!(seen, edit(floor));
}

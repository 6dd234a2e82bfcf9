//! Who is let in by a code, how often and how long.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, CodeHash, Command, EventBody, NewInvite, Role};
use tidemark_core::{InviteId, Limits, Refusal, RefusalCode, Timestamp};
use uuid::Uuid;

use crate::history::{command, room_id, settled_world, user};
use crate::world::{Outcome, World};

const CHANNEL: usize = 3;

fn at(world: &mut World, ms: i64, name: &str, action: Action) -> Result<Outcome, Refusal> {
    let caller = match name {
        "administrator" => Caller::Administrator,
        name => Caller::User(user(name)),
    };
    let command = command(room_id(CHANNEL), caller, action);
    world.execute(Command {
        at: Timestamp(ms),
        ..command
    })
}

fn invite(number: u8) -> NewInvite {
    NewInvite {
        id: id(number),
        code: CodeHash([number; 32]),
        role: Role::Guest,
        expires_in_ms: None,
        uses_max: None,
    }
}

fn id(number: u8) -> InviteId {
    InviteId(Uuid::from_u128(number.into()))
}

fn join(number: u8) -> Action {
    Action::JoinByInvite(CodeHash([number; 32]))
}

fn code(answer: Result<Outcome, Refusal>) -> RefusalCode {
    answer.unwrap_err().code
}

#[test]
fn a_code_lets_in_as_what_it_says_and_the_event_names_the_invite() {
    let mut world = settled_world();
    at(&mut world, 0, "ada", Action::Invite(invite(7))).unwrap();
    let Ok(Outcome::Appended(events)) = at(&mut world, 1, "dan", join(7)) else {
        panic!("the code is good");
    };
    let EventBody::Members(change) = &events[0].body else {
        panic!("{events:?}");
    };
    assert_eq!((&change.by, change.invite), (&user("dan"), Some(id(7))));
    assert_eq!(change.joined[0].role, Role::Guest);
    assert_eq!(at(&mut world, 2, "dan", join(7)), Ok(Outcome::Unchanged));
    assert_eq!(
        world.rooms[&room_id(CHANNEL)].invites[0].uses,
        1,
        "a member takes no use"
    );
}

#[test]
fn the_last_use_is_the_last_one() {
    let mut world = settled_world();
    at(
        &mut world,
        0,
        "ada",
        Action::Invite(NewInvite {
            uses_max: Some(1),
            ..invite(1)
        }),
    )
    .unwrap();
    at(&mut world, 1, "dan", join(1)).unwrap();
    let too_late = at(&mut world, 1, "eve", join(1));
    assert_eq!(
        too_late,
        at(&mut world, 1, "eve", join(9)),
        "like an unknown code"
    );
    assert_eq!(code(too_late), RefusalCode::NotFound);
    assert_eq!(
        at(&mut world, 2, "dan", join(1)),
        Ok(Outcome::Unchanged),
        "a retry finds all well"
    );
}

#[test]
fn expired_and_revoked_codes_are_like_unknown_ones() {
    let mut world = settled_world();
    let unknown = at(&mut world, 0, "dan", join(9));
    at(
        &mut world,
        0,
        "ada",
        Action::Invite(NewInvite {
            expires_in_ms: Some(10),
            ..invite(1)
        }),
    )
    .unwrap();
    at(&mut world, 0, "ada", Action::Invite(invite(2))).unwrap();
    at(&mut world, 0, "ben", Action::RevokeInvite(id(2))).unwrap();
    assert_eq!(at(&mut world, 10, "dan", join(1)), unknown);
    assert_eq!(at(&mut world, 10, "dan", join(2)), unknown);
    assert!(at(&mut world, 9, "dan", join(1)).is_ok());
    assert_eq!(
        code(at(&mut world, 0, "ben", Action::RevokeInvite(id(2)))),
        RefusalCode::NotFound
    );
}

#[test]
fn the_banned_are_told_so_and_an_api_key_does_not_join() {
    let mut world = settled_world();
    at(&mut world, 0, "administrator", Action::Invite(invite(1))).unwrap();
    at(&mut world, 0, "ben", Action::Ban(user("dan"), None)).unwrap();
    assert_eq!(
        code(at(&mut world, 1, "dan", join(1))),
        RefusalCode::Forbidden
    );
    assert_eq!(
        code(at(&mut world, 1, "administrator", join(1))),
        RefusalCode::Forbidden
    );
}

#[test]
fn what_makes_no_sense_or_is_too_much_is_refused() {
    let mut world = settled_world();
    world.limits = Limits {
        invites_max: 2,
        ..Limits::default()
    };
    for bad in [
        NewInvite {
            role: Role::Moderator,
            ..invite(1)
        },
        NewInvite {
            uses_max: Some(0),
            ..invite(1)
        },
        NewInvite {
            expires_in_ms: Some(0),
            ..invite(1)
        },
        NewInvite {
            expires_in_ms: Some(u64::MAX),
            ..invite(1)
        },
    ] {
        assert_eq!(
            code(at(&mut world, 0, "ada", Action::Invite(bad))),
            RefusalCode::Invalid
        );
    }
    at(
        &mut world,
        0,
        "ada",
        Action::Invite(NewInvite {
            expires_in_ms: Some(5),
            ..invite(1)
        }),
    )
    .unwrap();
    at(&mut world, 0, "ada", Action::Invite(invite(2))).unwrap();
    assert_eq!(
        code(at(&mut world, 1, "ada", Action::Invite(invite(3)))),
        RefusalCode::TooLarge
    );
    at(&mut world, 5, "ada", Action::Invite(invite(3))).unwrap();
    assert_eq!(
        world.rooms[&room_id(CHANNEL)].invites.len(),
        2,
        "what has ended is not kept"
    );
}

//! Keeping people out, letting them in again, and handing a conversation over.

use tidemark_core::access::{Caller, Standing};
use tidemark_core::conversation::{
    Action, DeleteReason, EventBody, Joined, MembersChange, NewAmendment, Role, Wish,
};
use tidemark_core::{Refusal, RefusalCode, Seq};

use crate::history::{command, room_id, says, settled_world, user};
use crate::world::{Outcome, World};

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

fn members_change(answer: Result<Outcome, Refusal>) -> MembersChange {
    match answer.unwrap() {
        Outcome::Appended(events) => match &events[0].body {
            EventBody::Members(change) => change.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn ban(name: &str) -> Action {
    Action::Ban(user(name), None)
}

fn standing(world: &World, room: usize, name: &str) -> Standing {
    let membership = world.rooms[&room_id(room)].memberships.get(&user(name));
    Standing::of(&Caller::User(user(name)), membership)
}

#[test]
fn a_ban_removes_and_keeps_out_until_it_is_lifted() {
    let mut world = settled_world();
    let reason = Some("spam".to_owned());
    let banned = by(
        &mut world,
        GROUP,
        "ben",
        Action::Ban(user("cleo"), reason.clone()),
    );
    let change = members_change(banned);
    assert_eq!(
        (&change.left, &change.banned),
        (&vec![user("cleo")], &vec![user("cleo")])
    );
    assert_eq!(change.reason, reason);
    assert_eq!(world.rooms[&room_id(GROUP)].conversation.members, 2);
    assert_eq!(standing(&world, GROUP, "cleo"), Standing::Banned);

    let add = || {
        Action::AddMembers(vec![Joined {
            user: user("cleo"),
            role: Role::Member,
        }])
    };
    let refused = by(&mut world, GROUP, "ada", add()).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Forbidden);
    assert!(refused.detail.contains("banned"), "{refused}");
    assert_eq!(
        by(&mut world, GROUP, "ben", ban("cleo")),
        Ok(Outcome::Unchanged)
    );

    let lifted = members_change(by(&mut world, GROUP, "ben", Action::Unban(user("cleo"))));
    assert_eq!(lifted.unbanned, [user("cleo")]);
    assert_eq!(standing(&world, GROUP, "cleo"), Standing::Former);
    assert_eq!(
        code(by(&mut world, GROUP, "ben", Action::Unban(user("cleo")))),
        RefusalCode::NotFound
    );
    assert_eq!(
        members_change(by(&mut world, GROUP, "ada", add()))
            .joined
            .len(),
        1
    );
}

#[test]
fn whoever_never_was_a_member_can_be_banned_and_does_not_count_as_one() {
    let mut world = settled_world();
    let change = members_change(by(&mut world, PUBLIC, "ben", ban("dan")));
    assert!(change.left.is_empty());
    assert_eq!(world.rooms[&room_id(PUBLIC)].conversation.members, 2);
    assert_eq!(
        code(by(&mut world, PUBLIC, "dan", Action::Join)),
        RefusalCode::Forbidden
    );
    by(&mut world, PUBLIC, "ben", Action::Unban(user("dan"))).unwrap();
    by(&mut world, PUBLIC, "dan", Action::Join).unwrap();
    assert_eq!(world.rooms[&room_id(PUBLIC)].conversation.members, 3);
    assert_eq!(
        code(by(&mut world, PUBLIC, "ben", ban("nobody"))),
        RefusalCode::NotFound
    );
}

#[test]
fn nobody_bans_or_removes_who_is_not_below_them() {
    let mut world = settled_world();
    let promote = Action::ChangeRole(user("cleo"), Role::Moderator);
    by(&mut world, GROUP, "ben", promote).unwrap();
    by(
        &mut world,
        GROUP,
        "ada",
        Action::AddMembers(vec![Joined {
            user: user("dan"),
            role: Role::Moderator,
        }]),
    )
    .unwrap();
    for name in ["ada", "ben", "dan"] {
        assert_eq!(
            code(by(&mut world, GROUP, "cleo", ban(name))),
            RefusalCode::Forbidden
        );
        let remove = Action::RemoveMember(user(name));
        assert_eq!(
            code(by(&mut world, GROUP, "cleo", remove)),
            RefusalCode::Forbidden
        );
    }
    assert_eq!(
        code(by(&mut world, GROUP, "ada", ban("ada"))),
        RefusalCode::Invalid
    );
    let member = Action::ChangeRole(user("dan"), Role::Guest);
    by(&mut world, GROUP, "ben", member).unwrap();
    by(&mut world, GROUP, "cleo", Action::RemoveMember(user("dan"))).unwrap();
}

#[test]
fn an_owner_hands_over_and_stays_as_an_admin_in_one_event() {
    let mut world = settled_world();
    let to_cleo = || Action::HandOver(user("cleo"));
    for name in ["ben", "cleo", "administrator"] {
        assert_eq!(
            code(by(&mut world, GROUP, name, to_cleo())),
            RefusalCode::Forbidden
        );
    }
    let to_nobody = Action::HandOver(user("eve"));
    assert_eq!(
        code(by(&mut world, GROUP, "ada", to_nobody)),
        RefusalCode::NotFound
    );
    let change = members_change(by(&mut world, GROUP, "ada", to_cleo()));
    let roles = change.roles.iter().map(|one| (one.user.as_str(), one.role));
    assert_eq!(
        roles.collect::<Vec<_>>(),
        [("cleo", Role::Owner), ("ada", Role::Admin)]
    );
    assert_eq!(
        standing(&world, GROUP, "ada"),
        Standing::Member(Role::Admin)
    );
    assert_eq!(
        standing(&world, GROUP, "cleo"),
        Standing::Member(Role::Owner)
    );

    // Between two owners, only the one who goes gets another role.
    by(
        &mut world,
        GROUP,
        "cleo",
        Action::ChangeRole(user("ada"), Role::Owner),
    )
    .unwrap();
    let change = members_change(by(&mut world, GROUP, "ada", to_cleo()));
    let roles = change.roles.iter().map(|one| (one.user.as_str(), one.role));
    assert_eq!(roles.collect::<Vec<_>>(), [("ada", Role::Admin)]);
}

#[test]
fn a_moderator_deletes_what_others_wrote() {
    let mut world = settled_world();
    let sent = by(&mut world, GROUP, "ada", Action::Send(says(1, "hello"))).unwrap();
    let Outcome::Appended(events) = sent else {
        panic!("{sent:?}");
    };
    let delete = |target: Seq| {
        Action::Amend(NewAmendment {
            target,
            client_id: None,
            wish: Wish::Delete,
        })
    };
    let delete = || delete(events[0].seq);
    assert_eq!(
        code(by(&mut world, GROUP, "cleo", delete())),
        RefusalCode::Forbidden
    );
    by(
        &mut world,
        GROUP,
        "ada",
        Action::ChangeRole(user("cleo"), Role::Moderator),
    )
    .unwrap();
    let Ok(Outcome::Appended(events)) = by(&mut world, GROUP, "cleo", delete()) else {
        panic!("a moderator may");
    };
    let change = &events[0].body.as_amendment().unwrap().change;
    let by_moderator = tidemark_core::conversation::Change::Delete {
        reason: DeleteReason::Moderator,
        thread: None,
    };
    assert_eq!(*change, by_moderator);
}

#[test]
fn the_last_owner_stays_while_others_are_in() {
    let mut world = settled_world();
    let role = |name: &str, role| Action::ChangeRole(user(name), role);
    let attempts = [
        ("ada", Action::Leave),
        ("ada", Action::RemoveMember(user("ada"))),
        ("ada", role("ada", Role::Admin)),
        ("administrator", Action::RemoveMember(user("ada"))),
        ("administrator", role("ada", Role::Guest)),
        ("administrator", Action::Ban(user("ada"), None)),
    ];
    for (name, action) in &attempts {
        let answer = by(&mut world, GROUP, name, action.clone());
        assert_eq!(code(answer), RefusalCode::Conflict, "{name} {action:?}");
    }
    // Everybody else goes as before, and so does an owner beside another one.
    by(&mut world, GROUP, "ben", Action::Leave).unwrap();
    by(&mut world, GROUP, "ada", role("cleo", Role::Owner)).unwrap();
    for (name, action) in attempts {
        let mut world = world.clone();
        by(&mut world, GROUP, name, action).unwrap();
    }
    by(&mut world, GROUP, "ada", role("ada", Role::Admin)).unwrap();
    let left = by(&mut world, GROUP, "cleo", Action::Leave);
    assert_eq!(code(left), RefusalCode::Conflict);
    // Whoever is the only one may go.
    by(&mut world, GROUP, "cleo", Action::RemoveMember(user("ada"))).unwrap();
    by(&mut world, GROUP, "cleo", Action::Leave).unwrap();
}

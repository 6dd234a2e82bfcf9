//! To whoever is not in it, a private conversation does not exist.

use proptest::prelude::*;
use tidemark_core::access::{Caller, Operation, permit_in};
use tidemark_core::conversation::{Action, ConversationKind, Visibility};
use tidemark_core::{RefusalCode, UserId};

use crate::history::{action, command, lived_in_world, person, unknown_room};
use crate::world::{Room, World};

/// The conversations in which `user` has no part, neither now nor ever or not any more.
fn rooms_without<'a>(world: &'a World, user: &'a UserId) -> impl Iterator<Item = &'a Room> {
    world.rooms.values().filter(move |room| {
        let membership = room.memberships.get(user);
        !membership.is_some_and(tidemark_core::conversation::Membership::is_current)
    })
}

fn is_banned(room: &Room, user: &UserId) -> bool {
    let membership = room.memberships.get(user);
    membership.is_some_and(|membership| membership.banned.is_some())
}

proptest! {
    #[test]
    fn a_private_conversation_answers_outsiders_like_an_unknown_id(
        world in lived_in_world(),
        user in person(),
        action in action(),
    ) {
        prop_assume!(!matches!(action, Action::Create(_)));
        let caller = Caller::User(user.clone());
        let mut world_after = world.clone();
        let unknown = world_after.execute(command(unknown_room(), caller.clone(), action.clone()));
        prop_assert_eq!(unknown.as_ref().unwrap_err().code, RefusalCode::NotFound);

        for room in rooms_without(&world, &user) {
            let id = room.conversation.id;
            let answer = world_after.execute(command(id, caller.clone(), action.clone()));
            match (room.conversation.visibility, &action) {
                (Visibility::Private, Action::JoinByInvite(_)) => {
                    prop_assert!(answer.is_ok() || answer == unknown || is_banned(room, &user)
                        || room.conversation.kind == ConversationKind::Group);
                    world_after = world.clone();
                }
                (Visibility::Private, _) => prop_assert_eq!(&answer, &unknown),
                (Visibility::Public, Action::JoinByInvite(_)) => {
                    // Whoever holds a code is let in, or hears the same as for any other.
                    if answer.is_err() {
                        let code = answer.unwrap_err().code;
                        prop_assert!(code == RefusalCode::NotFound || is_banned(room, &user));
                    }
                    world_after = world.clone();
                }
                (Visibility::Public, Action::Join) => {
                    prop_assert_eq!(answer.is_err(), is_banned(room, &user));
                    world_after = world.clone();
                }
                (Visibility::Public, _) => {
                    prop_assert_eq!(answer.unwrap_err().code, RefusalCode::Forbidden);
                }
            }
            prop_assert_eq!(&world_after, &world);
        }
    }

    #[test]
    fn an_outsider_reads_nothing(world in lived_in_world(), user in person()) {
        let caller = Caller::User(user.clone());
        let unknown = permit_in(Operation::Read, &caller, None, None).unwrap_err();
        for room in rooms_without(&world, &user) {
            let membership = room.memberships.get(&user);
            let conversation = Some(&room.conversation);
            let read = permit_in(Operation::Read, &caller, conversation, membership);
            let see = permit_in(Operation::See, &caller, conversation, membership);
            match room.conversation.visibility {
                Visibility::Private => {
                    prop_assert_eq!(read.as_ref(), Err(&unknown));
                    prop_assert_eq!(see.as_ref(), Err(&unknown));
                }
                Visibility::Public => {
                    prop_assert_eq!(read.unwrap_err().code, RefusalCode::Forbidden);
                    prop_assert!(see.is_ok());
                }
            }
        }
    }
}

//! Unread by subtraction equals unread by counting.

use proptest::prelude::*;
use tidemark_core::UserId;
use tidemark_core::conversation::Membership;

use crate::history::{history, lived_in_world, settled_world};
use crate::world::Room;

/// Unread and mentions as a person would count them: message by message.
fn recount(room: &Room, user: &UserId, membership: &Membership) -> (u64, u64) {
    let above = room.events().filter(|event| event.seq > membership.read);
    let others: Vec<_> = above
        .filter_map(|event| event.body.as_message())
        .filter(|message| message.sender != *user && !message.is_redacted())
        .collect();
    let mentions = others.iter().filter(|one| one.mentions.includes(user));
    (others.len() as u64, mentions.count() as u64)
}

proptest! {
    #[test]
    fn unread_by_ordinals_is_what_a_recount_gives(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let conversation = command.conversation;
            let _ = world.execute(command);
            let Some(room) = world.rooms.get(&conversation) else { continue };
            for (user, membership) in room.members() {
                let (unread, mentions) = recount(room, user, membership);
                prop_assert_eq!(room.unread(user), unread, "{}", user);
                prop_assert!(mentions <= unread);
            }
        }
    }

    #[test]
    fn every_tally_counts_the_messages_up_to_its_place(world in lived_in_world()) {
        for room in world.rooms.values() {
            let mut messages = 0;
            let mut by_author = std::collections::BTreeMap::new();
            for logged in &room.log {
                if let Some(message) = logged.event.body.as_message() {
                    messages += 1;
                    let own = by_author.entry(&message.sender).or_insert(0);
                    *own += 1;
                    prop_assert_eq!(logged.tally.own, *own);
                }
                prop_assert_eq!(logged.tally.messages, messages);
            }
            prop_assert_eq!(room.conversation.messages, messages);
            for (user, membership) in &room.memberships {
                let sent = by_author.get(user).copied().unwrap_or(0);
                prop_assert_eq!(membership.sent, sent, "{}", user);
            }
        }
    }

    #[test]
    fn a_read_cursor_only_grows_and_never_passes_the_head(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let before = world.clone();
            let _ = world.execute(command);
            for (id, room) in &world.rooms {
                for (user, membership) in &room.memberships {
                    let was = before.rooms.get(id).and_then(|room| room.memberships.get(user));
                    prop_assert!(was.is_none_or(|was| was.read <= membership.read), "{}", user);
                    prop_assert!(membership.read <= room.conversation.head);
                }
            }
        }
    }

    #[test]
    fn nobody_who_just_came_has_anything_unread(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
            for room in world.rooms.values() {
                for (user, membership) in room.members() {
                    prop_assert!(membership.read >= membership.joined);
                    if membership.joined == room.conversation.head {
                        prop_assert_eq!(room.unread(user), 0);
                    }
                }
            }
        }
    }
}

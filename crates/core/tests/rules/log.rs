//! The order of a conversation.

use proptest::prelude::*;
use tidemark_core::Seq;

use crate::history::{history, settled_world};
use crate::world::Outcome;

proptest! {
    #[test]
    fn every_log_is_gapless_from_one_and_ends_at_the_head(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
        }
        for room in world.rooms.values() {
            let mut expected = Seq::ZERO;
            for event in room.events() {
                expected = expected.next();
                prop_assert_eq!(event.seq, expected);
                prop_assert_eq!(event.conversation, room.conversation.id);
            }
            prop_assert_eq!(room.conversation.head, expected);
        }
    }

    #[test]
    fn what_is_in_the_log_stays_but_for_what_a_deletion_takes_out(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let before = world.clone();
            let _ = world.execute(command);
            for (id, room) in &before.rooms {
                let mut deleted = world.rooms[id].events().filter_map(|event| event.body.deletes());
                let mut expected = room.log.clone();
                // Only the last event can be a deletion that was not there before.
                if let Some(target) = deleted.next_back() {
                    for logged in &mut expected {
                        let amends = logged.event.body.as_amendment();
                        if logged.event.seq == target || amends.is_some_and(|one| one.target == target) {
                            logged.event.body.redact();
                        }
                    }
                }
                prop_assert!(world.rooms[id].log.starts_with(&expected));
            }
        }
    }

    #[test]
    fn only_an_append_changes_a_log_and_a_refusal_changes_nothing(commands in history()) {
        let mut world = settled_world();
        for command in commands {
            let conversation = command.conversation;
            let before = world.clone();
            match world.execute(command) {
                Ok(Outcome::Appended(events)) => {
                    let log = &world.rooms[&conversation].log;
                    let held = before.rooms.get(&conversation).map_or(0, |room| room.log.len());
                    let added: Vec<_> = log[held..].iter().map(|logged| &logged.event).collect();
                    prop_assert!(!events.is_empty());
                    prop_assert_eq!(added, events.iter().collect::<Vec<_>>());
                }
                Ok(Outcome::Moved(_) | Outcome::Invites) => {
                    prop_assert_eq!(&world.rooms[&conversation].log, &before.rooms[&conversation].log);
                }
                Ok(_) | Err(_) => prop_assert_eq!(&world, &before),
            }
        }
    }
}

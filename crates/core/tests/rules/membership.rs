//! Who is in, with which role, and who may change that.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tidemark_core::UserId;
use tidemark_core::conversation::{
    ConversationKind, EventBody, MembersChange, Role, SettingsChange,
};

use crate::history::lived_in_world;
use crate::world::Room;

type Roles = BTreeMap<UserId, Role>;

/// Replays a log as a person would: who came is in, who left is out.
fn roles_after(room: &Room, mut look: impl FnMut(&Roles, &MembersChange)) -> Roles {
    let mut roles = Roles::new();
    for event in room.events() {
        if let EventBody::Members(change) = &event.body {
            look(&roles, change);
            for joined in change.joined.iter().chain(&change.roles) {
                roles.insert(joined.user.clone(), joined.role);
            }
            for user in &change.left {
                roles.remove(user);
            }
        }
    }
    roles
}

/// What `by` must be to make this change: nothing for oneself, more than those whom it is about, and an owner for
/// admins and owners.
fn role_needed(roles: &Roles, change: &MembersChange) -> Option<Role> {
    let others = |user: &&UserId| **user != change.by;
    let comes = change
        .joined
        .iter()
        .filter(|one| one.user != change.by)
        .map(|one| one.role);
    let goes = change.left.iter().filter(others).map(|user| roles[user]);
    let changes = change
        .roles
        .iter()
        .flat_map(|one| [roles[&one.user], one.role]);
    let comes: Vec<Role> = comes.collect();
    let least = if comes.is_empty() && change.roles.is_empty() {
        Role::Moderator
    } else {
        Role::Admin
    };
    let highest = comes.into_iter().chain(goes).chain(changes).max()?;
    Some(match highest {
        Role::Guest | Role::Member => least,
        Role::Moderator => Role::Admin,
        Role::Admin | Role::Owner => Role::Owner,
    })
}

proptest! {
    #[test]
    fn memberships_are_what_the_log_says(world in lived_in_world()) {
        for room in world.rooms.values() {
            let replayed = roles_after(room, |_, _| {});
            let kept: Roles = room
                .members()
                .map(|(user, membership)| (user.clone(), membership.role))
                .collect();
            prop_assert_eq!(&replayed, &kept);
            prop_assert_eq!(room.conversation.members, kept.len() as u64);
        }
    }

    #[test]
    fn nobody_joins_twice_or_leaves_without_being_in(world in lived_in_world()) {
        for room in world.rooms.values() {
            roles_after(room, |roles, change| {
                assert!(change.joined.iter().all(|one| !roles.contains_key(&one.user)));
                assert!(change.left.iter().all(|user| roles.contains_key(user)));
                assert!(change.roles.iter().all(|one| roles[&one.user] != one.role));
            });
        }
    }

    #[test]
    fn only_owners_deal_with_admins_and_owners(world in lived_in_world()) {
        for room in world.rooms.values() {
            roles_after(room, |roles, change| {
                let is_first = roles.is_empty();
                if !is_first && change.by != UserId::administrator()
                    && let Some(needed) = role_needed(roles, change)
                {
                    let has = roles.get(&change.by);
                    assert!(has.is_some_and(|has| *has >= needed), "{change:?} by a {has:?}");
                }
            });
        }
    }

    #[test]
    fn a_direct_conversation_keeps_its_two_people(world in lived_in_world()) {
        for room in world.rooms.values() {
            if room.conversation.kind == ConversationKind::Direct {
                prop_assert_eq!(room.members().count(), 2);
                let amendments = room.events().filter_map(|event| event.body.as_amendment());
                let said = room.conversation.messages + amendments.count() as u64;
                prop_assert_eq!(room.conversation.head.get() - said, 2);
            }
        }
    }

    #[test]
    fn a_pair_of_people_has_at_most_one_direct_conversation(world in lived_in_world()) {
        let mut pairs: Vec<Vec<&UserId>> = world
            .rooms
            .values()
            .filter(|room| room.conversation.kind == ConversationKind::Direct)
            .map(|room| room.memberships.keys().collect())
            .collect();
        let all = pairs.len();
        pairs.sort();
        pairs.dedup();
        prop_assert_eq!(pairs.len(), all);
    }

    #[test]
    fn a_group_is_never_over_its_limit(world in lived_in_world()) {
        for room in world.rooms.values() {
            if room.conversation.kind == ConversationKind::Group {
                prop_assert!(room.conversation.members <= world.limits.group_members_max);
            }
        }
    }

    #[test]
    fn settings_are_what_the_log_says_and_no_event_is_empty(world in lived_in_world()) {
        for room in world.rooms.values() {
            let conversation = &room.conversation;
            let (mut title, mut topic, mut days) = (None, None, None);
            for event in room.events() {
                match &event.body {
                    EventBody::Created { title: first, .. } => title.clone_from(first),
                    EventBody::Settings { change, .. } => {
                        prop_assert_ne!(change, &SettingsChange::default());
                        title = change.title.clone().unwrap_or(title);
                        topic = change.topic.clone().unwrap_or(topic);
                        days = change.retention_days.unwrap_or(days);
                    }
                    EventBody::Members(_) | EventBody::Message(_) | EventBody::Amendment(_) => {}
                }
            }
            prop_assert_eq!(&title, &conversation.title);
            prop_assert_eq!(&topic, &conversation.topic);
            prop_assert_eq!(days, conversation.retention_days);
        }
    }
}

//! A timeline folded on a device equals the log, however the events arrive.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tidemark_core::Seq;
use tidemark_core::conversation::Event;
use tidemark_core::timeline::{Applied, Timeline, TimelineMessage};

use crate::history::lived_in_world;
use crate::world::Room;

fn messages_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<TimelineMessage> {
    events
        .into_iter()
        .filter_map(|event| TimelineMessage::from_event(event.clone()))
        .collect()
}

fn messages_in(timeline: &Timeline) -> Vec<TimelineMessage> {
    timeline.messages().cloned().collect()
}

/// Does what a device does: offers what arrived, and on a gap asks for what lies between.
fn offer(timeline: &mut Timeline, room: &Room, event: &Event) {
    if let Applied::Gap { after } = timeline.apply(event) {
        let missing = room
            .events()
            .filter(|one| one.seq > after && one.seq <= event.seq);
        for event in missing {
            assert_eq!(timeline.apply(event), Applied::New);
        }
    }
}

proptest! {
    #[test]
    fn a_timeline_holds_the_messages_of_the_log(world in lived_in_world()) {
        for room in world.rooms.values() {
            let mut timeline = Timeline::default();
            for event in room.events() {
                prop_assert_eq!(timeline.apply(event), Applied::New);
            }
            prop_assert_eq!(timeline.head(), room.conversation.head);
            prop_assert_eq!(timeline.title(), room.conversation.title.as_deref());
            prop_assert_eq!(messages_in(&timeline), messages_of(room.events()));
        }
    }

    #[test]
    fn loss_repetition_and_disorder_on_the_way_change_nothing_in_the_end(
        world in lived_in_world(),
        arrivals in vec(any::<Index>(), 1..60),
    ) {
        for room in world.rooms.values() {
            let mut timeline = Timeline::default();
            for which in &arrivals {
                offer(&mut timeline, room, &which.get(&room.log).event);
                let held = room.events().filter(|event| event.seq <= timeline.head());
                prop_assert_eq!(messages_in(&timeline), messages_of(held));
            }
            offer(&mut timeline, room, &room.log.last().unwrap().event);
            prop_assert_eq!(messages_in(&timeline), messages_of(room.events()));
        }
    }

    #[test]
    fn a_timeline_that_starts_later_shows_what_came_after(
        world in lived_in_world(),
        start in any::<Index>(),
    ) {
        for room in world.rooms.values() {
            let start = Seq::new(start.index(room.log.len()) as u64).unwrap();
            let mut timeline = Timeline::starting_after(start);
            for event in room.events() {
                let expected = if event.seq <= start { Applied::Held } else { Applied::New };
                prop_assert_eq!(timeline.apply(event), expected);
            }
            let after = room.events().filter(|event| event.seq > start);
            prop_assert_eq!(messages_in(&timeline), messages_of(after));
        }
    }
}

//! A timeline folded on a device equals the log, however the events arrive.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tidemark_core::conversation::{Amendment, Change, Emoji, Event, Mark, Mentions, Message};
use tidemark_core::timeline::{
    Applied, PARTICIPANTS_MAX, Reaction, Replies, Timeline, TimelineMessage,
};
use tidemark_core::{Seq, UserId};

use crate::history::{lived_in_world, user};
use crate::world::Room;

fn ada() -> UserId {
    user("ada")
}

/// What ada sees of each message, found by looking through all events for each, and not in their order.
fn messages_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<TimelineMessage> {
    let events: Vec<_> = events.into_iter().collect();
    let with_replies = |mut message: TimelineMessage| {
        message.replies = replies_of(message.seq, &events);
        message
    };
    let messages = events.iter().filter_map(|event| {
        let message = event.body.as_message()?.clone();
        let changes: Vec<_> = events
            .iter()
            .filter_map(|event| Some((event, event.body.as_amendment()?)))
            .filter(|(_, amendment)| amendment.target == event.seq)
            .collect();
        Some(with_replies(message_of(event, message, &changes)))
    });
    messages.collect()
}

/// The thread below a message, counted reply by reply.
fn replies_of(root: Seq, events: &[&Event]) -> Option<Replies> {
    let replies: Vec<_> = events
        .iter()
        .filter_map(|event| Some((event, event.body.as_message()?)))
        .filter(|(_, message)| message.thread.is_some_and(|thread| thread.root == root))
        .collect();
    let places: BTreeSet<_> = replies.iter().map(|(event, _)| event.seq).collect();
    let deleted = events
        .iter()
        .filter_map(|event| event.body.deletes())
        .filter(|target| places.contains(target));
    let mut people: Vec<UserId> = Vec::new();
    for (_, message) in replies.iter().rev() {
        if !people.contains(&message.sender) {
            people.push(message.sender.clone());
        }
    }
    let (last, _) = replies.last()?;
    Some(Replies {
        count: (replies.len() - deleted.count()) as u64,
        participant_count: people.len() as u64,
        participants: people.into_iter().take(PARTICIPANTS_MAX).collect(),
        last: Mark {
            seq: last.seq,
            at: last.at,
        },
    })
}

fn message_of(
    event: &Event,
    mut message: Message,
    changes: &[(&&Event, &Amendment)],
) -> TimelineMessage {
    let changes_with =
        |wanted: fn(&Change) -> bool| changes.iter().filter(move |(_, one)| wanted(&one.change));
    let is_gone = changes_with(|change| matches!(change, Change::Delete { .. })).count() > 0
        || message.text.is_empty();
    if is_gone {
        message.text = String::new();
        message.mentions = Mentions::default();
        let mut gone = TimelineMessage::new(event.seq, event.at, message);
        gone.deleted = true;
        return gone;
    }
    let mut edited_at = None;
    let last = changes_with(|change| matches!(change, Change::Edit { .. })).next_back();
    if let Some((
        event,
        Amendment {
            change: Change::Edit { text, mentions },
            ..
        },
    )) = last
    {
        message.text.clone_from(text);
        message.mentions.clone_from(mentions);
        edited_at = Some(event.at);
    }
    let pin = changes_with(|change| matches!(change, Change::Pin { .. })).next_back();
    let pinned = pin.is_some_and(|(_, one)| one.change == Change::Pin { on: true });
    TimelineMessage {
        edited_at,
        pinned,
        reactions: reactions_of(changes),
        ..TimelineMessage::new(event.seq, event.at, message)
    }
}

fn reactions_of(changes: &[(&&Event, &Amendment)]) -> Vec<Reaction> {
    let mut by_emoji: Vec<(&Emoji, BTreeSet<&UserId>)> = Vec::new();
    for (_, amendment) in changes {
        if let Change::Reaction { emoji, on } = &amendment.change {
            if by_emoji.iter().all(|(known, _)| *known != emoji) {
                by_emoji.push((emoji, BTreeSet::new()));
            }
            for (_, people) in by_emoji.iter_mut().filter(|(known, _)| *known == emoji) {
                match on {
                    true => people.insert(&amendment.by),
                    false => people.remove(&amendment.by),
                };
            }
            by_emoji.retain(|(_, people)| !people.is_empty());
        }
    }
    let shown = by_emoji.into_iter().map(|(emoji, people)| Reaction {
        emoji: emoji.clone(),
        count: people.len() as u64,
        mine: people.contains(&ada()),
    });
    shown.collect()
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
            let mut timeline = Timeline::default().viewed_by(ada());
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
            let mut timeline = Timeline::default().viewed_by(ada());
            for which in &arrivals {
                offer(&mut timeline, room, &which.get(&room.log).event);
                let held = room.events().filter(|event| event.seq <= timeline.head());
                prop_assert_eq!(messages_in(&timeline), messages_of(held));
            }
            offer(&mut timeline, room, &room.log.last().unwrap().event);
            prop_assert_eq!(messages_in(&timeline), messages_of(room.events()));
        }
    }

    /// A page of the past of any age, put in front before or after what happened since, ends as the log does.
    #[test]
    fn a_page_of_any_age_ends_with_the_threads_of_the_log(
        world in lived_in_world(),
        head in any::<Index>(),
        as_of in any::<Index>(),
    ) {
        for room in world.rooms.values() {
            let events: Vec<_> = room.events().collect();
            let head = head.index(events.len());
            let as_of = as_of.index(events.len() + 1);
            let mut page = Timeline::default().viewed_by(ada());
            for event in &events[..as_of] {
                page.apply(event);
            }
            let start = Seq::new(head as u64).unwrap();
            let mut timeline = Timeline::starting_after(Seq::ZERO).viewed_by(ada());
            for event in &events[..head] {
                // What was there before is not shown yet.
                timeline.apply(event);
                timeline.keep_newest(0);
            }
            timeline.prepend(messages_in(&page), Seq::new(as_of as u64).unwrap());
            for event in &events[head..] {
                timeline.apply(event);
            }
            for shown in timeline.messages().filter(|it| it.seq <= start) {
                let expected = replies_of(shown.seq, &events);
                prop_assert_eq!(&shown.replies, &expected, "{} {}", head, as_of);
            }
        }
    }

    #[test]
    fn a_timeline_that_starts_later_shows_what_came_after(
        world in lived_in_world(),
        start in any::<Index>(),
    ) {
        for room in world.rooms.values() {
            let start = Seq::new(start.index(room.log.len()) as u64).unwrap();
            let mut timeline = Timeline::starting_after(start).viewed_by(ada());
            for event in room.events() {
                let expected = if event.seq <= start { Applied::Held } else { Applied::New };
                prop_assert_eq!(timeline.apply(event), expected);
            }
            let after = room.events().filter(|event| event.seq > start);
            prop_assert_eq!(messages_in(&timeline), messages_of(after));
        }
    }
}

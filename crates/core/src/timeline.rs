//! Folding a conversation's events into what a person looks at.

use std::collections::BTreeMap;

use crate::conversation::{Event, EventBody, Message};
use crate::{Seq, Timestamp};

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineMessage {
    /// Its place.
    pub seq: Seq,
    /// When the server accepted it.
    pub at: Timestamp,
    /// What was sent.
    pub message: Message,
}

impl TimelineMessage {
    /// The message that `event` is, if it is one.
    pub fn from_event(event: Event) -> Option<Self> {
        match event.body {
            EventBody::Message(message) => Some(Self {
                seq: event.seq,
                at: event.at,
                message,
            }),
            _ => None,
        }
    }
}

/// What became of an event that was offered to a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one and is in.
    New,
    /// It was held already; nothing changed.
    Held,
    /// Events between `after` and it are missing; nothing changed. Catch up from `after`.
    Gap {
        /// The last place that is held.
        after: Seq,
    },
}

/// The messages of one conversation, from a starting place on, without holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    head: Seq,
    title: Option<String>,
    messages: BTreeMap<Seq, TimelineMessage>,
    changes: BTreeMap<Seq, Event>,
}

impl Timeline {
    /// An empty timeline that holds everything up to `seq`, of which it shows nothing.
    pub fn starting_after(seq: Seq) -> Self {
        Self {
            head: seq,
            ..Self::default()
        }
    }

    /// The last event that is held.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The title as the held events leave it.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &TimelineMessage> {
        self.messages.values()
    }

    /// The events between them that are no messages, oldest first: how the conversation began, who came
    /// and went, which settings changed.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.changes.values()
    }

    /// Puts messages from before those that are shown in front of them, as pages of the past arrive.
    /// What lies above the head is left out: it comes as events.
    pub fn prepend(&mut self, older: impl IntoIterator<Item = TimelineMessage>) {
        for message in older {
            if message.seq <= self.head {
                self.messages.insert(message.seq, message);
            }
        }
    }

    /// The same for events that are no messages; messages among them are left out.
    pub fn prepend_changes(&mut self, older: impl IntoIterator<Item = Event>) {
        for event in older {
            if event.seq <= self.head && event.body.as_message().is_none() {
                self.changes.insert(event.seq, event);
            }
        }
    }

    /// Shows only the newest `messages_max` messages from now on, and what happened since the first of
    /// them, but no more than `messages_max` such changes; the head stays.
    pub fn keep_newest(&mut self, messages_max: usize) {
        let mut last_dropped = None;
        while self.messages.len() > messages_max {
            last_dropped = self.messages.pop_first();
        }
        if let Some((seq, _)) = last_dropped {
            self.changes = self.changes.split_off(&seq);
        }
        while self.changes.len() > messages_max {
            self.changes.pop_first();
        }
    }

    /// Moves over an event that changes nothing here, such as one of a kind that is not known.
    pub fn pass(&mut self, seq: Seq) -> Applied {
        if seq <= self.head {
            return Applied::Held;
        }
        if seq != self.head.next() {
            return Applied::Gap { after: self.head };
        }
        self.head = seq;
        Applied::New
    }

    /// Takes `event` in if it is the next one.
    pub fn apply(&mut self, event: &Event) -> Applied {
        let applied = self.pass(event.seq);
        if applied != Applied::New {
            return applied;
        }
        match &event.body {
            EventBody::Created { title, .. } => self.title.clone_from(title),
            EventBody::Settings { change, .. } => {
                if let Some(title) = &change.title {
                    self.title.clone_from(title);
                }
            }
            EventBody::Members(_) => {}
            EventBody::Message(message) => {
                let message = TimelineMessage {
                    seq: event.seq,
                    at: event.at,
                    message: message.clone(),
                };
                self.messages.insert(event.seq, message);
                return applied;
            }
        }
        self.changes.insert(event.seq, event.clone());
        applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{MembersChange, Mentions};
    use crate::{ClientId, ConversationId, UserId};

    fn message(place: u64) -> Event {
        let id = uuid::Uuid::from_u128(u128::from(place));
        Event {
            conversation: ConversationId(uuid::Uuid::nil()),
            seq: Seq::new(place).unwrap(),
            at: Timestamp(0),
            body: EventBody::Message(Message {
                sender: UserId::parse("ann").unwrap(),
                client_id: ClientId(id),
                text: String::new(),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
            }),
        }
    }

    fn members(place: u64) -> Event {
        Event {
            body: EventBody::Members(MembersChange::by(UserId::parse("ann").unwrap())),
            ..message(place)
        }
    }

    fn places(timeline: &Timeline) -> Vec<u64> {
        timeline
            .messages()
            .map(|message| message.seq.get())
            .collect()
    }

    #[test]
    fn pages_of_the_past_come_before_what_happens_now() {
        let mut timeline = Timeline::starting_after(Seq::new(5).unwrap());
        timeline.apply(&message(6));
        timeline.prepend(
            [3, 4, 7]
                .into_iter()
                .filter_map(|place| TimelineMessage::from_event(message(place))),
        );
        assert_eq!(places(&timeline), [3, 4, 6]);
        assert_eq!(timeline.apply(&message(7)), Applied::New);
    }

    #[test]
    fn old_messages_may_be_forgotten_and_unknown_events_passed() {
        let mut timeline = Timeline::default();
        for place in 1..=4 {
            timeline.apply(&message(place));
        }
        assert_eq!(timeline.pass(Seq::new(5).unwrap()), Applied::New);
        timeline.keep_newest(2);
        assert_eq!(places(&timeline), [3, 4]);
        assert_eq!(
            timeline.apply(&message(7)),
            Applied::Gap {
                after: Seq::new(5).unwrap()
            }
        );
    }

    fn changes(timeline: &Timeline) -> Vec<u64> {
        timeline.changes().map(|event| event.seq.get()).collect()
    }

    #[test]
    fn what_is_no_message_has_its_place_between_them() {
        let mut timeline = Timeline::starting_after(Seq::new(5).unwrap());
        timeline.apply(&members(6));
        timeline.apply(&message(7));
        timeline.prepend_changes([members(2), message(3), members(9)]);
        assert_eq!(places(&timeline), [7]);
        assert_eq!(changes(&timeline), [2, 6]);
    }

    #[test]
    fn changes_are_forgotten_with_the_messages_around_them() {
        let mut timeline = Timeline::default();
        for event in [members(1), message(2), members(3), message(4), members(5)] {
            timeline.apply(&event);
        }
        timeline.keep_newest(1);
        assert_eq!((places(&timeline), changes(&timeline)), (vec![4], vec![5]));
    }

    #[test]
    fn changes_without_messages_are_bounded_too() {
        let mut timeline = Timeline::default();
        for place in 1..=9 {
            timeline.apply(&members(place));
        }
        timeline.keep_newest(3);
        assert_eq!(changes(&timeline), [7, 8, 9]);
    }
}

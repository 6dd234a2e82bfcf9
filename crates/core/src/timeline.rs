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

    /// Takes `event` in if it is the next one.
    pub fn apply(&mut self, event: &Event) -> Applied {
        if event.seq <= self.head {
            return Applied::Held;
        }
        if event.seq != self.head.next() {
            return Applied::Gap { after: self.head };
        }
        self.head = event.seq;
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
            }
        }
        Applied::New
    }
}

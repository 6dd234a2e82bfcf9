//! The end of a conversation's log, encoded once for everybody who asks for it.

use std::fmt::Write;

use tidemark_core::conversation::Event;
use tidemark_core::{ConversationId, Seq};

use crate::frame::RequestId;
use crate::wire::{LogEntry, encode};

/// Consecutive events of which every reader gets those after their own place: an `events` frame for each
/// place, all cut from the same bytes.
#[derive(Debug)]
pub struct SharedEvents {
    conversation: ConversationId,
    events: Vec<Event>,
    /// The events in JSON, with a comma after each.
    encoded: String,
    /// Where in `encoded` each event begins.
    starts: Vec<usize>,
    head: Seq,
    more: bool,
}

impl SharedEvents {
    /// Encodes `events`, which follow each other and of which more may follow up to `head`.
    pub fn new(conversation: ConversationId, events: Vec<Event>, head: Seq, more: bool) -> Self {
        let mut encoded = String::new();
        let mut starts = Vec::with_capacity(events.len());
        let events: Vec<_> = events.into_iter().map(LogEntry::Known).collect();
        for entry in &events {
            starts.push(encoded.len());
            encoded.push_str(&encode(entry));
            encoded.push(',');
        }
        let known = events.into_iter().filter_map(|entry| match entry {
            LogEntry::Known(event) => Some(event),
            LogEntry::Unknown(_) => None,
        });
        Self {
            conversation,
            events: known.collect(),
            encoded,
            starts,
            head,
            more,
        }
    }

    /// The conversation's head when the events were read.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Whether events follow the last one here.
    pub fn more(&self) -> bool {
        self.more
    }

    /// The events after `after`, which is not before the place from which they were read.
    pub fn after(&self, after: Seq) -> &[Event] {
        &self.events[self.first_after(after)..]
    }

    /// The place of the last event after `after`; `after` itself if there is none.
    pub fn last_after(&self, after: Seq) -> Seq {
        self.after(after).last().map_or(after, |event| event.seq)
    }

    /// Whether what follows `after` begins here: not if the page ends before it and there is more.
    pub fn reaches(&self, after: Seq) -> bool {
        let last = self.events.last().map(|event| event.seq);
        !self.more || last.is_some_and(|last| after < last)
    }

    /// The `events` frame with what follows `after`.
    pub fn frame(&self, id: Option<RequestId>, after: Seq) -> String {
        let first = self.first_after(after);
        let start = self.starts.get(first).copied();
        let entries = start.map_or("", |start| self.encoded[start..].trim_end_matches(','));
        let mut frame = String::with_capacity(entries.len() + 160);
        frame.push_str("{\"type\":\"events\",");
        if let Some(id) = id {
            frame.push_str("\"id\":");
            frame.push_str(&encode(&id));
            frame.push(',');
        }
        // Writing to a string does not fail.
        let _ = write!(
            frame,
            "\"conversation\":\"{}\",\"events\":[{entries}],\"head_seq\":{},\"more\":{}}}",
            self.conversation, self.head, self.more
        );
        frame
    }

    fn first_after(&self, after: Seq) -> usize {
        self.events.partition_point(|event| event.seq <= after)
    }
}

#[cfg(test)]
mod tests {
    use tidemark_core::conversation::{EventBody, SettingsChange};
    use tidemark_core::{Timestamp, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::frame::Events;
    use crate::wire::Wire;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn event(conversation: ConversationId, number: u64) -> Event {
        let title = format!("a \"title\", {number}");
        Event {
            conversation,
            seq: seq(number),
            at: Timestamp(1_700_000_000_000),
            body: EventBody::Settings {
                by: UserId::parse("ann").unwrap(),
                change: SettingsChange {
                    title: Some(Some(title)),
                    ..SettingsChange::default()
                },
            },
        }
    }

    #[test]
    fn every_reader_gets_the_frame_of_a_page_of_their_own() {
        let conversation = ConversationId(Uuid::from_u128(7));
        let events: Vec<_> = (5..=9).map(|number| event(conversation, number)).collect();
        for more in [false, true] {
            let head = seq(if more { 12 } else { 9 });
            let shared = SharedEvents::new(conversation, events.clone(), head, more);
            for (id, after) in [(None, 4), (Some(3), 5), (Some(0), 8), (None, 9), (None, 40)] {
                let id = id.map(|id| serde_json::from_value(id.into()).unwrap());
                let own = events.iter().filter(|event| event.seq > seq(after));
                let own = Events {
                    id,
                    conversation: Wire(conversation),
                    events: own.cloned().map(Into::into).collect(),
                    head_seq: Wire(head),
                    more,
                    visible_from: None,
                };
                assert_eq!(shared.frame(id, seq(after)), own.encode());
                assert_eq!(shared.after(seq(after)).len(), own.events.len());
            }
            assert!(shared.reaches(seq(8)));
            assert_eq!(shared.reaches(seq(9)), !more);
        }
    }
}

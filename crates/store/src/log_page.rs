//! Pages of the log, as every engine that speaks SQL puts them together.

use std::{iter, mem};

use tidemark_core::conversation::{Change, Event, EventBody};
use tidemark_core::timeline::{Reaction, Replies, TimelineMessage};
use tidemark_core::{Position, Timestamp};

use crate::PageLimits;
use crate::page_room::PageRoom;

/// An event as it is kept, with what the log knows around it.
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) event: Event,
    /// The messages of the conversation up to and including this event.
    pub(crate) messages: u64,
    /// What happened to it, if it is a message and that was asked for.
    pub(crate) since: Since,
}

/// What happened to a message since it was sent, beside what it says.
#[derive(Default)]
pub(crate) struct Since {
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) pinned: bool,
    pub(crate) replies: Option<Replies>,
}

impl Entry {
    /// Lets the message say what its last edit, accepted at `at`, says.
    pub(crate) fn edit(&mut self, at: Timestamp, edit: EventBody) {
        if let (EventBody::Message(message), EventBody::Amendment(amendment)) =
            (&mut self.event.body, edit)
            && let Change::Edit { text, mentions } = amendment.change
        {
            message.text = text;
            message.mentions = mentions;
            self.since.edited_at = Some(at);
        }
    }

    /// The message as it stands, if it is one.
    pub(crate) fn into_message(self) -> Option<TimelineMessage> {
        let Since {
            edited_at,
            reactions,
            pinned,
            replies,
        } = self.since;
        Some(TimelineMessage {
            edited_at,
            reactions,
            pinned,
            replies,
            ..TimelineMessage::from_event(self.event)?
        })
    }

    /// How much text a page with this entry has more.
    pub(crate) fn text_bytes(&self) -> usize {
        self.event.body.text_bytes()
    }
}

/// Neighbouring messages, oldest first, and whether there are further ones.
pub(crate) struct Part {
    pub(crate) entries: Vec<Entry>,
    pub(crate) more: bool,
}

impl Part {
    /// The messages on both sides of a place, of which `newer` begins with the one at it: one of each
    /// in turn, and the rest of the longer side where the other ends.
    pub(crate) fn around(older: Self, newer: Self, limits: PageLimits) -> Self {
        let mut more = older.more || newer.more;
        let mut turn: Box<dyn Iterator<Item = Entry>> = Box::new(newer.entries.into_iter());
        let mut wait: Box<dyn Iterator<Item = Entry>> = Box::new(older.entries.into_iter().rev());
        let outwards = iter::from_fn(move || {
            let next = turn.next().or_else(|| wait.next());
            mem::swap(&mut turn, &mut wait);
            next
        });
        let mut room = PageRoom::of(limits);
        let fitting = outwards.take_while(|entry| room.take(entry.text_bytes()));
        let mut entries: Vec<Entry> = fitting.collect();
        more |= room.is_full();
        entries.sort_unstable_by_key(|entry| entry.event.seq);
        Self { entries, more }
    }
}

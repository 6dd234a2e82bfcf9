//! One message of a timeline, and what amendments make of it.

use crate::conversation::{Amendment, Change, Emoji, Event, EventBody, Message};
use crate::{Seq, Timestamp, UserId};

use super::Replies;

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineMessage {
    /// Its place.
    pub seq: Seq,
    /// When the server accepted it.
    pub at: Timestamp,
    /// What was sent, with the text and the mentions of the last edit; without either once it is deleted.
    pub message: Message,
    /// When it was edited the last time; nothing once it is deleted.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted, so that this is only its place.
    pub deleted: bool,
    /// What people reacted with, in the order in which each came up.
    pub reactions: Vec<Reaction>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// The thread below it, if there ever was one. Stays when the message is deleted.
    pub replies: Option<Replies>,
}

/// How many people reacted to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// With what.
    pub emoji: Emoji,
    /// How many people.
    pub count: u64,
    /// Whether whoever looks at it is one of them.
    pub mine: bool,
}

impl TimelineMessage {
    /// A message that was just sent, or one of which a deletion left only the place.
    pub fn new(seq: Seq, at: Timestamp, message: Message) -> Self {
        Self {
            seq,
            at,
            deleted: message.is_redacted(),
            message,
            edited_at: None,
            reactions: Vec::new(),
            pinned: false,
            replies: None,
        }
    }

    /// The message that `event` is, if it is one, before anything happened to it.
    pub fn from_event(event: Event) -> Option<Self> {
        match event.body {
            EventBody::Message(message) => Some(Self::new(event.seq, event.at, message)),
            _ => None,
        }
    }

    /// Lets `amendment`, which was accepted at `at`, happen to the message, as `viewer` sees it. To one that is
    /// deleted nothing happens any more, so that it does not matter what a deletion took out of the log.
    pub fn amend(&mut self, at: Timestamp, amendment: &Amendment, viewer: Option<&UserId>) {
        if self.deleted {
            return;
        }
        match &amendment.change {
            Change::Edit { text, mentions } => {
                self.message.text.clone_from(text);
                self.message.mentions.clone_from(mentions);
                self.edited_at = Some(at);
                // An edit without words is of a message that is deleted further on.
                if text.is_empty() {
                    self.delete();
                }
            }
            Change::Delete { .. } => self.delete(),
            Change::Reaction { emoji, on } => {
                self.react(emoji, *on, viewer == Some(&amendment.by));
            }
            Change::Pin { on } => self.pinned = *on,
        }
    }

    fn delete(&mut self) {
        self.message.redact();
        self.edited_at = None;
        self.deleted = true;
        self.reactions.clear();
        self.pinned = false;
    }

    fn react(&mut self, emoji: &Emoji, on: bool, mine: bool) {
        let known = self.reactions.iter_mut().find(|one| one.emoji == *emoji);
        match known {
            Some(reaction) if on => {
                reaction.count += 1;
                reaction.mine |= mine;
            }
            Some(reaction) => {
                reaction.count = reaction.count.saturating_sub(1);
                reaction.mine &= !mine;
            }
            None if on => self.reactions.push(Reaction {
                emoji: emoji.clone(),
                count: 1,
                mine,
            }),
            None => {}
        }
        self.reactions.retain(|reaction| reaction.count > 0);
    }
}

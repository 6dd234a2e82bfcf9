//! What happens to a message after it was sent: the wishes, the events, and what is known of the message
//! beforehand.

use crate::conversation::{Emoji, Mentions, state::named_variants};
use crate::{ClientId, InvalidId, Seq, Timestamp, UserId};

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// The place of the message.
    pub target: Seq,
    /// Who did it.
    pub by: UserId,
    /// What their client named it, if it did.
    pub client_id: Option<ClientId>,
    /// What happened.
    pub change: Change,
}

/// What happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It says something else now.
    Edit {
        /// What it says; empty after the message was deleted.
        text: String,
        /// Whose attention it asks for; nobody's after the message was deleted.
        mentions: Mentions,
    },
    /// It says nothing any more.
    Delete {
        /// Why.
        reason: DeleteReason,
        /// The thread that it was a reply in: whoever does not hold it can count replies all the same.
        thread: Option<Seq>,
    },
    /// Somebody reacted to it, or took a reaction back.
    Reaction {
        /// With what.
        emoji: Emoji,
        /// Whether the reaction is there from now on.
        on: bool,
    },
    /// It was pinned, or is not any more.
    Pin {
        /// Whether it is pinned from now on.
        on: bool,
    },
}

/// Why a message was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeleteReason {
    /// Its author wanted it.
    Author,
    /// Somebody who keeps order wanted it.
    Moderator,
    /// It was kept for as long as the conversation keeps messages.
    Retention,
}

named_variants!(DeleteReason, "reason is author, moderator or retention",
    Author => "author", Moderator => "moderator", Retention => "retention");

/// A wish to change a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAmendment {
    /// The place of the message.
    pub target: Seq,
    /// Names the wish, so that a retry is recognised whatever happened in between.
    pub client_id: Option<ClientId>,
    /// What is wished.
    pub wish: Wish,
}

/// What is to happen to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It should say something else.
    Edit {
        /// What.
        text: String,
        /// Whose attention it should ask for; `None` leaves that as it is.
        mentions: Option<Mentions>,
    },
    /// It should say nothing any more.
    Delete,
    /// A reaction of the caller should be there, or not.
    React {
        /// With what.
        emoji: Emoji,
        /// Whether it should be there.
        on: bool,
    },
    /// It should be pinned, or not.
    Pin {
        /// Whether it should be.
        on: bool,
    },
}

impl NewAmendment {
    /// The emoji, if the wish is about a reaction.
    pub fn emoji(&self) -> Option<&Emoji> {
        match &self.wish {
            Wish::React { emoji, .. } => Some(emoji),
            _ => None,
        }
    }
}

/// An event by which something came to be as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its place.
    pub seq: Seq,
    /// When it was accepted.
    pub at: Timestamp,
}

/// A message that a wish is about, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// Who sent it.
    pub sender: UserId,
    /// How it came to be.
    pub sent: Mark,
    /// What it says now.
    pub text: String,
    /// Whose attention it asks for now.
    pub mentions: Mentions,
    /// The last edit.
    pub edited: Option<Mark>,
    /// The deletion.
    pub deleted: Option<Mark>,
    /// By what it is pinned, while it is.
    pub pinned: Option<Mark>,
    /// By what the caller's reaction with the emoji of the wish is there, while it is.
    pub reacted: Option<Mark>,
    /// Whether anybody's reaction with that emoji is there.
    pub has_emoji: bool,
    /// How many different emojis there are.
    pub emojis: u64,
    /// The thread that it is a reply in.
    pub thread: Option<Seq>,
}

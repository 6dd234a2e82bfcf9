//! Counting by ordinals: unread is a subtraction, exact, and costs the same however long the history.
//!
//! Every logged event carries a [`Tally`] of the messages up to and including it. What lies between two
//! places is the difference of their tallies; nothing is walked and no counter can drift.

/// How many messages there were at a place of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By anybody.
    pub messages: u64,
    /// By the one user whom the tally is about.
    pub own: u64,
}

/// What a user still has to see in a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages above the read cursor that somebody else sent and nobody deleted.
    pub unread: u64,
    /// Those of them that mention the user.
    pub mentions: u64,
}

/// The messages between a user's read cursor and the head that somebody else sent, from the tallies
/// (about that user) at both places. Tallies keep counting what was deleted, so `deleted_above`, the deleted
/// messages above the cursor that somebody else sent, is taken off.
pub fn unread(at_head: Tally, at_cursor: Tally, deleted_above: u64) -> u64 {
    let messages = at_head.messages.saturating_sub(at_cursor.messages);
    let own = at_head.own.saturating_sub(at_cursor.own);
    messages.saturating_sub(own).saturating_sub(deleted_above)
}

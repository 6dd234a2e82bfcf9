//! What reads of threads return.

use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Position, Seq};

/// What somebody has still to see in a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadStanding {
    /// Up to where they have read it, as [`thread::cursor`] says; zero for whoever is no member.
    ///
    /// [`thread::cursor`]: tidemark_core::conversation::thread::cursor
    pub read: Seq,
    /// Replies above that which somebody else sent and nobody deleted.
    pub unread: u64,
}

/// Some replies of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadPage {
    /// The first message, as it stands.
    pub root: TimelineMessage,
    /// Oldest first, as they stand.
    pub replies: Vec<TimelineMessage>,
    /// Whether there are further ones in the direction of the window (either, for around).
    pub more: bool,
    /// The conversation's head when the page was read.
    pub head: Seq,
    /// What the caller has still to see.
    pub standing: ThreadStanding,
}

/// A thread, as somebody who takes part in it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadView {
    /// Where it is.
    pub conversation: ConversationId,
    /// The first message, as it stands.
    pub root: TimelineMessage,
    /// The commit position of the last reply: orders the list.
    pub active: Position,
    /// What they have still to see.
    pub standing: ThreadStanding,
}

/// Some of the threads that somebody takes part in, last active first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadsPage {
    /// The threads.
    pub threads: Vec<ThreadView>,
    /// Where the next page begins: pass it as `before`.
    pub next: Option<Position>,
}

/// Where a thread cursor stands after a wish to move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadCursorMove {
    /// Where, and what is above it.
    pub standing: ThreadStanding,
    /// Whether the wish moved it, or it was there already.
    pub moved: bool,
    /// The conversation's head, up to which was counted.
    pub head: Seq,
}

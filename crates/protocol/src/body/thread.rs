//! `/v1/conversations/{id}/messages/{seq}/thread` and `/v1/threads`.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::Mark;
use tidemark_core::timeline::Replies;

use crate::body::Message;
use crate::wire::{Wire, WireConversationId, WirePosition, WireSeq, WireUserId};

/// `GET /v1/conversations/{id}/messages/{seq}/thread`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ThreadPage {
    /// The first message of the thread.
    pub root: Message,
    /// Replies, oldest first.
    pub messages: Vec<Message>,
    /// The conversation's head when the page was read.
    pub head_seq: WireSeq,
    /// Whether there are further replies in the direction asked for.
    pub more: bool,
    /// How many replies there are that nobody deleted.
    pub replies: u64,
    /// Those who replied last, the latest first, each once; at most 5.
    pub participants: Vec<WireUserId>,
    /// How many people ever replied.
    pub participant_count: u64,
    /// Up to where the caller has read the thread; 0 for whoever is no member.
    pub read_seq: WireSeq,
    /// Replies above `read_seq` that somebody else sent and nobody deleted.
    pub unread: u64,
}

/// The caller's cursor in a thread, after `PUT …/thread/read`. It never moves back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ThreadCursor {
    /// Up to where the caller has read the thread.
    pub read_seq: WireSeq,
    /// Replies above it that somebody else sent and nobody deleted.
    pub unread: u64,
}

/// A thread that the caller takes part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ThreadEntry {
    /// Where it is.
    pub conversation: WireConversationId,
    /// Its first message, which says how many replies there are and whose.
    pub root: Message,
    /// Up to where the caller has read it.
    pub read_seq: WireSeq,
    /// Replies above `read_seq` that somebody else sent and nobody deleted.
    pub unread: u64,
}

/// `GET /v1/threads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Threads {
    /// The caller's threads, last active first.
    pub threads: Vec<ThreadEntry>,
    /// What to pass as `before` for the next page; `null` on the last one.
    pub next: Option<WirePosition>,
}

impl Message {
    /// Shows the thread below it.
    #[must_use]
    pub(super) fn with_replies(mut self, replies: Option<Replies>) -> Self {
        if let Some(replies) = replies {
            self.replies = Some(replies.count);
            self.thread_participants = replies.participants.into_iter().map(Wire).collect();
            self.thread_participant_count = Some(replies.participant_count);
            self.last_reply_seq = Some(Wire(replies.last.seq));
            self.last_reply_at = Some(Wire(replies.last.at));
        }
        self
    }

    /// The thread below it, as a timeline holds it.
    pub fn thread_below(&self) -> Option<Replies> {
        let people = self.thread_participants.iter();
        Some(Replies {
            count: self.replies?,
            participants: people.map(|user| user.0.clone()).collect(),
            participant_count: self.thread_participant_count?,
            last: Mark {
                seq: self.last_reply_seq?.0,
                at: self.last_reply_at?.0,
            },
        })
    }
}

//! The answer to a `hello`.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::ConversationKind;
use tidemark_core::{ConversationId, Seq, SessionId};

use crate::body::User;
use crate::wire::Wire;

/// `welcome`: the socket is the user's, and live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// This session, as in the list of the user's sessions.
    pub session_id: Wire<SessionId>,
    /// Whom the token stands for.
    pub user: User,
    /// The name of the server's history. A client that holds another one drops what it holds.
    pub epoch: String,
    /// After so many milliseconds without a frame to send, a client sends a `ping`.
    pub heartbeat_ms: u64,
    /// How much the server takes.
    pub limits: AdvertisedLimits,
    /// The user's conversations, last active first.
    pub conversations: Vec<InboxEntry>,
    /// Whether the user has others than these; `GET /v1/conversations` has them.
    pub more: bool,
    /// The version of what the user changed last of their own; a client that holds an older one asks for
    /// `GET /v1/personal`.
    #[serde(default)]
    pub personal_version: u64,
}

/// How much the server takes, in `welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertisedLimits {
    /// The longest text of a message, in bytes.
    pub text_bytes_max: u64,
    /// The largest frame, in bytes.
    pub frame_bytes_max: u64,
    /// The most events in a page.
    pub page_events_max: u64,
    /// The most cursors in a `hello`.
    pub cursors_max: u64,
    /// The most members of a group.
    pub group_members_max: u64,
    /// How many messages a user may send in a second; 0 for no limit.
    pub sends_per_second: u64,
    /// How many messages a user may send at once after a pause.
    pub sends_burst: u64,
    /// In conversations of at most so many members read and delivered cursors are shown to the others; in larger
    /// ones it is of no use to say `delivered`.
    #[serde(default)]
    pub receipt_members_max: u64,
}

/// One of the user's conversations, in as few words as a device needs to know whether it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Which.
    pub id: Wire<ConversationId>,
    /// What kind it is.
    pub kind: Wire<ConversationKind>,
    /// The place of its last event.
    pub head_seq: Wire<Seq>,
    /// Up to where the user has read.
    pub read_seq: Wire<Seq>,
    /// Messages above `read_seq` that somebody else sent.
    pub unread: u64,
    /// Those of them that mention the user.
    pub mentions: u64,
    /// How many members it has; 0 from a server that does not say.
    #[serde(default)]
    pub member_count: u64,
}

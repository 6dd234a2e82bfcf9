//! What a client session tells the app.

use std::time::Duration;

use tidemark_core::presence::Presence;
use tidemark_core::upload::Attachment;
use tidemark_core::{ClientId, ConversationId, Seq, SessionId, Timestamp, UserId};

use crate::body::{Conversation, Personal};
use crate::wire::LogEntry;
use crate::{ByeCode, Code};

/// Something that the app may want to act upon.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The server let us in, as this user.
    Online {
        /// Who we are.
        user: UserId,
        /// This session, as in the list of the user's sessions.
        session_id: SessionId,
        /// Whether the user is in more conversations than the server named.
        more_conversations: bool,
    },
    /// The next event of a followed conversation: each comes once, in the order of `seq`.
    Event(LogEntry),
    /// A message is in the log. Its event comes in its own place, as [`Update::Event`].
    Sent {
        /// Where.
        conversation: ConversationId,
        /// What it was named.
        client_id: ClientId,
        /// Its place.
        seq: Seq,
        /// When the server accepted it.
        at: Timestamp,
        /// Whether an earlier try had brought it there.
        duplicate: bool,
    },
    /// A message will never be in the log: sending it again would end the same way.
    Refused {
        /// Where it was to go.
        conversation: ConversationId,
        /// What it was named.
        client_id: ClientId,
        /// Why.
        code: Code,
        /// Why, in words for the person who wrote the client.
        detail: String,
    },
    /// Head, cursor or counts of a conversation changed; [`ClientSession::state`] has them.
    ///
    /// [`ClientSession::state`]: super::ClientSession::state
    Changed(ConversationId),
    /// Where an upload is has changed: one that a message shows, or one of the user's own.
    UploadChanged {
        /// Which message shows it; nothing for the user's own, of which each change is told.
        shown: Option<(ConversationId, Seq)>,
        /// What it is now.
        attachment: Attachment,
        /// Why it was refused.
        reason: Option<String>,
    },
    /// Another member has read up to here.
    ReadBy {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// The last event that they have read.
        seq: Seq,
    },
    /// Another member is writing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Until when that holds by the server's clock, unless it is said again or a message of theirs comes
        /// before; never much longer than [`EXPIRES_AFTER_MS`] from now.
        ///
        /// [`EXPIRES_AFTER_MS`]: tidemark_core::typing::EXPIRES_AFTER_MS
        until: Timestamp,
    },
    /// Whether a watched user is there. It is not known while the connection is lost, and told anew after it.
    Presence {
        /// Who.
        user: UserId,
        /// What there is to show.
        presence: Presence,
    },
    /// The user changed something of their own on some device, or what they did ended a mark: all of it as it is now.
    Personal(Box<Personal>),
    /// The server will not let this session watch all those users, and it watches nobody now.
    WatchRefused {
        /// Why.
        code: Code,
        /// Why, in words for the person who wrote the client.
        detail: String,
    },
    /// The user is a member now.
    Added(Box<Conversation>),
    /// The user is no member any more, or the conversation cannot be seen; it is forgotten.
    Removed(ConversationId),
    /// What was held below this place is not for the user to see any more, or never was: what follows begins here. The
    /// cursor stands right before it.
    VisibleFrom {
        /// Where.
        conversation: ConversationId,
        /// The first event that the user sees.
        seq: Seq,
    },
    /// The server's history is another one than before: drop every event that is held. Followed
    /// conversations begin again from their first event, unless the app says otherwise.
    HistoryReplaced,
    /// What is unread in a thread that was asked about changed, by a reply or by a cursor on some device.
    Thread {
        /// Where.
        conversation: ConversationId,
        /// Which: the place of its first message.
        thread: Seq,
        /// Up to where the user has read it.
        read: Seq,
        /// Replies above that which somebody else sent.
        unread: u64,
    },
    /// A device of another member has fetched up to here.
    DeliveredTo {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// The last event that they have.
        seq: Seq,
    },
    /// The connection is of no use any more: close it. The session is offline already.
    Ended(Ending),
}

/// Why a connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server said goodbye.
    Bye {
        /// Why.
        code: ByeCode,
        /// Whether connecting again makes sense.
        reconnect: bool,
        /// Connect again after a random part of this.
        after: Duration,
    },
    /// The token was not accepted.
    Unauthorized {
        /// Why, in words.
        detail: String,
    },
    /// The server did not let us in, for another reason.
    TurnedAway {
        /// Which.
        code: Code,
        /// Why, in words.
        detail: String,
    },
    /// Nothing was heard for too long.
    Silent,
    /// What was heard is not the protocol.
    Malformed {
        /// What was wrong with it.
        detail: String,
    },
}

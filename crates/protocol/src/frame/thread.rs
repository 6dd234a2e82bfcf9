//! Frames about cursors beside the one of the conversation: in a thread, and of what was fetched.

use serde::{Deserialize, Serialize};
use tidemark_core::{ConversationId, Seq, UserId};

use crate::frame::request::Frame;
use crate::frame::{Request, RequestId};
use crate::wire::{InvalidJson, Wire, encode, from_one, parse_object};

/// `thread_read`: answered by a `thread_read` to all of the user's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadThread {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: ConversationId,
    /// Which thread: the place of its first message.
    pub thread: Seq,
    /// Up to which event; from 1.
    pub seq: Seq,
}

/// `delivered`: answered by a `delivered`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportDelivered {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: ConversationId,
    /// Up to which event this device has fetched; from 1.
    pub seq: Seq,
}

#[derive(Serialize, Deserialize)]
struct ThreadFields {
    conversation: Wire<ConversationId>,
    #[serde(deserialize_with = "from_one")]
    thread: Wire<Seq>,
    #[serde(deserialize_with = "from_one")]
    seq: Wire<Seq>,
}

#[derive(Serialize, Deserialize)]
struct DeliveredFields {
    conversation: Wire<ConversationId>,
    #[serde(deserialize_with = "from_one")]
    seq: Wire<Seq>,
}

impl ReadThread {
    pub(super) fn encode(&self) -> String {
        let fields = ThreadFields {
            conversation: Wire(self.conversation),
            thread: Wire(self.thread),
            seq: Wire(self.seq),
        };
        encode(&Frame::new("thread_read", self.id, fields))
    }
}

impl ReportDelivered {
    pub(super) fn encode(&self) -> String {
        let fields = DeliveredFields {
            conversation: Wire(self.conversation),
            seq: Wire(self.seq),
        };
        encode(&Frame::new("delivered", self.id, fields))
    }
}

pub(super) fn parse_thread_read(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: ThreadFields = parse_object(text)?;
    Ok(Request::ThreadRead(ReadThread {
        id,
        conversation: fields.conversation.0,
        thread: fields.thread.0,
        seq: fields.seq.0,
    }))
}

pub(super) fn parse_delivered(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: DeliveredFields = parse_object(text)?;
    Ok(Request::Delivered(ReportDelivered {
        id,
        conversation: fields.conversation.0,
        seq: fields.seq.0,
    }))
}

/// `thread_read` from the server: the user's cursor in a thread moved, on whichever device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadRead {
    /// The request's number, on the socket that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: Wire<ConversationId>,
    /// Which thread: the place of its first message.
    pub thread: Wire<Seq>,
    /// Up to where the user has read it.
    pub read_seq: Wire<Seq>,
    /// The head of the conversation when `unread` was counted: a reply above it is not in there.
    pub head_seq: Wire<Seq>,
    /// Replies above `read_seq` that somebody else sent and nobody deleted.
    pub unread: u64,
}

/// `delivered` from the server: a member's device has fetched up to here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The request's number, on the socket that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: Wire<ConversationId>,
    /// Whose device.
    pub user: Wire<UserId>,
    /// Up to where; what was read counts as fetched.
    pub delivered_seq: Wire<Seq>,
}

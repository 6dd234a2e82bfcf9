//! What a client asks for once its `hello` was answered.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::{Mentions, NewMessage, NewReply};
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp};

use crate::body::{ALSO_WITHOUT_THREAD, UploadReference};
use crate::frame::{
    AmendMessage, DeclarePresence, ReadThread, ReportDelivered, RequestId, StartTyping, WatchUsers,
};
use crate::wire::{
    InvalidJson, Wire, encode, from_one, optional_from_one, optional_list, parse_object,
};

/// A frame that asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Say something.
    Send(SendMessage),
    /// Change a message that was sent.
    Amend(AmendMessage),
    /// Move the own read cursor.
    Read(ReadCursor),
    /// Get events that are missing.
    Sync(SyncConversation),
    /// The conversation is on screen now.
    Open(OpenConversation),
    /// The conversation is not on screen any more.
    Close(CloseConversation),
    /// The user is writing.
    Typing(StartTyping),
    /// Whether the user looks at this device.
    Presence(DeclarePresence),
    /// Hear who of these is there.
    Watch(WatchUsers),
    /// Are you there?
    Ping(Ping),
    /// Move the own read cursor in a thread.
    ThreadRead(ReadThread),
    /// Say up to where this device has fetched.
    Delivered(ReportDelivered),
}

/// `send`: answered by `ack` or `refused`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendMessage {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where to say it.
    pub conversation: ConversationId,
    /// What to say.
    pub message: NewMessage,
}

/// `read`: answered by a `read` to all of the user's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCursor {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: ConversationId,
    /// Up to which event; from 1.
    pub seq: Seq,
}

/// `sync`: answered by `events` or `refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncConversation {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// The last event that the client holds.
    pub after: Seq,
    /// The most events to answer with; the server's own limit holds too.
    pub limit: Option<NonZeroU32>,
}

/// `open`: from now on full events, also of a large channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenConversation {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Which conversation.
    pub conversation: ConversationId,
    /// The last event that the client holds; what follows it is sent first.
    pub after: Option<Seq>,
}

/// `close`: undoes `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseConversation {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Which conversation.
    pub conversation: ConversationId,
}

/// `ping`: answered by `pong`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The request's number.
    pub id: Option<RequestId>,
}

impl Request {
    /// The request's number.
    pub fn id(&self) -> Option<RequestId> {
        match self {
            Self::Send(request) => request.id,
            Self::Amend(request) => request.id,
            Self::Read(request) => request.id,
            Self::Sync(request) => request.id,
            Self::Open(request) => request.id,
            Self::Close(request) => request.id,
            Self::Typing(request) => request.id,
            Self::Presence(request) => request.id,
            Self::Watch(request) => request.id,
            Self::Ping(request) => request.id,
            Self::ThreadRead(request) => request.id,
            Self::Delivered(request) => request.id,
        }
    }

    /// The frame as JSON.
    pub fn encode(&self) -> String {
        let id = self.id();
        match self {
            Self::Send(send) => encode(&Frame::new("send", id, SendFields::from(send))),
            Self::Amend(amend) => amend.encode(),
            Self::Read(read) => encode(&Frame::new("read", id, ReadFields::from(read))),
            Self::Sync(sync) => encode(&Frame::new("sync", id, SyncFields::from(sync))),
            Self::Open(open) => encode(&Frame::new("open", id, OpenFields::from(open))),
            Self::Close(close) => encode(&Frame::new("close", id, CloseFields::from(close))),
            Self::Typing(typing) => typing.encode(),
            Self::Presence(presence) => presence.encode(),
            Self::Watch(watch) => watch.encode(),
            Self::Ping(_) => encode(&Frame::new("ping", id, NoFields {})),
            Self::ThreadRead(read) => read.encode(),
            Self::Delivered(delivered) => delivered.encode(),
        }
    }
}

/// What every frame has, around its own fields. Only for writing: reading through `flatten` would
/// keep a copy of every value.
#[derive(Serialize)]
pub(super) struct Frame<Fields> {
    #[serde(rename = "type")]
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<RequestId>,
    #[serde(flatten)]
    fields: Fields,
}

impl<Fields> Frame<Fields> {
    pub(super) fn new(name: &'static str, id: Option<RequestId>, fields: Fields) -> Self {
        Self { name, id, fields }
    }
}

#[derive(Serialize)]
struct NoFields {}

#[derive(Serialize, Deserialize)]
struct SendFields {
    conversation: Wire<ConversationId>,
    client_id: Wire<ClientId>,
    text: String,
    #[serde(default, deserialize_with = "optional_from_one")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Wire<Seq>>,
    #[serde(default, skip_serializing_if = "Wire::is_nobody")]
    mentions: Wire<Mentions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_at: Option<Wire<Timestamp>>,
    #[serde(default, deserialize_with = "optional_from_one")]
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<Wire<Seq>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    also_in_conversation: bool,
    #[serde(default, deserialize_with = "optional_list")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<UploadReference>,
}

impl From<&SendMessage> for SendFields {
    fn from(send: &SendMessage) -> Self {
        let message = &send.message;
        Self {
            conversation: Wire(send.conversation),
            client_id: Wire(message.client_id),
            text: message.text.clone(),
            reply_to: message.reply_to.map(Wire),
            mentions: Wire(message.mentions.clone()),
            client_at: message.client_at.map(Wire),
            thread: message.thread.map(|reply| Wire(reply.thread)),
            also_in_conversation: message
                .thread
                .is_some_and(|reply| reply.also_in_conversation),
            attachments: message
                .attachments
                .iter()
                .copied()
                .map(UploadReference)
                .collect(),
        }
    }
}

pub(crate) fn parse_send(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: SendFields = parse_object(text)?;
    if fields.also_in_conversation && fields.thread.is_none() {
        return Err(InvalidJson::of(ALSO_WITHOUT_THREAD));
    }
    Ok(Request::Send(SendMessage {
        id,
        conversation: fields.conversation.0,
        message: NewMessage {
            client_id: fields.client_id.0,
            text: fields.text,
            reply_to: fields.reply_to.map(|seq| seq.0),
            mentions: fields.mentions.0,
            client_at: fields.client_at.map(|at| at.0),
            thread: fields.thread.map(|thread| NewReply {
                thread: thread.0,
                also_in_conversation: fields.also_in_conversation,
            }),
            attachments: fields.attachments.into_iter().map(|it| it.0).collect(),
        },
    }))
}

#[derive(Serialize, Deserialize)]
struct ReadFields {
    conversation: Wire<ConversationId>,
    #[serde(deserialize_with = "from_one")]
    seq: Wire<Seq>,
}

impl From<&ReadCursor> for ReadFields {
    fn from(read: &ReadCursor) -> Self {
        Self {
            conversation: Wire(read.conversation),
            seq: Wire(read.seq),
        }
    }
}

pub(crate) fn parse_read(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: ReadFields = parse_object(text)?;
    Ok(Request::Read(ReadCursor {
        id,
        conversation: fields.conversation.0,
        seq: fields.seq.0,
    }))
}

#[derive(Serialize, Deserialize)]
struct SyncFields {
    conversation: Wire<ConversationId>,
    after: Wire<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<NonZeroU32>,
}

impl From<&SyncConversation> for SyncFields {
    fn from(sync: &SyncConversation) -> Self {
        Self {
            conversation: Wire(sync.conversation),
            after: Wire(sync.after),
            limit: sync.limit,
        }
    }
}

pub(crate) fn parse_sync(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: SyncFields = parse_object(text)?;
    Ok(Request::Sync(SyncConversation {
        id,
        conversation: fields.conversation.0,
        after: fields.after.0,
        limit: fields.limit,
    }))
}

#[derive(Serialize, Deserialize)]
struct OpenFields {
    conversation: Wire<ConversationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Wire<Seq>>,
}

impl From<&OpenConversation> for OpenFields {
    fn from(open: &OpenConversation) -> Self {
        Self {
            conversation: Wire(open.conversation),
            after: open.after.map(Wire),
        }
    }
}

pub(crate) fn parse_open(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: OpenFields = parse_object(text)?;
    Ok(Request::Open(OpenConversation {
        id,
        conversation: fields.conversation.0,
        after: fields.after.map(|seq| seq.0),
    }))
}

#[derive(Serialize, Deserialize)]
struct CloseFields {
    conversation: Wire<ConversationId>,
}

impl From<&CloseConversation> for CloseFields {
    fn from(close: &CloseConversation) -> Self {
        Self {
            conversation: Wire(close.conversation),
        }
    }
}

pub(crate) fn parse_close(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: CloseFields = parse_object(text)?;
    Ok(Request::Close(CloseConversation {
        id,
        conversation: fields.conversation.0,
    }))
}

//! Frames from the server to a client.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use tidemark_core::conversation::Event;
use tidemark_core::presence::Status;
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UserId};

use crate::body::{Conversation, Personal, UploadChanged};
use crate::frame::{Delivered, RequestId, ThreadRead, Welcome};
use crate::wire::{InvalidJson, LogEntry, Wire, encode, parse_object, serialize_event};
use crate::{ByeCode, Code};

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to a `hello`.
    Welcome(Box<Welcome>),
    /// What a request asked for happened, and is durable.
    Ack(Ack),
    /// Nothing happened.
    Refused(Refused),
    /// An event, live.
    Event(LogEntry),
    /// Events that were missing.
    Events(Events),
    /// There is more than was sent.
    Head(Head),
    /// A read cursor moved.
    Read(Read),
    /// The user is in a conversation now.
    Added(Box<Added>),
    /// The user is in a conversation no more.
    Removed(Removed),
    /// The user changed something of their own.
    Personal(Box<Personal>),
    /// Somebody is writing.
    Typing(Typing),
    /// Whether somebody is there.
    Presence(Presence),
    /// The answer to a `ping`.
    Pong(Pong),
    /// The server closes the socket.
    Bye(Bye),
    /// The user's cursor in a thread moved.
    ThreadRead(ThreadRead),
    /// A member's device has fetched.
    Delivered(Delivered),
    /// Where an upload is has changed.
    Upload(Box<UploadChanged>),
    /// A frame that this version does not know; it is to be ignored.
    #[serde(untagged)]
    Unknown(UnknownFrame),
}

/// `ack`: stands for the event that the request became, at its place among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The request's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Where it happened.
    pub conversation: Wire<ConversationId>,
    /// What the client named its message with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Wire<ClientId>>,
    /// The place of the event.
    pub seq: Wire<Seq>,
    /// When the server accepted it.
    pub at: Wire<Timestamp>,
    /// Whether it had been accepted before, so that this is a repeat.
    pub duplicate: bool,
    /// Whether it is the user's first reply in its thread, as its event says; never in a repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_in_thread: bool,
}

/// `refused`: nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The request's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// What kind of no.
    pub code: Code,
    /// What was wrong, in words.
    pub detail: Cow<'static, str>,
    /// After how many milliseconds it makes sense to try again, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// `events`: a page of what was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The request's number, if a request asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Whose they are.
    pub conversation: Wire<ConversationId>,
    /// Oldest first, without holes.
    pub events: Vec<LogEntry>,
    /// The conversation's head when they were read.
    pub head_seq: Wire<Seq>,
    /// Whether others follow these.
    pub more: bool,
    /// The first event that the user sees, where there are others before it: a page of what was before begins there,
    /// and a cursor below stands as good as right before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_from: Option<Wire<Seq>>,
}

/// `head`: a hint that there is more than was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Where.
    pub conversation: Wire<ConversationId>,
    /// The place of the last event.
    pub head_seq: Wire<Seq>,
    /// Messages above the user's cursor that somebody else sent.
    pub unread: u64,
    /// Those of them that mention the user.
    pub mentions: u64,
}

/// `read`: a cursor moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The request's number, on the socket that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: Wire<ConversationId>,
    /// Whose cursor.
    pub user: Wire<UserId>,
    /// Up to where they have read.
    pub read_seq: Wire<Seq>,
    /// The head of the conversation when `unread` and `mentions` were counted: what lies above it is not
    /// in them, whether it was sent before this frame or comes after; only to the user's own devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_seq: Option<Wire<Seq>>,
    /// Messages above `read_seq` that somebody else sent; only to the user's own devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<u64>,
    /// Those of them that mention the user; only to the user's own devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentions: Option<u64>,
}

/// `added`: the user is in a conversation now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The conversation, as the user sees it.
    pub conversation: Conversation,
}

/// `removed`: the user is in a conversation no more, and hears nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Which.
    pub conversation: Wire<ConversationId>,
}

/// `typing`: somebody is writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Where.
    pub conversation: Wire<ConversationId>,
    /// Who.
    pub user: Wire<UserId>,
    /// Until when that holds, unless it is said again or a message of theirs comes before.
    pub until: Wire<Timestamp>,
}

/// `presence`: whether somebody whom this socket watches is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub user: Wire<UserId>,
    /// Whether they are there.
    pub status: Wire<Status>,
    /// When they were last; absent while they are there, or where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Wire<Timestamp>>,
}

/// `pong`: the answer to a `ping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The request's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
}

/// `bye`: the last frame before the server closes the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub code: ByeCode,
    /// Whether the client should connect again by itself.
    pub reconnect: bool,
    /// Within how many milliseconds: it waits a random part of them.
    pub after_ms: u64,
}

/// A frame of a type that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownFrame {
    /// What type.
    #[serde(rename = "type")]
    pub name: String,
}

impl ServerFrame {
    /// The `type` of every frame.
    pub const TYPES: [&str; 17] = [
        "welcome",
        "ack",
        "refused",
        "event",
        "events",
        "head",
        "read",
        "added",
        "removed",
        "personal",
        "typing",
        "presence",
        "pong",
        "bye",
        "thread_read",
        "delivered",
        "upload",
    ];

    /// Reads one frame.
    ///
    /// # Errors
    ///
    /// [`InvalidJson`] if it is no frame at all or lacks fields that its type has. What is merely
    /// unknown is no error.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        let unknown: UnknownFrame = parse_object(text)?;
        match &*unknown.name {
            "welcome" => parse_object(text).map(Self::Welcome),
            "ack" => parse_object(text).map(Self::Ack),
            "refused" => parse_object(text).map(Self::Refused),
            "event" => parse_object(text).map(Self::Event),
            "events" => parse_object(text).map(Self::Events),
            "head" => parse_object(text).map(Self::Head),
            "read" => parse_object(text).map(Self::Read),
            "added" => parse_object(text).map(Self::Added),
            "removed" => parse_object(text).map(Self::Removed),
            "personal" => parse_object(text).map(Self::Personal),
            "typing" => parse_object(text).map(Self::Typing),
            "presence" => parse_object(text).map(Self::Presence),
            "pong" => parse_object(text).map(Self::Pong),
            "bye" => parse_object(text).map(Self::Bye),
            "thread_read" => parse_object(text).map(Self::ThreadRead),
            "delivered" => parse_object(text).map(Self::Delivered),
            "upload" => parse_object(text).map(Self::Upload),
            _ => Ok(Self::Unknown(unknown)),
        }
    }

    /// The frame as JSON.
    pub fn encode(&self) -> String {
        encode(self)
    }
}

impl Bye {
    /// A `bye` with what usually goes with its code.
    pub fn new(code: ByeCode, after_ms: u64) -> Self {
        Self {
            code,
            reconnect: code.should_reconnect(),
            after_ms,
        }
    }
}

/// The `event` frame of `event`, as every socket that hears it gets it.
pub fn encode_event(event: &Event) -> String {
    struct Live<'event>(&'event Event);

    impl Serialize for Live<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize_event(self.0, Some("event"), serializer)
        }
    }

    encode(&Live(event))
}

macro_rules! encode_each {
    ($($name:ident => $type:literal),+ $(,)?) => {$(
        impl From<$name> for ServerFrame {
            fn from(frame: $name) -> Self {
                Self::$name(frame.into())
            }
        }

        impl $name {
            /// The frame as JSON.
            pub fn encode(&self) -> String {
                encode(&Tagged { name: $type, fields: self })
            }
        }
    )+};
}

encode_each!(
    Welcome => "welcome",
    Ack => "ack",
    Refused => "refused",
    Events => "events",
    Head => "head",
    Read => "read",
    Added => "added",
    Removed => "removed",
    Personal => "personal",
    Typing => "typing",
    Presence => "presence",
    Pong => "pong",
    Bye => "bye",
    ThreadRead => "thread_read",
    Delivered => "delivered",
);

impl From<UploadChanged> for ServerFrame {
    fn from(frame: UploadChanged) -> Self {
        Self::Upload(Box::new(frame))
    }
}

impl UploadChanged {
    /// The frame as JSON.
    pub fn encode(&self) -> String {
        encode(&Tagged {
            name: "upload",
            fields: self,
        })
    }
}

/// A frame's fields with its type before them.
#[derive(Serialize)]
struct Tagged<'frame, Fields> {
    #[serde(rename = "type")]
    name: &'static str,
    #[serde(flatten)]
    fields: &'frame Fields,
}

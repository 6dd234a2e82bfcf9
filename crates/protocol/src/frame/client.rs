//! Frames from a client to the server.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidemark_core::{ConversationId, Seq};

use crate::Code;
use crate::frame::Refused;
use crate::frame::amend;
use crate::frame::request::{self, Request};
use crate::frame::signal;
use crate::frame::thread;
use crate::wire::{Cursors, InvalidJson, Secret, Wire, cursors, encode, parse_object};

/// What a client numbers its requests with; the answer carries the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub i64);

/// How much of some things one frame may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// The most cursors in a `hello`.
    pub cursors_max: usize,
    /// The most users in a `watch`.
    pub watched_max: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self {
            cursors_max: 1_000,
            watched_max: 500,
        }
    }
}

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// The first one.
    Hello(Hello),
    /// Any other.
    Request(Request),
}

/// The first frame of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Who it is, unless the `Authorization` header said so.
    pub token: Option<Secret>,
    /// Up to where the client holds each conversation.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The history that the cursors are about.
    pub epoch: Option<String>,
    /// What the user calls the device.
    pub device: Option<String>,
}

/// Why a frame was not understood. The socket stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The request's number, if it could be read.
    pub id: Option<RequestId>,
    /// What kind of error.
    pub code: Code,
    /// Which field is wrong, and how.
    pub detail: String,
    /// Whether it was a `hello`, with something wrong in it.
    pub is_hello: bool,
}

impl FrameError {
    pub(crate) fn invalid(id: Option<RequestId>, detail: impl Into<String>) -> Self {
        Self {
            id,
            code: Code::Invalid,
            detail: detail.into(),
            is_hello: false,
        }
    }

    /// The frame that answers it.
    pub fn into_refused(self) -> Refused {
        Refused {
            id: self.id,
            code: self.code,
            detail: self.detail.into(),
            retry_after_ms: None,
        }
    }
}

/// The part of a frame that says how to read the rest. Its values are looked at one by one, so that a
/// wrong one does not hide the other.
#[derive(Deserialize)]
struct Envelope<'text> {
    #[serde(borrow, rename = "type")]
    name: Option<&'text RawValue>,
    #[serde(borrow)]
    id: Option<&'text RawValue>,
}

impl ClientFrame {
    /// The `type` of every frame that this server understands.
    pub const TYPES: [&str; 16] = [
        "hello",
        "send",
        "edit",
        "delete",
        "react",
        "pin",
        "read",
        "sync",
        "open",
        "close",
        "typing",
        "presence",
        "watch",
        "ping",
        "thread_read",
        "delivered",
    ];

    /// Reads one frame: first what it is, then its own fields.
    ///
    /// # Errors
    ///
    /// [`FrameError`], to be answered by `refused`; nothing about it requires the socket to close.
    pub fn parse(text: &str, limits: &ParseLimits) -> Result<Self, FrameError> {
        let envelope: Envelope<'_> =
            parse_object(text).map_err(|error| FrameError::invalid(None, error.to_string()))?;
        let id = envelope.id.map(|json| json.get().parse());
        let known_id = id.clone().and_then(Result::ok).map(RequestId);
        let Some(name) = envelope.name else {
            return Err(FrameError::invalid(known_id, "missing field `type`"));
        };
        let Ok(name) = serde_json::from_str::<Cow<'_, str>>(name.get()) else {
            return Err(FrameError::invalid(known_id, "type: expected a string"));
        };
        if let Some(Err(_)) = id {
            return Err(FrameError {
                is_hello: name == "hello",
                ..FrameError::invalid(None, "id: expected an integer")
            });
        }
        let id = known_id;
        let invalid = |error: InvalidJson| FrameError::invalid(id, error.to_string());
        let request = match &*name {
            "hello" => {
                let hello = Hello::parse(text, limits.cursors_max).map_err(|(code, detail)| {
                    FrameError {
                        id,
                        code,
                        detail,
                        is_hello: true,
                    }
                })?;
                return Ok(Self::Hello(hello));
            }
            "send" => request::parse_send(text, id).map_err(invalid)?,
            "edit" => amend::parse_edit(text, id).map_err(invalid)?,
            "delete" => amend::parse_delete(text, id).map_err(invalid)?,
            "react" => amend::parse_react(text, id).map_err(invalid)?,
            "pin" => amend::parse_pin(text, id).map_err(invalid)?,
            "read" => request::parse_read(text, id).map_err(invalid)?,
            "sync" => request::parse_sync(text, id).map_err(invalid)?,
            "open" => request::parse_open(text, id).map_err(invalid)?,
            "close" => request::parse_close(text, id).map_err(invalid)?,
            "typing" => signal::parse_typing(text, id).map_err(invalid)?,
            "presence" => signal::parse_presence(text, id).map_err(invalid)?,
            "watch" => signal::parse_watch(text, id, limits.watched_max)?,
            "ping" => Request::Ping(request::Ping { id }),
            "thread_read" => thread::parse_thread_read(text, id).map_err(invalid)?,
            "delivered" => thread::parse_delivered(text, id).map_err(invalid)?,
            name => return Err(FrameError::invalid(id, unknown_type(name))),
        };
        Ok(Self::Request(request))
    }

    /// The frame as JSON.
    pub fn encode(&self) -> String {
        match self {
            Self::Hello(hello) => hello.encode(),
            Self::Request(request) => request.encode(),
        }
    }
}

impl Hello {
    fn parse(text: &str, cursors_max: usize) -> Result<Self, (Code, String)> {
        let fields: HelloFields =
            parse_object(text).map_err(|error| (Code::Invalid, error.to_string()))?;
        if fields.cursors.len() > cursors_max {
            return Err((
                Code::TooLarge,
                format!("cursors: at most {cursors_max} in a hello"),
            ));
        }
        let cursors = fields.cursors.into_iter();
        Ok(Self {
            token: fields.token,
            cursors: cursors.map(|(id, seq)| (id.0, seq.0)).collect(),
            epoch: fields.epoch,
            device: fields.device,
        })
    }

    /// The frame as JSON.
    pub fn encode(&self) -> String {
        let cursors = self.cursors.iter().map(|(id, seq)| (Wire(*id), Wire(*seq)));
        encode(&HelloFields {
            name: Some("hello"),
            token: self.token.clone(),
            cursors: cursors.collect(),
            epoch: self.epoch.clone(),
            device: self.device.clone(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct HelloFields {
    #[serde(rename = "type", skip_deserializing)]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Secret>,
    #[serde(default, deserialize_with = "cursors")]
    cursors: Cursors,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
}

fn unknown_type(name: &str) -> String {
    let start: String = name.chars().take(32).collect();
    format!("type: there is no frame {start:?}")
}

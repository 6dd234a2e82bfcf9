//! What a client says that nobody keeps: soft state, which no answer confirms.

use serde::{Deserialize, Deserializer, Serialize, de};
use tidemark_core::presence::Status;
use tidemark_core::{ConversationId, UserId};

use crate::Code;
use crate::frame::request::{Frame, Request};
use crate::frame::{FrameError, RequestId};
use crate::wire::{InvalidJson, Wire, encode, parse_object, unwrap_all};

/// `typing`: the user is writing. Only a refusal answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTyping {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where.
    pub conversation: ConversationId,
}

/// `presence`: whether the user looks at this device. Only a refusal answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclarePresence {
    /// The request's number.
    pub id: Option<RequestId>,
    /// [`Status::Online`] or [`Status::Away`].
    pub status: Status,
}

/// `watch`: whose presence this socket hears of from now on, in place of whom it named before. Answered by a
/// `presence` for each of them with whom the user shares a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchUsers {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Who.
    pub users: Vec<UserId>,
}

#[derive(Serialize, Deserialize)]
struct TypingFields {
    conversation: Wire<ConversationId>,
}

#[derive(Serialize, Deserialize)]
struct PresenceFields {
    #[serde(deserialize_with = "of_a_device")]
    status: Wire<Status>,
}

#[derive(Serialize, Deserialize)]
struct WatchFields {
    users: Vec<Wire<UserId>>,
}

impl StartTyping {
    pub(super) fn encode(&self) -> String {
        let conversation = Wire(self.conversation);
        encode(&Frame::new(
            "typing",
            self.id,
            TypingFields { conversation },
        ))
    }
}

impl DeclarePresence {
    pub(super) fn encode(&self) -> String {
        let status = Wire(self.status);
        encode(&Frame::new("presence", self.id, PresenceFields { status }))
    }
}

impl WatchUsers {
    pub(super) fn encode(&self) -> String {
        let users = self.users.iter().cloned().map(Wire).collect();
        encode(&Frame::new("watch", self.id, WatchFields { users }))
    }
}

pub(super) fn parse_typing(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: TypingFields = parse_object(text)?;
    Ok(Request::Typing(StartTyping {
        id,
        conversation: fields.conversation.0,
    }))
}

pub(super) fn parse_presence(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    let fields: PresenceFields = parse_object(text)?;
    Ok(Request::Presence(DeclarePresence {
        id,
        status: fields.status.0,
    }))
}

pub(super) fn parse_watch(
    text: &str,
    id: Option<RequestId>,
    watched_max: usize,
) -> Result<Request, FrameError> {
    let fields: WatchFields =
        parse_object(text).map_err(|error| FrameError::invalid(id, error.to_string()))?;
    if fields.users.len() > watched_max {
        return Err(FrameError {
            code: Code::TooLarge,
            ..FrameError::invalid(id, format!("users: at most {watched_max} in a watch"))
        });
    }
    Ok(Request::Watch(WatchUsers {
        id,
        users: unwrap_all(fields.users),
    }))
}

/// A device that says something is there.
fn of_a_device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wire<Status>, D::Error> {
    let status = Wire::<Status>::deserialize(deserializer)?;
    if status.0 == Status::Offline {
        return Err(de::Error::custom("a device is online or away"));
    }
    Ok(status)
}

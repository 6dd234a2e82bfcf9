//! `edit`, `delete`, `react` and `pin`: what a client wishes to happen to a message.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::{Emoji, Mentions, NewAmendment, Wish};
use tidemark_core::{ClientId, ConversationId, Seq};

use crate::frame::RequestId;
use crate::frame::request::{Frame, Request};
use crate::wire::{InvalidJson, Wire, encode, from_one, parse_object};

/// One of the four: answered by `ack` or `refused`. The `ack` has a `client_id` only if the request had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendMessage {
    /// The request's number.
    pub id: Option<RequestId>,
    /// Where the message is.
    pub conversation: ConversationId,
    /// What is to happen to which message.
    pub amendment: NewAmendment,
}

impl AmendMessage {
    /// The frame as JSON.
    pub fn encode(&self) -> String {
        let target = TargetFields {
            conversation: Wire(self.conversation),
            target: Wire(self.amendment.target),
            client_id: self.amendment.client_id.map(Wire),
        };
        match &self.amendment.wish {
            Wish::Edit { text, mentions } => {
                let fields = EditFields {
                    target,
                    text: text.clone(),
                    mentions: mentions.clone().map(Wire),
                };
                encode(&Frame::new("edit", self.id, fields))
            }
            Wish::Delete => encode(&Frame::new("delete", self.id, target)),
            Wish::React { emoji, on } => {
                let fields = ReactFields {
                    target,
                    emoji: Wire(emoji.clone()),
                    on: *on,
                };
                encode(&Frame::new("react", self.id, fields))
            }
            Wish::Pin { on } => {
                let fields = PinFields { target, on: *on };
                encode(&Frame::new("pin", self.id, fields))
            }
        }
    }
}

/// What all four have. Read by itself, before the rest.
#[derive(Serialize, Deserialize)]
struct TargetFields {
    conversation: Wire<ConversationId>,
    #[serde(deserialize_with = "from_one")]
    target: Wire<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Wire<ClientId>>,
}

#[derive(Serialize)]
struct EditFields {
    #[serde(flatten)]
    target: TargetFields,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<Wire<Mentions>>,
}

#[derive(Serialize)]
struct ReactFields {
    #[serde(flatten)]
    target: TargetFields,
    emoji: Wire<Emoji>,
    on: bool,
}

#[derive(Serialize)]
struct PinFields {
    #[serde(flatten)]
    target: TargetFields,
    on: bool,
}

#[derive(Deserialize)]
struct EditWish {
    text: String,
    mentions: Option<Wire<Mentions>>,
}

#[derive(Deserialize)]
struct ReactWish {
    emoji: Wire<Emoji>,
    on: bool,
}

#[derive(Deserialize)]
struct PinWish {
    on: bool,
}

pub(crate) fn parse_edit(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    parse(text, id, |wish: EditWish| Wish::Edit {
        text: wish.text,
        mentions: wish.mentions.map(|mentions| mentions.0),
    })
}

pub(crate) fn parse_delete(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    #[derive(Deserialize)]
    struct DeleteWish {}
    parse(text, id, |_: DeleteWish| Wish::Delete)
}

pub(crate) fn parse_react(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    parse(text, id, |wish: ReactWish| Wish::React {
        emoji: wish.emoji.0,
        on: wish.on,
    })
}

pub(crate) fn parse_pin(text: &str, id: Option<RequestId>) -> Result<Request, InvalidJson> {
    parse(text, id, |wish: PinWish| Wish::Pin { on: wish.on })
}

fn parse<W: serde::de::DeserializeOwned>(
    text: &str,
    id: Option<RequestId>,
    wish: impl FnOnce(W) -> Wish,
) -> Result<Request, InvalidJson> {
    let about: TargetFields = parse_object(text)?;
    Ok(Request::Amend(AmendMessage {
        id,
        conversation: about.conversation.0,
        amendment: NewAmendment {
            target: about.target.0,
            client_id: about.client_id.map(|name| name.0),
            wish: wish(parse_object(text)?),
        },
    }))
}

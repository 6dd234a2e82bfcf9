//! Events about messages in JSON: `edit`, `delete`, `reaction` and `pin`.

use serde::ser::SerializeMap;
use serde::{Deserialize, de::DeserializeOwned};
use tidemark_core::conversation::{Amendment, Change, DeleteReason, Emoji, EventBody, Mentions};
use tidemark_core::{ClientId, Seq, UserId};

use crate::wire::{InvalidJson, Wire, parse_object};

/// The name of the kind of such an event.
pub(super) fn amendment_kind(change: &Change) -> &'static str {
    match change {
        Change::Edit { .. } => "edit",
        Change::Delete { .. } => "delete",
        Change::Reaction { .. } => "reaction",
        Change::Pin { .. } => "pin",
    }
}

/// Writes what such an event has beside the common fields.
pub(super) fn serialize_amendment<M: SerializeMap>(
    amendment: &Amendment,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("target", &Wire(amendment.target))?;
    map.serialize_entry("by", amendment.by.as_str())?;
    if let Some(client_id) = amendment.client_id {
        map.serialize_entry("client_id", &Wire(client_id))?;
    }
    match &amendment.change {
        Change::Edit { text, mentions } => {
            map.serialize_entry("text", text)?;
            map.serialize_entry("mentions", &Wire(mentions))?;
        }
        Change::Delete { reason, thread } => {
            map.serialize_entry("reason", reason.as_str())?;
            if let Some(root) = thread {
                map.serialize_entry("thread", &Wire(*root))?;
            }
        }
        Change::Reaction { emoji, on } => {
            map.serialize_entry("emoji", emoji.as_str())?;
            map.serialize_entry("on", on)?;
        }
        Change::Pin { on } => map.serialize_entry("on", on)?,
    }
    Ok(())
}

/// What all four have.
#[derive(Deserialize)]
struct CommonFields {
    target: Wire<Seq>,
    by: Wire<UserId>,
    client_id: Option<Wire<ClientId>>,
}

/// Reads what they have in common, and then what the kind has of its own.
pub(super) fn parse_amendment<F: DeserializeOwned>(
    json: &str,
    into_change: impl FnOnce(F) -> Change,
) -> Result<EventBody, InvalidJson> {
    let common: CommonFields = parse_object(json)?;
    Ok(EventBody::Amendment(Amendment {
        target: common.target.0,
        by: common.by.0,
        client_id: common.client_id.map(|name| name.0),
        change: into_change(parse_object(json)?),
    }))
}

#[derive(Deserialize)]
pub(super) struct EditFields {
    text: String,
    #[serde(default)]
    mentions: Wire<Mentions>,
}

impl EditFields {
    pub(super) fn into_change(self) -> Change {
        Change::Edit {
            text: self.text,
            mentions: self.mentions.0,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct DeleteFields {
    reason: Wire<DeleteReason>,
    thread: Option<Wire<Seq>>,
}

impl DeleteFields {
    pub(super) fn into_change(self) -> Change {
        Change::Delete {
            reason: self.reason.0,
            thread: self.thread.map(|root| root.0),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ReactionFields {
    emoji: Wire<Emoji>,
    on: bool,
}

impl ReactionFields {
    pub(super) fn into_change(self) -> Change {
        Change::Reaction {
            emoji: self.emoji.0,
            on: self.on,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PinFields {
    on: bool,
}

impl PinFields {
    pub(super) fn into_change(self) -> Change {
        Change::Pin { on: self.on }
    }
}

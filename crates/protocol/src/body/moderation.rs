//! `/v1/conversations/{id}/bans`, `…/owner` and `…/messages/{seq}/history`.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::Version;

use crate::wire::{Wire, WireMentions, WireSeq, WireTimestamp, WireUserId};

/// `PUT /v1/conversations/{id}/bans/{user}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BanToMake {
    /// Why; every member can read it in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Somebody who is kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ban {
    /// Who.
    pub user: WireUserId,
    /// The event that banned them.
    pub seq: WireSeq,
    /// When that was.
    pub at: WireTimestamp,
    /// Who did it.
    pub by: WireUserId,
    /// Why, if that was said.
    pub reason: Option<String>,
}

/// `GET /v1/conversations/{id}/bans`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Bans {
    /// In the order of the users' ids.
    pub bans: Vec<Ban>,
    /// Whether others follow; pass the last one's user as `after`.
    pub more: bool,
}

/// `POST /v1/conversations/{id}/owner`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewOwner {
    /// The member who becomes an owner in the place of the caller.
    pub user: WireUserId,
}

/// What a message said from some event on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageVersion {
    /// The event that made it say so: the message itself, or an edit.
    pub seq: WireSeq,
    /// When that was.
    pub at: WireTimestamp,
    /// Who did it.
    pub by: WireUserId,
    /// What it said; empty if the message was deleted since.
    pub text: String,
    /// Whom it mentioned; nobody if the message was deleted since.
    pub mentions: WireMentions,
}

/// `GET /v1/conversations/{id}/messages/{seq}/history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageHistory {
    /// Oldest first.
    pub versions: Vec<MessageVersion>,
    /// Whether others follow; pass the last one's `seq` as `after`.
    pub more: bool,
}

impl From<Version> for MessageVersion {
    fn from(version: Version) -> Self {
        Self {
            seq: Wire(version.seq),
            at: Wire(version.at),
            by: Wire(version.by),
            text: version.text,
            mentions: Wire(version.mentions),
        }
    }
}

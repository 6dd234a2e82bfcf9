//! `/v1/conversations/{id}/invites` and `/v1/invites/{code}`.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation;

use crate::wire::{
    Secret, Wire, WireConversationKind, WireInviteId, WireRole, WireTimestamp, WireUserId,
};

/// `POST /v1/conversations/{id}/invites`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InviteToMake {
    /// For how long it can be used, in milliseconds; for ever if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// How many can join by it; any number if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_max: Option<u64>,
    /// What those who join by it may do: `member`, which it is if absent, or `guest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<WireRole>,
}

/// The answer: the invite with its code, which is never shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MadeInvite {
    /// Its id, to revoke it by; no secret.
    pub invite_id: WireInviteId,
    /// The secret: whoever has it may join.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: Secret,
    /// What those who join by it may do.
    pub role: WireRole,
    /// When it ends; `null` for never.
    pub expires_at: Option<WireTimestamp>,
    /// How many can join by it; `null` for any number.
    pub uses_max: Option<u64>,
    /// How many have.
    pub uses: u64,
}

/// An invite, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invite {
    /// Its id, to revoke it by; no secret.
    pub invite_id: WireInviteId,
    /// Who made it.
    pub by: WireUserId,
    /// When.
    pub at: WireTimestamp,
    /// What those who join by it may do.
    pub role: WireRole,
    /// When it ends; `null` for never.
    pub expires_at: Option<WireTimestamp>,
    /// How many can join by it; `null` for any number.
    pub uses_max: Option<u64>,
    /// How many have.
    pub uses: u64,
}

/// `GET /v1/conversations/{id}/invites`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Invites {
    /// Oldest first. Some of those that have ended may still be among them.
    pub invites: Vec<Invite>,
}

/// `GET /v1/invites/{code}`: what it is to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InvitePreview {
    /// The conversation's title.
    pub title: Option<String>,
    /// What kind it is.
    pub kind: WireConversationKind,
    /// How many members it has.
    pub member_count: u64,
}

impl MadeInvite {
    /// The answer to whoever made `invite`.
    pub fn new(invite: &conversation::Invite, code: Secret) -> Self {
        Self {
            invite_id: Wire(invite.id),
            code,
            role: Wire(invite.role),
            expires_at: invite.expires_at.map(Wire),
            uses_max: invite.uses_max,
            uses: invite.uses,
        }
    }
}

impl From<conversation::Invite> for Invite {
    fn from(invite: conversation::Invite) -> Self {
        Self {
            invite_id: Wire(invite.id),
            by: Wire(invite.by),
            at: Wire(invite.at),
            role: Wire(invite.role),
            expires_at: invite.expires_at.map(Wire),
            uses_max: invite.uses_max,
            uses: invite.uses,
        }
    }
}

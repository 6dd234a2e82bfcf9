//! `/v1/conversations/{id}/members`.

use serde::{Deserialize, Serialize};

use crate::wire::{WireRole, WireSeq, WireTimestamp, WireUserId};

/// A member, as other members see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Member {
    /// Who.
    pub user: WireUserId,
    /// What they may do.
    pub role: WireRole,
    /// The event that made them a member.
    pub joined_seq: WireSeq,
    /// Up to where they have read.
    pub read_seq: WireSeq,
}

/// `GET /v1/conversations/{id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Members {
    /// The members, in the order of their ids.
    pub members: Vec<Member>,
    /// Whether others follow; pass the last one's id as `after`.
    pub more: bool,
}

/// `POST /v1/conversations/{id}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MembersToAdd {
    /// Whom to add.
    pub users: Vec<WireUserId>,
    /// What they may do; `member` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<WireRole>,
}

/// `PATCH /v1/conversations/{id}/members/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RolePatch {
    /// What they may do from now on.
    pub role: WireRole,
}

/// The answer to a change of membership or settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Accepted {
    /// The place of the new event; the head, if all was already as wished.
    pub seq: WireSeq,
    /// When it was accepted; absent if all was already as wished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<WireTimestamp>,
}

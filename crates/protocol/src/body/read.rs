//! `/v1/conversations/{id}/read` and `…/readers`.

use serde::{Deserialize, Serialize};

use crate::wire::{WireSeq, WireUserId, from_one};

/// `PUT /v1/conversations/{id}/read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MoveCursor {
    /// Up to which event the caller has read; from 1.
    #[serde(deserialize_with = "from_one")]
    pub seq: WireSeq,
}

/// Where the caller's cursor stands now. It never moves back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cursor {
    /// Up to where the caller has read.
    pub read_seq: WireSeq,
    /// Messages above it that somebody else sent.
    pub unread: u64,
    /// Those of them that mention the caller.
    pub mentions: u64,
}

/// Somebody who has read up to the place asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reader {
    /// Who.
    pub user: WireUserId,
    /// Up to where they have read.
    pub read_seq: WireSeq,
}

/// `GET /v1/conversations/{id}/readers?seq=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Readers {
    /// Those members, in the order of their ids.
    pub readers: Vec<Reader>,
    /// Members whose devices have fetched up to there, and who have not read it, in the order of their ids.
    #[serde(default)]
    pub delivered: Vec<DeliveredTo>,
}

/// Somebody whose device has fetched up to the place asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveredTo {
    /// Who.
    pub user: WireUserId,
    /// Up to where their devices have fetched.
    pub delivered_seq: WireSeq,
}

/// The answer to `PUT …/delivered`. It never moves back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveredCursor {
    /// Up to where the caller's devices have fetched, as far as that is kept; what was read counts as fetched.
    pub delivered_seq: WireSeq,
}

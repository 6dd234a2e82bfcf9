//! `/v1/blocks`.

use serde::{Deserialize, Serialize};

use crate::wire::{WireTimestamp, WireUserId};

/// Somebody whom the caller blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Block {
    /// Who.
    pub user: WireUserId,
    /// Since when.
    pub at: WireTimestamp,
}

/// `GET /v1/blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Blocks {
    /// In the order of the users' ids.
    pub users: Vec<Block>,
    /// Whether others follow; pass the last one's user as `after`.
    pub more: bool,
}

//! `/v1/mentions`.

use serde::{Deserialize, Serialize};

use crate::wire::{WireConversationId, WirePosition, WireSeq, WireTimestamp, WireUserId};

/// A message that mentions the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Mention {
    /// Where it was said.
    pub conversation: WireConversationId,
    /// Its place there.
    pub seq: WireSeq,
    /// When the server accepted it.
    pub at: WireTimestamp,
    /// Who said it.
    pub sender: WireUserId,
    /// What it says.
    pub text: String,
    /// Its place in commit order.
    pub position: WirePosition,
}

/// `GET /v1/mentions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MentionsPage {
    /// The messages, newest first.
    pub mentions: Vec<Mention>,
    /// What to pass as `before` for the next page; `null` on the last one.
    pub next: Option<WirePosition>,
}

//! `POST /v1/sync`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::body::Conversation;
use crate::wire::{LogEntry, WireConversationId, WireSeq, cursors};

/// What a device holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SyncRequest {
    /// The history that the device knows. If the server's is another, the cursors mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The last event held of each conversation.
    #[serde(default, deserialize_with = "cursors")]
    pub conversations: BTreeMap<WireConversationId, WireSeq>,
    /// The most events of each conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<u32>, minimum = 1))]
    pub limit: Option<NonZeroU32>,
}

/// Everything that changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SyncResponse {
    /// The server's history. If it is not the one asked about, drop what is held and start again.
    pub epoch: String,
    /// The conversations asked about that the caller is in, each with its counts: cursors may have moved
    /// on another device although nothing happened.
    pub conversations: Vec<SyncedConversation>,
    /// Conversations that were not asked about.
    pub added: Vec<Conversation>,
    /// Conversations asked about in which the caller is no more.
    pub removed: Vec<WireConversationId>,
}

/// What happened in one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SyncedConversation {
    /// Which.
    pub id: WireConversationId,
    /// The place of its last event.
    pub head_seq: WireSeq,
    /// Up to where the caller has read.
    pub read_seq: WireSeq,
    /// Messages above `read_seq` that somebody else sent.
    pub unread: u64,
    /// Those of them that mention the caller.
    pub mentions: u64,
    /// The events that were missing, oldest first.
    pub events: Vec<LogEntry>,
    /// Whether others follow these.
    pub more: bool,
    /// The first event that the caller sees, where there are others before it and some are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_from: Option<WireSeq>,
}

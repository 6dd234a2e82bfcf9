//! `/v1/conversations`.

use serde::{Deserialize, Serialize};
use tidemark_core::conversation::{Role, RulesChange, SettingsChange};

use crate::body::Message;
use crate::wire::{
    NotSupported, Wire, WireClientId, WireConversationId, WireConversationKind, WireHistory,
    WirePosition, WireRole, WireSeq, WireTimestamp, WireUserId, WireVisibility, optional_list,
    present,
};

/// A conversation as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of its own in the protocol"
)]
pub struct Conversation {
    /// Its id.
    pub id: WireConversationId,
    /// What kind it is; never changes.
    pub kind: WireConversationKind,
    /// Its title.
    pub title: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// Who may find it.
    pub visibility: WireVisibility,
    /// When it began.
    pub created_at: WireTimestamp,
    /// The place of its last event.
    pub head_seq: WireSeq,
    /// How many members it has.
    pub member_count: u64,
    /// What the caller may do here; `null` for whoever is no member.
    pub role: Option<WireRole>,
    /// Up to where the caller has read; 0 for whoever is no member.
    pub read_seq: WireSeq,
    /// Messages above `read_seq` that somebody else sent.
    pub unread: u64,
    /// Those of them that mention the caller.
    pub mentions: u64,
    /// Whether the caller wants no notifications of it, by the server's clock.
    pub muted: bool,
    /// Until when.
    pub muted_until: Option<WireTimestamp>,
    /// Whether the caller put it out of the way.
    pub archived: bool,
    /// Whether it is a favourite of the caller's.
    pub favourite: bool,
    /// The message that the caller wants to come back to.
    pub marked_unread_at: Option<WireSeq>,
    /// What newcomers see.
    #[serde(default)]
    pub history: WireHistory,
    /// How many seconds lie at least between two messages of one person below moderator; `null` if none have to.
    #[serde(default)]
    pub slow_mode_seconds: Option<u32>,
    /// Whether nobody below moderator sends messages.
    #[serde(default)]
    pub announcements_only: bool,
    /// The least role that may mention everybody.
    #[serde(default = "member")]
    pub mention_all: WireRole,
    /// The first event that the caller sees, if they are a member and there are others before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_from: Option<WireSeq>,
    /// The newest message, if there is one that the caller may read.
    pub last_message: Option<Message>,
}

/// Of a server that does not say who may mention everybody.
fn member() -> WireRole {
    Wire(Role::Member)
}

/// `GET /v1/conversations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Inbox {
    /// The caller's conversations, last active first.
    pub conversations: Vec<Conversation>,
    /// What to pass as `before` for the next page; `null` on the last one.
    pub next: Option<WirePosition>,
}

/// `POST /v1/conversations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewConversation {
    /// What kind.
    pub kind: WireConversationKind,
    /// Its title; a direct conversation has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who is in it beside the caller.
    #[serde(
        default,
        deserialize_with = "optional_list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub members: Vec<WireUserId>,
    /// Names the wish, so that a retry finds the conversation that the first try made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<WireClientId>,
    /// Who may find it; `private` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<WireVisibility>,
}

/// `PATCH /v1/conversations/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConversationPatch {
    /// The new title; `null` takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub title: Option<Option<String>>,
    /// The new topic; `null` takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub topic: Option<Option<String>>,
    /// The new visibility.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<WireVisibility>,
    /// What newcomers see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<WireHistory>,
    /// How many seconds lie at least between two messages of one person below moderator, at most 86,400; `null` and 0
    /// take it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<u32>))]
    pub slow_mode_seconds: Option<Option<u32>>,
    /// Whether nobody below moderator sends messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcements_only: Option<bool>,
    /// The least role that may mention everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention_all: Option<WireRole>,
    /// Refused: nothing deletes old messages yet.
    #[serde(default, skip_serializing)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub retention_days: NotSupported,
}

impl From<ConversationPatch> for SettingsChange {
    fn from(patch: ConversationPatch) -> Self {
        Self {
            title: patch.title,
            topic: patch.topic,
            visibility: patch.visibility.map(|visibility| visibility.0),
            retention_days: None,
            rules: RulesChange {
                history: patch.history.map(|history| history.0),
                slow_mode_seconds: patch.slow_mode_seconds.map(Option::unwrap_or_default),
                announcements_only: patch.announcements_only,
                mention_all: patch.mention_all.map(|role| role.0),
            },
        }
    }
}

//! `/v1/personal` and `/v1/conversations/{id}/personal`: what belongs to one user.

use serde::{Deserialize, Serialize};
use tidemark_core::ConversationId;
use tidemark_core::personal::{self, PersonalChange, Versioned};

use crate::wire::{Wire, WireConversationId, WireSeq, WireTimestamp, present};

/// What the caller keeps of a conversation for themselves; also the fields of a `personal` frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Personal {
    /// Of which conversation.
    pub conversation: WireConversationId,
    /// The number of the change that made it, among all of the caller's; 0 where nothing was changed. Of two states
    /// of a conversation, the one with the higher version is the newer one.
    pub version: u64,
    /// Until when the caller wants no notifications of it.
    pub muted_until: Option<WireTimestamp>,
    /// Whether it is out of the way.
    pub archived: bool,
    /// Whether it is a favourite.
    pub favourite: bool,
    /// The message to come back to; over as soon as `read_seq` grows or the caller sends something.
    pub marked_unread_at: Option<WireSeq>,
    /// What the caller has begun to write.
    pub draft: Option<Draft>,
}

/// A message that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Draft {
    /// What it says so far; at most as long as a message.
    pub text: String,
    /// The event that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<WireSeq>,
}

/// `PUT /v1/conversations/{id}/personal`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonalPatch {
    /// Until when to be quiet, from 0; `null` for not at all.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<WireTimestamp>))]
    pub muted_until: Option<Option<WireTimestamp>>,
    /// Whether it is out of the way; `null` is false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<bool>))]
    pub archived: Option<Option<bool>>,
    /// Whether it is a favourite; `null` is false.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<bool>))]
    pub favourite: Option<Option<bool>>,
    /// The message to come back to, from 1 to `head_seq`; `null` takes the mark away. The cursor stays where it is.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<WireSeq>))]
    pub marked_unread_at: Option<Option<WireSeq>>,
    /// The new draft; `null`, or one without text that answers nothing, takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Draft>))]
    pub draft: Option<Option<Draft>>,
}

/// `GET /v1/personal?after=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonalChanges {
    /// The last state of each conversation that was changed since, in the order of versions.
    pub changes: Vec<Personal>,
    /// What to pass as `after` the next time: up to there, nothing is missing.
    pub version: u64,
    /// Whether others follow these.
    pub more: bool,
}

impl Personal {
    /// What the store keeps of a conversation.
    pub fn new(conversation: ConversationId, state: Versioned) -> Self {
        let Versioned { version, personal } = state;
        Self {
            conversation: Wire(conversation),
            version,
            muted_until: personal.muted_until.map(Wire),
            archived: personal.archived,
            favourite: personal.favourite,
            marked_unread_at: personal.marked_unread_at.map(Wire),
            draft: personal.draft.map(|draft| Draft {
                text: draft.text,
                reply_to: draft.reply_to.map(Wire),
            }),
        }
    }
}

impl From<PersonalPatch> for PersonalChange {
    fn from(patch: PersonalPatch) -> Self {
        let draft = |draft: Draft| personal::Draft {
            text: draft.text,
            reply_to: draft.reply_to.map(|seq| seq.0),
        };
        Self {
            muted_until: patch.muted_until.map(|until| until.map(|until| until.0)),
            archived: patch.archived.map(Option::unwrap_or_default),
            favourite: patch.favourite.map(Option::unwrap_or_default),
            marked_unread_at: patch.marked_unread_at.map(|mark| mark.map(|mark| mark.0)),
            draft: patch.draft.map(|it| it.map(draft)),
        }
    }
}

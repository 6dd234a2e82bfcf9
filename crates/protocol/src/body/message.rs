//! `/v1/conversations/{id}/messages` and `…/events`.

use serde::{Deserialize, Serialize};
use tidemark_core::ConversationId;
use tidemark_core::conversation::{self, NewReply};
use tidemark_core::timeline::{self, TimelineMessage};

use crate::body::{Attachment, UploadReference};
use crate::wire::{
    LogEntry, Wire, WireClientId, WireConversationId, WireEmoji, WireMentions, WireSeq,
    WireTimestamp, WireUserId, optional_from_one, optional_list,
};

/// `POST /v1/conversations/{id}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewMessage {
    /// Names the message, so that a retry is recognised.
    pub client_id: WireClientId,
    /// What it says.
    pub text: String,
    /// The message that it answers.
    #[serde(default, deserialize_with = "optional_from_one")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<WireSeq>,
    /// Whose attention it asks for.
    #[serde(default, skip_serializing_if = "Wire::is_nobody")]
    pub mentions: WireMentions,
    /// When the sender's clock says that it was written. Shown, never trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_at: Option<WireTimestamp>,
    /// The thread that it replies in: the place of its first message.
    #[serde(default, deserialize_with = "optional_from_one")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<WireSeq>,
    /// Whether the conversation is to show it as well, and not the thread alone; only with `thread`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub also_in_conversation: bool,
    /// The uploads that it shows, the caller's own; with some, `text` may be empty.
    #[serde(default, deserialize_with = "optional_list")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<UploadReference>,
}

impl NewMessage {
    /// One that says something, and nothing else.
    pub fn of_text(client_id: WireClientId, text: String) -> Self {
        Self {
            client_id,
            text,
            reply_to: None,
            mentions: WireMentions::default(),
            client_at: None,
            thread: None,
            also_in_conversation: false,
            attachments: Vec::new(),
        }
    }

    /// What is wrong with the fields together, where each by itself is right.
    ///
    /// # Errors
    ///
    /// What to answer.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.also_in_conversation && self.thread.is_none() {
            return Err(ALSO_WITHOUT_THREAD);
        }
        Ok(())
    }
}

/// What is wrong with a message that is to be shown also in the conversation, besides nowhere.
pub(crate) const ALSO_WITHOUT_THREAD: &str = "also_in_conversation: only with thread";

impl From<NewMessage> for conversation::NewMessage {
    fn from(body: NewMessage) -> Self {
        Self {
            client_id: body.client_id.0,
            text: body.text,
            reply_to: body.reply_to.map(|seq| seq.0),
            mentions: body.mentions.0,
            client_at: body.client_at.map(|at| at.0),
            thread: body.thread.map(|thread| NewReply {
                thread: thread.0,
                also_in_conversation: body.also_in_conversation,
            }),
            attachments: body.attachments.into_iter().map(|it| it.0).collect(),
        }
    }
}

impl From<conversation::NewMessage> for NewMessage {
    fn from(message: conversation::NewMessage) -> Self {
        Self {
            client_id: Wire(message.client_id),
            text: message.text,
            reply_to: message.reply_to.map(Wire),
            mentions: Wire(message.mentions),
            client_at: message.client_at.map(Wire),
            thread: message.thread.map(|reply| Wire(reply.thread)),
            also_in_conversation: message
                .thread
                .is_some_and(|reply| reply.also_in_conversation),
            attachments: message
                .attachments
                .into_iter()
                .map(UploadReference)
                .collect(),
        }
    }
}

/// The answer: 201 for a new message, 200 for a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageAccepted {
    /// The message's place.
    pub seq: WireSeq,
    /// When it was accepted, the first time.
    pub at: WireTimestamp,
    /// Whether it had been accepted before.
    pub duplicate: bool,
}

/// A message as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the protocol"
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Message {
    /// Where it was said.
    pub conversation: WireConversationId,
    /// Its place.
    pub seq: WireSeq,
    /// When the server accepted it.
    pub at: WireTimestamp,
    /// The kind of its event.
    pub kind: MessageKind,
    /// Who sent it.
    pub sender: WireUserId,
    /// What the sender's client named it.
    pub client_id: WireClientId,
    /// What it says.
    pub text: String,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<WireSeq>,
    /// Whose attention it asks for.
    #[serde(default, skip_serializing_if = "Wire::is_nobody")]
    pub mentions: WireMentions,
    /// When the sender's clock says that it was written. Shown, never trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_at: Option<WireTimestamp>,
    /// When its text was changed the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<WireTimestamp>,
    /// Whether it was deleted, so that only its place is left.
    pub deleted: bool,
    /// What people reacted with.
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// The thread that it is a reply in: the place of its first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<WireSeq>,
    /// Whether the conversation shows it as well, and not the thread alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub also_in_conversation: bool,
    /// Whether it is its sender's first reply in the thread.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_in_thread: bool,
    /// How many replies there are below it that nobody deleted; absent if there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<u64>,
    /// Those who replied last, the latest first, each once; at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thread_participants: Vec<WireUserId>,
    /// How many people ever replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_participant_count: Option<u64>,
    /// The files that it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The place of the last reply, deleted or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reply_seq: Option<WireSeq>,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reply_at: Option<WireTimestamp>,
}

/// One emoji that people reacted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// Which.
    pub emoji: WireEmoji,
    /// How many people.
    pub count: u64,
    /// Whether the caller is one of them.
    pub mine: bool,
}

impl From<timeline::Reaction> for Reaction {
    fn from(reaction: timeline::Reaction) -> Self {
        Self {
            emoji: Wire(reaction.emoji),
            count: reaction.count,
            mine: reaction.mine,
        }
    }
}

impl From<Reaction> for timeline::Reaction {
    fn from(reaction: Reaction) -> Self {
        Self {
            emoji: reaction.emoji.0,
            count: reaction.count,
            mine: reaction.mine,
        }
    }
}

/// `PATCH /v1/conversations/{id}/messages/{seq}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageEdit {
    /// What the message says from now on.
    pub text: String,
    /// Whose attention it asks for from now on; as before if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mentions: Option<WireMentions>,
    /// Names the wish, so that a retry is recognised whatever happened in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<WireClientId>,
}

/// What `kind` says of a message: the same as its event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MessageKind {
    /// A message.
    #[default]
    Message,
}

impl Message {
    /// A message of `conversation`, as it stands.
    pub fn new(conversation: ConversationId, held: TimelineMessage) -> Self {
        let message = held.message;
        Self {
            conversation: Wire(conversation),
            seq: Wire(held.seq),
            at: Wire(held.at),
            kind: MessageKind::Message,
            sender: Wire(message.sender),
            client_id: Wire(message.client_id),
            text: message.text,
            reply_to: message.reply_to.map(Wire),
            mentions: Wire(message.mentions),
            client_at: message.client_at.map(Wire),
            edited_at: held.edited_at.map(Wire),
            deleted: held.deleted,
            reactions: held.reactions.into_iter().map(Reaction::from).collect(),
            pinned: held.pinned,
            thread: message.thread.map(|thread| Wire(thread.root)),
            also_in_conversation: message
                .thread
                .is_some_and(|thread| thread.also_in_conversation),
            first_in_thread: message.thread.is_some_and(|thread| thread.first),
            replies: None,
            thread_participants: Vec::new(),
            thread_participant_count: None,
            attachments: message
                .attachments
                .into_iter()
                .map(Attachment::from)
                .collect(),
            last_reply_seq: None,
            last_reply_at: None,
        }
        .with_replies(held.replies)
    }
}

/// `GET /v1/conversations/{id}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessagesPage {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// The conversation's head when the page was read.
    pub head_seq: WireSeq,
    /// Whether there are further messages in the direction asked for.
    pub more: bool,
}

/// `GET /v1/conversations/{id}/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventsPage {
    /// Oldest first, without holes.
    pub events: Vec<LogEntry>,
    /// The conversation's head when the page was read.
    pub head_seq: WireSeq,
    /// Whether others follow these.
    pub more: bool,
    /// The first event that the caller sees, where there are others before it: a page of what was before begins there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_from: Option<WireSeq>,
}

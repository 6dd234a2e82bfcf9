//! A message on its way out.

use tidemark_core::conversation::{Mentions, NewMessage, NewReply};
use tidemark_core::{ClientId, Seq, Timestamp, UploadId};
use uuid::Uuid;

/// Something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// What it says.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// Whose attention it asks for.
    pub mentions: Mentions,
    /// When the own clock says that it was written.
    pub client_at: Option<Timestamp>,
    /// What it is named. If it has no name yet, the client gives it one.
    pub client_id: Option<ClientId>,
    /// The thread that it replies in.
    pub thread: Option<NewReply>,
    /// The uploads that it shows.
    pub attachments: Vec<UploadId>,
}

impl OutgoingMessage {
    /// A message that only has a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            client_id: None,
            thread: None,
            attachments: Vec::new(),
        }
    }

    /// Mentions these people.
    #[must_use]
    pub fn mentioning(self, mentions: Mentions) -> Self {
        Self { mentions, ..self }
    }

    /// Answers the message at this place.
    #[must_use]
    pub fn replying_to(self, seq: Seq) -> Self {
        Self {
            reply_to: Some(seq),
            ..self
        }
    }

    /// Replies in the thread below the message at `thread`; the conversation shows it as well where
    /// `also_in_conversation` says so.
    #[must_use]
    pub fn in_thread(self, thread: Seq, also_in_conversation: bool) -> Self {
        Self {
            thread: Some(NewReply {
                thread,
                also_in_conversation,
            }),
            ..self
        }
    }

    /// Shows these uploads of one's own.
    #[must_use]
    pub fn showing(self, attachments: Vec<UploadId>) -> Self {
        Self {
            attachments,
            ..self
        }
    }

    /// Is named so. For a message whose earlier try may have arrived.
    #[must_use]
    pub fn named(self, client_id: ClientId) -> Self {
        Self {
            client_id: Some(client_id),
            ..self
        }
    }

    pub(crate) fn into_new(self) -> NewMessage {
        NewMessage {
            client_id: self.client_id.unwrap_or_else(|| ClientId(Uuid::now_v7())),
            text: self.text,
            reply_to: self.reply_to,
            mentions: self.mentions,
            client_at: self.client_at,
            thread: self.thread,
            attachments: self.attachments,
        }
    }
}

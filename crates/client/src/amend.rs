//! Changing messages that were sent: editing, deleting, reacting, pinning.

use std::time::Duration;

use tidemark_core::conversation::{Emoji, Mentions, Wish};
use tidemark_core::{ClientId, ConversationId, Seq};
use tidemark_protocol::Code;
use tidemark_protocol::body::{MessageAccepted, MessageEdit};
use tidemark_protocol::wire::Wire;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Client, HttpError, Receipt};

/// How often a wish is tried, and the pause before the second try, which doubles with each.
const TRIES_MAX: u32 = 6;
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest pause that a server may ask for.
const ASKED_PAUSE_MAX: Duration = Duration::from_secs(30);

/// All of these go over HTTP, under a name that stays the same over every try: a try whose answer was lost is
/// recognised by the server, whatever happened to the message since. What comes of it shows in the timeline as any
/// event does. They wait for no connection: after a few tries over some seconds they give up.
impl Client {
    /// Makes a message of the user's own say something else. `mentions` of `None` leaves those as they are.
    ///
    /// # Errors
    ///
    /// When the server refuses, or cannot be reached over several tries.
    pub async fn edit(
        &self,
        conversation: ConversationId,
        seq: Seq,
        text: impl Into<String>,
        mentions: Option<Mentions>,
    ) -> Result<Receipt, HttpError> {
        let text = text.into();
        let wish = Wish::Edit { text, mentions };
        self.amend(conversation, seq, wish).await
    }

    /// Deletes a message.
    ///
    /// # Errors
    ///
    /// As [`Client::edit`].
    pub async fn delete(
        &self,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Receipt, HttpError> {
        self.amend(conversation, seq, Wish::Delete).await
    }

    /// Reacts to a message, or takes that back.
    ///
    /// # Errors
    ///
    /// As [`Client::edit`].
    pub async fn react(
        &self,
        conversation: ConversationId,
        seq: Seq,
        emoji: Emoji,
        on: bool,
    ) -> Result<Receipt, HttpError> {
        let wish = Wish::React { emoji, on };
        self.amend(conversation, seq, wish).await
    }

    /// Pins a message, or takes that back.
    ///
    /// # Errors
    ///
    /// As [`Client::edit`].
    pub async fn pin(
        &self,
        conversation: ConversationId,
        seq: Seq,
        on: bool,
    ) -> Result<Receipt, HttpError> {
        self.amend(conversation, seq, Wish::Pin { on }).await
    }

    async fn amend(
        &self,
        conversation: ConversationId,
        seq: Seq,
        wish: Wish,
    ) -> Result<Receipt, HttpError> {
        let name = ClientId(Uuid::now_v7());
        let mut tries = 1;
        loop {
            let error = match self.amend_once(conversation, seq, &wish, name).await {
                Ok(accepted) => {
                    return Ok(Receipt {
                        client_id: name,
                        seq: accepted.seq.0,
                        at: accepted.at.0,
                        duplicate: accepted.duplicate,
                    });
                }
                Err(error) => error,
            };
            match pause_after(&error, tries) {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
            tries += 1;
        }
    }

    async fn amend_once(
        &self,
        id: ConversationId,
        seq: Seq,
        wish: &Wish,
        name: ClientId,
    ) -> Result<MessageAccepted, HttpError> {
        let (http, named) = (self.http(), Some(name));
        match wish {
            Wish::Edit { text, mentions } => {
                let edit = MessageEdit {
                    text: text.clone(),
                    mentions: mentions.clone().map(Wire),
                    client_id: Some(Wire(name)),
                };
                http.edit_message(id, seq, &edit).await
            }
            Wish::Delete => http.delete_message(id, seq, named).await,
            Wish::React { emoji, on: true } => http.react(id, seq, emoji, named).await,
            Wish::React { emoji, on: false } => {
                http.take_back_reaction(id, seq, emoji, named).await
            }
            Wish::Pin { on: true } => http.pin(id, seq, named).await,
            Wish::Pin { on: false } => http.unpin(id, seq, named).await,
        }
    }
}

/// How long to wait before the next try; nothing where another one would end the same way.
fn pause_after(error: &HttpError, tries: u32) -> Option<Duration> {
    if tries >= TRIES_MAX {
        return None;
    }
    let growing = PAUSE_MIN * 2_u32.pow(tries - 1);
    match error {
        HttpError::Refused {
            code: Code::Unavailable | Code::RateLimited | Code::Internal,
            retry_after,
            ..
        } => Some(retry_after.unwrap_or(growing).min(ASKED_PAUSE_MAX)),
        HttpError::Refused { .. } => None,
        // A balancer without a node behind it answers so.
        HttpError::Unexpected { status } => (*status >= 500).then_some(growing),
        HttpError::Unreachable(_) => Some(growing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Code, retry_after: Option<Duration>) -> HttpError {
        HttpError::Refused {
            code,
            detail: String::new(),
            retry_after,
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(pause_after(&refused(Code::RateLimited, second), 1), second);
        let unavailable = refused(Code::Unavailable, None);
        assert_eq!(pause_after(&unavailable, 1), Some(PAUSE_MIN));
        assert_eq!(pause_after(&unavailable, 3), Some(PAUSE_MIN * 4));
        assert_eq!(pause_after(&unavailable, TRIES_MAX), None);
        for code in [
            Code::Invalid,
            Code::Forbidden,
            Code::NotFound,
            Code::Conflict,
        ] {
            assert_eq!(pause_after(&refused(code, second), 1), None);
        }
        let gateway = HttpError::Unexpected { status: 502 };
        assert_eq!(pause_after(&gateway, 1), Some(PAUSE_MIN));
        assert_eq!(pause_after(&HttpError::Unexpected { status: 404 }, 1), None);
    }
}

//! What becomes of a message.

use tidemark_core::{ClientId, ConversationId, Seq, Timestamp};
use tidemark_protocol::Code;
use tidemark_protocol::session::client::OutboxError;
use tokio::sync::oneshot;

use crate::StopReason;

/// A message that the server has for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What it was named.
    pub client_id: ClientId,
    /// Its place in the conversation.
    pub seq: Seq,
    /// When the server accepted it.
    pub at: Timestamp,
    /// Whether an earlier try had brought it there.
    pub duplicate: bool,
}

/// Why a message is not in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not even taken into the outbox.
    #[error(transparent)]
    NotTaken(#[from] EnqueueError),
    /// The server said no, and would again.
    #[error("the server refused the message ({code}): {detail}")]
    Refused {
        /// What kind of no.
        code: Code,
        /// Why, in words.
        detail: String,
    },
    /// The client stopped first. The message may or may not have arrived; it is in the
    /// [`Snapshot`](crate::Snapshot).
    #[error("the message is still in the outbox: {0}")]
    Stopped(StopReason),
}

/// Why a message was not taken into the outbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// As many messages wait as the outbox may hold.
    #[error("too many messages wait for the server already")]
    Full,
    /// One with this `client_id` waits already.
    #[error("a message with this client_id waits already")]
    Repeated,
    /// The client does not connect any more.
    #[error("{0}")]
    Stopped(StopReason),
}

impl From<OutboxError> for EnqueueError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Full => Self::Full,
            OutboxError::Repeated => Self::Repeated,
        }
    }
}

/// A message in the outbox. Dropping this does not take it out.
#[derive(Debug)]
pub struct Delivery {
    pub(crate) conversation: ConversationId,
    pub(crate) client_id: ClientId,
    pub(crate) outcome: oneshot::Receiver<Result<Receipt, SendError>>,
}

impl Delivery {
    /// Where it goes.
    pub fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// What it is named.
    pub fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// Waits until the server has it for good, over any number of reconnections.
    ///
    /// # Errors
    ///
    /// [`SendError::Refused`] for good, or [`SendError::Stopped`].
    pub async fn receipt(self) -> Result<Receipt, SendError> {
        match self.outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Stopped(StopReason::Closed)),
        }
    }
}

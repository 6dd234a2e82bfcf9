//! What a request, over HTTP or a socket, may reach.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Command};
use tidemark_core::{ConversationId, SessionId, UserId};
use tidemark_store::{CommitError, Directory, Outcome, Store};
use tokio::sync::oneshot;

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::committer::{Closed, Committer};
use crate::config::Config;
use crate::hub::{Hub, Origin, Reply};
use crate::limits::SendLimiter;
use crate::telemetry::Metrics;

/// The parts of a running server. Keeps nothing that matters: all of that is in the store.
pub struct Gateway<S> {
    pub(crate) store: Arc<S>,
    pub(crate) committer: Committer,
    pub(crate) hub: Arc<Hub>,
    pub(crate) authenticator: Authenticator<S>,
    pub(crate) send_limiter: SendLimiter,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl<S: Store + Directory> Gateway<S> {
    /// Commits one command and waits until it is durable.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`]; unavailable also when the server is going away.
    pub async fn submit(
        &self,
        caller: Caller,
        conversation: ConversationId,
        action: Action,
    ) -> Result<Outcome, CommitError> {
        let (reply, outcome) = oneshot::channel();
        let handed_over = self
            .hand_over(caller, conversation, action, Reply::Request(reply))
            .await;
        match handed_over {
            Ok(()) => outcome.await.unwrap_or(Err(CommitError::Unavailable)),
            Err(Closed) => Err(CommitError::Unavailable),
        }
    }

    /// Hands a command over; its outcome goes to `reply`.
    pub(crate) async fn hand_over(
        &self,
        caller: Caller,
        conversation: ConversationId,
        action: Action,
        reply: Reply,
    ) -> Result<(), Closed> {
        let origin = Origin {
            caller: caller.clone(),
            conversation,
            reply,
        };
        let command = Command {
            conversation,
            caller,
            at: self.clock.now(),
            action,
        };
        self.committer.submit(command, origin).await
    }

    /// Closes every socket of a session whose token was revoked, and forgets the token.
    pub fn revoke(&self, user: &UserId, session: SessionId) {
        self.authenticator.forget(session);
        self.hub.revoke(user, session);
    }
}

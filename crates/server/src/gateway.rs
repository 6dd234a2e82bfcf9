//! What a request, over HTTP or a socket, may reach.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Command};
use tidemark_core::{ConversationId, SessionId, UserId};
use tidemark_pipeline::Runtime;
use tidemark_store::{CommitError, Directory, DirectoryError, Outcome, Store, User, UserOrigin};
use tokio::sync::{oneshot, watch};

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::committer::{Closed, Committer};
use crate::config::Config;
use crate::crowd::Crowd;
use crate::hub::{Hub, Origin, Reply};
use crate::limits::{LoginLimiter, SendLimiter};
use crate::telemetry::Metrics;
use crate::uploads::Uploading;
use crate::webhooks;

/// The parts of a running server. Keeps nothing that matters: all of that is in the store.
pub struct Gateway<S> {
    pub(crate) store: Arc<S>,
    pub(crate) committer: Committer,
    pub(crate) hub: Arc<Hub>,
    pub(crate) crowd: Crowd,
    pub(crate) uploading: Uploading,
    pub(crate) authenticator: Authenticator<S>,
    pub(crate) send_limiter: SendLimiter,
    pub(crate) login_limiter: LoginLimiter,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) pipelines: Runtime<S>,
    /// Whoever calls others.
    pub(crate) outward: tidemark_webhooks::Caller,
    pub(crate) webhooks_bell: webhooks::Bell,
    pub(crate) draining: watch::Sender<bool>,
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

    /// Counts a send of a person; an API key sends as often as it likes.
    ///
    /// # Errors
    ///
    /// After how many milliseconds the next one would pass.
    pub(crate) fn allow_send(&self, caller: &Caller) -> Result<(), u64> {
        caller
            .user()
            .map_or(Ok(()), |user| self.send_limiter.check(user))
    }

    /// The profile of whoever asks; one that is made up for an API key, which is nobody.
    ///
    /// # Errors
    ///
    /// As [`Directory::user`].
    pub(crate) async fn profile(&self, caller: &Caller) -> Result<User, DirectoryError> {
        let id = caller.author();
        match caller {
            Caller::User(user) => self.store.user(user).await,
            Caller::Administrator => Ok(User {
                username: id.to_string(),
                id,
                display_name: None,
                avatar: None,
                origin: UserOrigin::Local,
                shows_last_seen: true,
            }),
        }
    }

    /// Makes users of those whom nobody knows yet, where the embedding application says who exists.
    ///
    /// # Errors
    ///
    /// When the store cannot accept now.
    pub(crate) async fn introduce(&self, users: &[UserId]) -> Result<(), DirectoryError> {
        // More than one command may name are refused by the rules in a moment.
        if users.len() > self.config.limits_of_rules().users_per_command_max {
            return Ok(());
        }
        self.authenticator.introduce(users).await
    }

    /// Whether the server is going away and takes no further sockets.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until the server is going away.
    pub(crate) async fn going_away(&self) {
        // The sender is ours, so that there is nothing else to wait for.
        let _ = self
            .draining
            .subscribe()
            .wait_for(|draining| *draining)
            .await;
    }

    /// Closes every socket of a session whose token was revoked, on this node and on others.
    pub fn revoke(&self, user: &UserId, session: SessionId) {
        self.hub.tell_revoked(user, session);
        self.end_session(user, session);
    }

    /// Closes the sockets that a session has on this node, and forgets its token.
    pub(crate) fn end_session(&self, user: &UserId, session: SessionId) {
        self.authenticator.forget(session);
        self.hub.revoke(user, session);
    }
}

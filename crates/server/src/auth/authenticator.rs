//! From a bearer token to whoever it stands for.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::{SessionId, Timestamp, UserId};
use tidemark_store::{Directory, DirectoryError};

use super::api_keys::ConfiguredKeys;
use super::external::ExternalUsers;
use super::jwt::Verifier;
use super::password::Passwords;
use super::sessions::Sessions;
use super::{AuthSetupError, Powers, TokenKind, secret_hash};
use crate::clock::Clock;
use crate::config::{Config, Registration};

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It is not good, or not any more; in words that may be shown.
    #[error("{0}")]
    Refused(&'static str),
    /// The store cannot be asked now.
    #[error("the store cannot answer now")]
    Unavailable,
}

impl From<DirectoryError> for AuthError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound | DirectoryError::Taken => {
                Self::Refused("the token is unknown or was revoked")
            }
            DirectoryError::Unavailable => Self::Unavailable,
        }
    }
}

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// On whose behalf.
    pub caller: Caller,
    /// The session of the token; JWTs and API keys have none.
    pub session: Option<SessionId>,
    /// When the token ends, if it says so. A socket must not outlive it.
    pub expires_at: Option<Timestamp>,
    /// What it is good for.
    pub powers: Powers,
}

/// Knows who is asking.
pub struct Authenticator<S> {
    pub(super) directory: Arc<S>,
    pub(super) clock: Clock,
    pub(super) passwords: Passwords,
    pub(super) registration: Registration,
    sessions: Sessions,
    keys: ConfiguredKeys,
    verifier: Option<Verifier>,
    external: ExternalUsers,
}

impl<S: Directory> Authenticator<S> {
    /// Reads the configured keys.
    ///
    /// # Errors
    ///
    /// [`AuthSetupError`] when a key file cannot be used.
    pub fn new(directory: Arc<S>, config: &Config, clock: Clock) -> Result<Self, AuthSetupError> {
        Ok(Self {
            directory,
            clock,
            passwords: Passwords::new(),
            registration: config.auth.registration,
            sessions: Sessions::believing_for(None),
            keys: ConfiguredKeys::new(&config.api_keys),
            verifier: config.auth.jwt.as_ref().map(Verifier::new).transpose()?,
            external: ExternalUsers::new(),
        })
    }

    /// Asks the store about a session again when it was asked so long ago; as long as nothing is said, never. For a
    /// server that may not hear of a session's end.
    #[must_use]
    pub fn believing_for(mut self, time: Option<Duration>) -> Self {
        self.sessions = Sessions::believing_for(time);
        self
    }

    /// Whom `bearer` stands for: a session token, an API key or a JWT.
    ///
    /// # Errors
    ///
    /// [`AuthError::Refused`] for a token that is not good; nothing tells an unknown one from one that was
    /// revoked.
    pub async fn authenticate(&self, bearer: &str) -> Result<Identity, AuthError> {
        let hash = secret_hash(bearer);
        if self.keys.contain(hash) {
            return Ok(administrator());
        }
        match (TokenKind::of(bearer), &self.verifier) {
            (Some(TokenKind::Session), _) => {
                let owner = self.sessions.owner(&*self.directory, hash).await?;
                Ok(Identity {
                    caller: Caller::User(owner.user),
                    session: Some(owner.session),
                    expires_at: None,
                    powers: Powers::all(),
                })
            }
            (Some(TokenKind::ApiKey), _) => {
                let key = self.directory.api_key(hash).await?;
                Ok(Identity {
                    powers: Powers::of(&key.powers),
                    caller: key.powers.user.map_or(Caller::Administrator, Caller::User),
                    session: None,
                    expires_at: None,
                })
            }
            (None, Some(verifier)) => {
                let now = self.clock.now();
                let claims = verifier.verify(bearer, now).map_err(AuthError::Refused)?;
                self.external.ensure(&*self.directory, &claims, now).await?;
                Ok(Identity {
                    caller: Caller::User(claims.user),
                    session: None,
                    expires_at: claims.expires_at,
                    powers: Powers::all(),
                })
            }
            // A code is no token.
            (Some(TokenKind::Invite), _) | (None, None) => Err(DirectoryError::NotFound.into()),
        }
    }

    /// Makes users of those whom nobody knows yet, where an embedding application signs for its users: what it
    /// names exists.
    ///
    /// # Errors
    ///
    /// When the store cannot accept now.
    pub async fn introduce(&self, users: &[UserId]) -> Result<(), DirectoryError> {
        if self.verifier.is_none() {
            return Ok(());
        }
        let now = self.clock.now();
        self.external.introduce(&*self.directory, users, now).await
    }

    /// Forgets a session that the store has ended: from now on its token is refused.
    pub fn forget(&self, session: SessionId) {
        self.sessions.forget(session);
    }
}

fn administrator() -> Identity {
    Identity {
        caller: Caller::Administrator,
        session: None,
        expires_at: None,
        powers: Powers::all(),
    }
}

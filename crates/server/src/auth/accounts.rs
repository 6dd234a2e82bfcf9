//! Registering and signing in.

use tidemark_core::{SessionId, UserId};
use tidemark_store::{Directory, DirectoryError, NewAccount, NewBot, NewSession, User};
use uuid::Uuid;

use super::{
    Authenticator, DEVICE_NAME_BYTES_MAX, PasswordError, SecretToken, TokenKind, display_name,
};
use crate::config::{Registration, Secret};

/// Why nobody was registered or signed in; in words that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Something cannot be what it was chosen to be.
    #[error("{0}")]
    Invalid(&'static str),
    /// Somebody has the name, or one that looks the same.
    #[error("the username is taken, or looks like one that is")]
    Taken,
    /// The operator lets nobody register.
    #[error("registration is closed")]
    Closed,
    /// There is no such user, or the password is another; nobody is told which.
    #[error("the username or the password is wrong")]
    Wrong,
    /// It cannot be done now.
    #[error("the server cannot do this now")]
    Unavailable,
}

impl From<DirectoryError> for AccountError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Taken => Self::Taken,
            DirectoryError::NotFound => Self::Wrong,
            DirectoryError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<PasswordError> for AccountError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Rules => {
                Self::Invalid("password has fewer than 8 or more than 256 bytes")
            }
            PasswordError::Busy | PasswordError::Broken => Self::Unavailable,
        }
    }
}

/// A new session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Whose.
    pub user: User,
    /// The session.
    pub session: SessionId,
    /// Its token, which is shown only here.
    pub token: Secret,
}

impl<S: Directory> Authenticator<S> {
    /// Registers a local user, whose id is the username, and signs them in. The operator may do so where
    /// registration is closed.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; [`AccountError::Taken`] also for the id of an external user.
    pub async fn register(
        &self,
        username: &str,
        password: &str,
        chosen_name: Option<&str>,
        by_operator: bool,
    ) -> Result<SignedIn, AccountError> {
        if self.registration == Registration::Closed && !by_operator {
            return Err(AccountError::Closed);
        }
        let id = local_user_id(username)?;
        let display_name = chosen_name.map(display_name).transpose();
        let display_name = display_name.map_err(AccountError::Invalid)?;
        let password_hash = self.passwords.hash(password).await?;
        let at = self.clock.now();
        let account = NewAccount {
            id,
            display_name,
            password_hash,
            at,
        };
        let user = self.directory.create_account(account).await?;
        self.begin_session(user, None).await
    }

    /// Makes a bot, whose id is the username.
    ///
    /// # Errors
    ///
    /// As for [`register`](Self::register).
    pub async fn make_bot(
        &self,
        username: &str,
        chosen_name: Option<&str>,
    ) -> Result<User, AccountError> {
        let display_name = chosen_name.map(display_name).transpose();
        let bot = NewBot {
            id: local_user_id(username)?,
            display_name: display_name.map_err(AccountError::Invalid)?,
            at: self.clock.now(),
        };
        Ok(self.directory.create_bot(bot).await?)
    }

    /// Signs a local user in.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; [`AccountError::Wrong`] takes equally long for every cause.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        device_name: Option<String>,
    ) -> Result<SignedIn, AccountError> {
        if device_name
            .as_ref()
            .is_some_and(|name| name.len() > DEVICE_NAME_BYTES_MAX)
        {
            return Err(AccountError::Invalid(
                "device_name is longer than 128 bytes",
            ));
        }
        let known = match self.directory.credentials(username).await {
            Ok(credentials) => Some(credentials),
            Err(DirectoryError::Unavailable) => return Err(AccountError::Unavailable),
            Err(DirectoryError::NotFound | DirectoryError::Taken) => None,
        };
        let hash = known.as_ref().map(|known| known.password_hash.clone());
        let matches = self.passwords.matches(password, hash).await?;
        let known = known.filter(|_| matches).ok_or(AccountError::Wrong)?;
        let user = self.directory.user(&known.user).await?;
        self.begin_session(user, device_name).await
    }

    async fn begin_session(
        &self,
        user: User,
        device_name: Option<String>,
    ) -> Result<SignedIn, AccountError> {
        let token = SecretToken::generate(TokenKind::Session);
        let session = SessionId(Uuid::now_v7());
        let new = NewSession {
            id: session,
            user: user.id.clone(),
            token: token.hash,
            device_name,
            at: self.clock.now(),
        };
        self.directory.create_session(new).await?;
        Ok(SignedIn {
            user,
            session,
            token: token.text,
        })
    }
}

/// The id of a local user. Colons are left to embedding applications, so that their ids can have a
/// namespace that nobody can register in.
fn local_user_id(username: &str) -> Result<UserId, AccountError> {
    let invalid =
        AccountError::Invalid("username is not 1 to 64 bytes of letters, digits and . _ @ -");
    match UserId::parse(username) {
        Ok(id) if !username.contains(':') => Ok(id),
        _ => Err(invalid),
    }
}

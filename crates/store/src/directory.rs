//! The contract for people: users, passwords, sessions and keys.

use std::future::Future;

use tidemark_core::{ConversationId, SessionId, Timestamp, UserId};

use crate::DirectoryError;

/// The SHA-256 of a secret token or key. Secrets themselves are never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// Where a user comes from; the two never mix, so that nobody can take over an id by registering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserOrigin {
    /// Registered here, with a password.
    Local,
    /// Known by the embedding application, which signs for it.
    External,
    /// Made here for a program, which acts by API keys and has no password. Its name is one with those of local users.
    Bot,
}

/// A user's profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name to sign in with; of an external user, the id.
    pub username: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// A URL of a picture.
    pub avatar: Option<String>,
    /// Where the user comes from.
    pub origin: UserOrigin,
    /// Whether others are shown when they were last there.
    pub shows_last_seen: bool,
}

/// What is to change in a profile. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name to show; the inner `None` takes it away.
    pub display_name: Option<Option<String>>,
    /// A URL of a picture; the inner `None` takes it away.
    pub avatar: Option<Option<String>>,
    /// Whether others are shown when the user was last there.
    pub shows_last_seen: Option<bool>,
}

/// A user to register.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The id, which is also the username; unique without regard to ASCII case among local users.
    pub id: UserId,
    /// The name to show.
    pub display_name: Option<String>,
    /// The password's hash, a PHC string.
    pub password_hash: String,
    /// When.
    pub at: Timestamp,
}

/// A bot to make.
#[derive(Clone, Debug)]
pub struct NewBot {
    /// The id, which is also the username; unique without regard to ASCII case among local users and bots.
    pub id: UserId,
    /// The name to show.
    pub display_name: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a sign-in is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// The password's hash, a PHC string.
    pub password_hash: String,
}

/// A session to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The hash of its token.
    pub token: SecretHash,
    /// What the user calls the device.
    pub device_name: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What the user calls the device.
    pub device_name: Option<String>,
    /// When it signed in.
    pub created_at: Timestamp,
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOwner {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
}

/// A key of the server side that was made by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What the operator calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it may do.
    pub powers: KeyPowers,
}

/// A key to make.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What the operator calls it.
    pub name: String,
    /// The hash of it.
    pub hash: SecretHash,
    /// What it may do.
    pub powers: KeyPowers,
    /// When.
    pub at: Timestamp,
}

/// What a key may do; everything by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPowers {
    /// As whom it acts; as an administrator if `None`.
    pub user: Option<UserId>,
    /// What for, in words without spaces that are for whoever checks them; for everything if `None`.
    pub scopes: Option<Vec<String>>,
    /// In which conversation; in all of them if `None`.
    pub conversation: Option<ConversationId>,
}

/// Keeps users, passwords, sessions and keys. Every change is durable before its future resolves.
pub trait Directory: Send + Sync + 'static {
    /// Registers a local user.
    ///
    /// [`DirectoryError::Taken`] if a user has this id, or a local one the same name in another case or one that
    /// [looks the same](tidemark_core::names::skeleton).
    fn create_account(
        &self,
        account: NewAccount,
    ) -> impl Future<Output = Result<User, DirectoryError>> + Send;

    /// Makes a bot.
    ///
    /// [`DirectoryError::Taken`] as for an account.
    fn create_bot(&self, bot: NewBot) -> impl Future<Output = Result<User, DirectoryError>> + Send;

    /// The bots, in the order of their ids.
    fn bots(
        &self,
        entries_max: usize,
    ) -> impl Future<Output = Result<Vec<User>, DirectoryError>> + Send;

    /// Makes sure that these external users exist. Whoever exists, of either origin, stays as they are. A
    /// display name is only taken for users that are new, unless `rename` says otherwise.
    fn ensure_external_users(
        &self,
        users: Vec<(UserId, Option<String>)>,
        rename: bool,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// A profile.
    fn user(&self, id: &UserId) -> impl Future<Output = Result<User, DirectoryError>> + Send;

    /// Profiles whose id or display name begins with `prefix`, without regard to ASCII case, in the
    /// order of their ids.
    fn users_by_prefix(
        &self,
        prefix: &str,
        entries_max: usize,
    ) -> impl Future<Output = Result<Vec<User>, DirectoryError>> + Send;

    /// Changes a profile.
    fn update_profile(
        &self,
        id: &UserId,
        change: ProfileChange,
    ) -> impl Future<Output = Result<User, DirectoryError>> + Send;

    /// Those of these users who do not show when they were last there, in any order. One seek for each.
    fn hiding_last_seen(
        &self,
        users: &[UserId],
    ) -> impl Future<Output = Result<Vec<UserId>, DirectoryError>> + Send;

    /// What to check a sign-in against, by username without regard to ASCII case.
    fn credentials(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Credentials, DirectoryError>> + Send;

    /// Sets a local user's password. Sessions stay.
    fn set_password(
        &self,
        id: &UserId,
        password_hash: String,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// Begins a session.
    fn create_session(
        &self,
        session: NewSession,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// Whom a token stands for; [`DirectoryError::NotFound`] for unknown and revoked ones alike.
    fn session_by_token(
        &self,
        token: SecretHash,
    ) -> impl Future<Output = Result<SessionOwner, DirectoryError>> + Send;

    /// A user's sessions, oldest first.
    fn sessions(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<Session>, DirectoryError>> + Send;

    /// Those of these sessions that there are not (any more), in any order: for a server that compares its
    /// open sockets with what holds. One seek for each.
    fn ended_sessions(
        &self,
        sessions: &[SessionId],
    ) -> impl Future<Output = Result<Vec<SessionId>, DirectoryError>> + Send;

    /// Ends a session of `user`.
    fn revoke_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// Keeps an API key; [`DirectoryError::Taken`] if the name is in use, [`DirectoryError::NotFound`] if there is no
    /// user as whom it is to act.
    fn create_api_key(
        &self,
        key: NewApiKey,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// Whether this is a key.
    fn api_key(
        &self,
        key: SecretHash,
    ) -> impl Future<Output = Result<ApiKey, DirectoryError>> + Send;

    /// The keys, by name.
    fn api_keys(&self) -> impl Future<Output = Result<Vec<ApiKey>, DirectoryError>> + Send;

    /// Ends an API key.
    fn revoke_api_key(&self, name: &str)
    -> impl Future<Output = Result<(), DirectoryError>> + Send;
}

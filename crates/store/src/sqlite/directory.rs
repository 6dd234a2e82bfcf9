//! [`Directory`] for SQLite: changes go through the writer, reads through the pool.

use tidemark_core::{SessionId, Timestamp, UserId};

use crate::{
    ApiKey, Credentials, Directory, DirectoryError, NewAccount, NewApiKey, NewBot, NewSession,
    ProfileChange, SecretHash, Session, SessionOwner, User,
};

use super::SqliteStore;
use super::directory_rows as rows;

impl Directory for SqliteStore {
    async fn create_account(&self, account: NewAccount) -> Result<User, DirectoryError> {
        self.writer
            .change(move |connection| rows::create_account(connection, &account))
            .await
    }

    async fn create_bot(&self, bot: NewBot) -> Result<User, DirectoryError> {
        self.writer
            .change(move |connection| rows::create_bot(connection, &bot))
            .await
    }

    async fn bots(&self, entries_max: usize) -> Result<Vec<User>, DirectoryError> {
        self.readers
            .read(move |connection| rows::bots(connection, entries_max))
            .await
    }

    async fn ensure_external_users(
        &self,
        users: Vec<(UserId, Option<String>)>,
        rename: bool,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        // Nearly always everybody is known, and then there is nothing to make durable.
        let (known, users) = self
            .readers
            .read(move |connection| {
                rows::are_known(connection, &users, rename).map(|known| (known, users))
            })
            .await?;
        if known {
            return Ok(());
        }
        self.writer
            .change(move |connection| rows::ensure_external_users(connection, &users, rename, at))
            .await
    }

    async fn user(&self, id: &UserId) -> Result<User, DirectoryError> {
        let id = id.clone();
        self.readers
            .read(move |connection| rows::user(connection, &id))
            .await
    }

    async fn users_by_prefix(
        &self,
        prefix: &str,
        entries_max: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let prefix = prefix.to_owned();
        self.readers
            .read(move |connection| rows::users_by_prefix(connection, &prefix, entries_max))
            .await
    }

    async fn update_profile(
        &self,
        id: &UserId,
        change: ProfileChange,
    ) -> Result<User, DirectoryError> {
        let id = id.clone();
        self.writer
            .change(move |connection| rows::update_profile(connection, &id, change))
            .await
    }

    async fn hiding_last_seen(&self, users: &[UserId]) -> Result<Vec<UserId>, DirectoryError> {
        let users = users.to_vec();
        self.readers
            .read(move |connection| rows::hiding_last_seen(connection, users))
            .await
    }

    async fn credentials(&self, username: &str) -> Result<Credentials, DirectoryError> {
        let username = username.to_owned();
        self.readers
            .read(move |connection| rows::credentials(connection, &username))
            .await
    }

    async fn set_password(&self, id: &UserId, password_hash: String) -> Result<(), DirectoryError> {
        let id = id.clone();
        self.writer
            .change(move |connection| rows::set_password(connection, &id, &password_hash))
            .await
    }

    async fn create_session(&self, session: NewSession) -> Result<(), DirectoryError> {
        self.writer
            .change(move |connection| rows::create_session(connection, &session))
            .await
    }

    async fn session_by_token(&self, token: SecretHash) -> Result<SessionOwner, DirectoryError> {
        self.readers
            .read(move |connection| rows::session_by_token(connection, token))
            .await
    }

    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>, DirectoryError> {
        let user = user.clone();
        self.readers
            .read(move |connection| rows::sessions(connection, &user))
            .await
    }

    async fn ended_sessions(
        &self,
        sessions: &[SessionId],
    ) -> Result<Vec<SessionId>, DirectoryError> {
        let sessions = sessions.to_vec();
        self.readers
            .read(move |connection| rows::ended_sessions(connection, sessions))
            .await
    }

    async fn revoke_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(), DirectoryError> {
        let user = user.clone();
        self.writer
            .change(move |connection| rows::revoke_session(connection, &user, session))
            .await
    }

    async fn create_api_key(&self, key: NewApiKey) -> Result<(), DirectoryError> {
        self.writer
            .change(move |connection| rows::create_api_key(connection, &key))
            .await
    }

    async fn api_key(&self, key: SecretHash) -> Result<ApiKey, DirectoryError> {
        self.readers
            .read(move |connection| rows::api_key(connection, key))
            .await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, DirectoryError> {
        self.readers.read(rows::api_keys).await
    }

    async fn revoke_api_key(&self, name: &str) -> Result<(), DirectoryError> {
        let name = name.to_owned();
        self.writer
            .change(move |connection| rows::revoke_api_key(connection, &name))
            .await
    }
}

//! [`Directory`] for PostgreSQL.

use tidemark_core::{SessionId, Timestamp, UserId};
use tokio_postgres::Row;

use crate::{
    ApiKey, Credentials, Directory, DirectoryError, NewAccount, NewApiKey, NewBot, NewSession,
    ProfileChange, SecretHash, Session, SessionOwner, User,
};

use super::PostgresStore;
use super::column;
use super::directory_rows as rows;
use super::fault::{Fault, Trouble};
use super::statement::Statement;

type Answer<T> = Result<T, Fault<DirectoryError>>;

impl PostgresStore {
    async fn look_up(&self, statement: Statement) -> Answer<Vec<Row>> {
        let mut answers = self.connections.read(&[statement]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    async fn change(&self, statement: Statement) -> Answer<Vec<Row>> {
        Ok(self.connections.change(statement).await?)
    }
}

/// The first row as what it stands for.
fn first<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Trouble>) -> Answer<T> {
    let row = rows.first().ok_or(DirectoryError::NotFound)?;
    Ok(read(row)?)
}

fn all<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Trouble>) -> Answer<Vec<T>> {
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn found(rows: &[Row]) -> Answer<()> {
    first(rows, |_| Ok(()))
}

/// Whoever was made, unless the name is taken.
fn made_user(made: &[Row]) -> Result<User, DirectoryError> {
    match first(made, rows::user_row) {
        Err(Fault::Answer(DirectoryError::NotFound)) => Err(DirectoryError::Taken),
        done => Ok(done?),
    }
}

impl Directory for PostgresStore {
    async fn create_account(&self, account: NewAccount) -> Result<User, DirectoryError> {
        if account.id.is_reserved() {
            return Err(DirectoryError::Taken);
        }
        let made = self.change(rows::create_account(&account)).await?;
        made_user(&made)
    }

    async fn create_bot(&self, bot: NewBot) -> Result<User, DirectoryError> {
        if bot.id.is_reserved() {
            return Err(DirectoryError::Taken);
        }
        let made = self.change(rows::create_bot(&bot)).await?;
        made_user(&made)
    }

    async fn bots(&self, entries_max: usize) -> Result<Vec<User>, DirectoryError> {
        let found = self.look_up(rows::bots(entries_max)).await?;
        Ok(all(&found, rows::user_row)?)
    }

    async fn ensure_external_users(
        &self,
        users: Vec<(UserId, Option<String>)>,
        rename: bool,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        // Nearly always everybody is known, and then there is nothing to make durable.
        let unknown = self.look_up(rows::unknown_users(&users, rename)).await?;
        if !unknown.is_empty() {
            self.change(rows::ensure_external_users(&users, rename, at))
                .await?;
        }
        Ok(())
    }

    async fn user(&self, id: &UserId) -> Result<User, DirectoryError> {
        let found = self.look_up(rows::user(id)).await?;
        Ok(first(&found, rows::user_row)?)
    }

    async fn users_by_prefix(
        &self,
        prefix: &str,
        entries_max: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let statement = rows::users_by_prefix(prefix, entries_max);
        let found = self.look_up(statement).await?;
        Ok(all(&found, rows::user_row)?)
    }

    async fn update_profile(
        &self,
        id: &UserId,
        change: ProfileChange,
    ) -> Result<User, DirectoryError> {
        let statement = rows::update_profile(id, change);
        let changed = self.change(statement).await?;
        Ok(first(&changed, rows::user_row)?)
    }

    async fn hiding_last_seen(&self, users: &[UserId]) -> Result<Vec<UserId>, DirectoryError> {
        let hiding = self.look_up(rows::hiding_last_seen(users)).await?;
        Ok(all(&hiding, |row| column::user_id(row, 0))?)
    }

    async fn credentials(&self, username: &str) -> Result<Credentials, DirectoryError> {
        let found = self.look_up(rows::credentials(username)).await?;
        Ok(first(&found, rows::credentials_row)?)
    }

    async fn set_password(&self, id: &UserId, password_hash: String) -> Result<(), DirectoryError> {
        let changed = self.change(rows::set_password(id, password_hash)).await?;
        Ok(found(&changed)?)
    }

    async fn create_session(&self, session: NewSession) -> Result<(), DirectoryError> {
        let made = self.change(rows::create_session(&session)).await?;
        let (has_owner, is_made) = first(&made, |row| {
            Ok((column::get::<bool>(row, 0)?, column::get::<bool>(row, 1)?))
        })?;
        match (has_owner, is_made) {
            (false, _) => Err(DirectoryError::NotFound),
            (true, false) => Err(DirectoryError::Taken),
            (true, true) => Ok(()),
        }
    }

    async fn session_by_token(&self, token: SecretHash) -> Result<SessionOwner, DirectoryError> {
        let found = self.look_up(rows::session_by_token(token)).await?;
        Ok(first(&found, rows::session_owner_row)?)
    }

    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>, DirectoryError> {
        let found = self.look_up(rows::sessions(user)).await?;
        Ok(all(&found, rows::session_row)?)
    }

    async fn ended_sessions(
        &self,
        sessions: &[SessionId],
    ) -> Result<Vec<SessionId>, DirectoryError> {
        let ended = self.look_up(rows::ended_sessions(sessions)).await?;
        let id = |row: &Row| column::get(row, 0).map(SessionId);
        Ok(all(&ended, id)?)
    }

    async fn revoke_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(), DirectoryError> {
        let ended = self.change(rows::revoke_session(user, session)).await?;
        Ok(found(&ended)?)
    }

    async fn create_api_key(&self, key: NewApiKey) -> Result<(), DirectoryError> {
        let answer = self.change(rows::create_api_key(key)).await?;
        let is = |index| first(&answer, |row| column::get(row, index));
        match (is(0)?, is(1)?) {
            (false, _) => Err(DirectoryError::NotFound),
            (true, false) => Err(DirectoryError::Taken),
            (true, true) => Ok(()),
        }
    }

    async fn api_key(&self, key: SecretHash) -> Result<ApiKey, DirectoryError> {
        let found = self.look_up(rows::api_key(key)).await?;
        Ok(first(&found, rows::api_key_row)?)
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, DirectoryError> {
        let found = self.look_up(rows::api_keys()).await?;
        Ok(all(&found, rows::api_key_row)?)
    }

    async fn revoke_api_key(&self, name: &str) -> Result<(), DirectoryError> {
        let ended = self.change(rows::revoke_api_key(name)).await?;
        Ok(found(&ended)?)
    }
}

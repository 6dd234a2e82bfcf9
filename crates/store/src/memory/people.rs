//! Users, passwords, sessions and keys.

use std::collections::BTreeMap;

use tidemark_core::names;
use tidemark_core::{SessionId, Timestamp, UserId};

use super::MemoryStore;
use crate::{
    ApiKey, Credentials, Directory, DirectoryError, NewAccount, NewSession, ProfileChange,
    SecretHash, Session, SessionOwner, User, UserOrigin,
};

/// Everybody who is known.
#[derive(Clone, Default)]
pub(crate) struct People {
    users: BTreeMap<UserId, User>,
    /// PHC strings of local users.
    passwords: BTreeMap<UserId, String>,
    sessions: BTreeMap<SessionId, NewSession>,
    keys: BTreeMap<String, (SecretHash, Timestamp)>,
}

impl People {
    /// Whether there is such a user.
    pub(crate) fn exists(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    fn user_mut(&mut self, id: &UserId) -> Result<&mut User, DirectoryError> {
        self.users.get_mut(id).ok_or(DirectoryError::NotFound)
    }

    /// Whether a local user has this name or one that looks the same.
    fn has_lookalike(&self, username: &str) -> bool {
        let skeleton = names::skeleton(username);
        let mut users = self.users.values();
        users.any(|user| {
            user.origin == UserOrigin::Local
                && (user.username.eq_ignore_ascii_case(username)
                    || names::skeleton(&user.username) == skeleton)
        })
    }

    fn local_named(&self, username: &str) -> Option<&User> {
        let mut users = self.users.values();
        users.find(|user| {
            user.origin == UserOrigin::Local && user.username.eq_ignore_ascii_case(username)
        })
    }
}

impl Directory for MemoryStore {
    async fn create_account(&self, account: NewAccount) -> Result<User, DirectoryError> {
        let mut inner = self.lock();
        let people = inner.people_mut()?;
        if people.exists(&account.id) || people.has_lookalike(account.id.as_str()) {
            return Err(DirectoryError::Taken);
        }
        let user = User {
            username: account.id.to_string(),
            id: account.id.clone(),
            display_name: account.display_name,
            avatar: None,
            origin: UserOrigin::Local,
            shows_last_seen: true,
        };
        people
            .passwords
            .insert(account.id.clone(), account.password_hash);
        people.users.insert(account.id, user.clone());
        Ok(user)
    }

    async fn ensure_external_users(
        &self,
        users: Vec<(UserId, Option<String>)>,
        rename: bool,
        _at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let people = inner.people_mut()?;
        for (id, display_name) in users {
            match people.users.get_mut(&id) {
                None => {
                    let user = User {
                        username: id.to_string(),
                        id: id.clone(),
                        display_name,
                        avatar: None,
                        origin: UserOrigin::External,
                        shows_last_seen: true,
                    };
                    people.users.insert(id, user);
                }
                Some(user) if rename && user.origin == UserOrigin::External => {
                    if display_name.is_some() {
                        user.display_name = display_name;
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn user(&self, id: &UserId) -> Result<User, DirectoryError> {
        let inner = self.lock();
        let user = inner.people()?.users.get(id);
        user.cloned().ok_or(DirectoryError::NotFound)
    }

    async fn users_by_prefix(
        &self,
        prefix: &str,
        entries_max: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        let inner = self.lock();
        let users = inner.people()?.users.values();
        let matching = users.filter(|user| {
            let shown = user.display_name.as_deref().unwrap_or_default();
            begins_with(user.id.as_str(), prefix) || begins_with(shown, prefix)
        });
        Ok(matching.take(entries_max).cloned().collect())
    }

    async fn update_profile(
        &self,
        id: &UserId,
        change: ProfileChange,
    ) -> Result<User, DirectoryError> {
        let mut inner = self.lock();
        let user = inner.people_mut()?.user_mut(id)?;
        if let Some(display_name) = change.display_name {
            user.display_name = display_name;
        }
        if let Some(avatar) = change.avatar {
            user.avatar = avatar;
        }
        if let Some(shows) = change.shows_last_seen {
            user.shows_last_seen = shows;
        }
        Ok(user.clone())
    }

    async fn hiding_last_seen(&self, users: &[UserId]) -> Result<Vec<UserId>, DirectoryError> {
        let inner = self.lock();
        let held = &inner.people()?.users;
        let hides = |id: &&UserId| held.get(*id).is_some_and(|user| !user.shows_last_seen);
        Ok(users.iter().filter(hides).cloned().collect())
    }

    async fn credentials(&self, username: &str) -> Result<Credentials, DirectoryError> {
        let inner = self.lock();
        let people = inner.people()?;
        let user = people
            .local_named(username)
            .ok_or(DirectoryError::NotFound)?;
        Ok(Credentials {
            user: user.id.clone(),
            password_hash: people.passwords[&user.id].clone(),
        })
    }

    async fn set_password(&self, id: &UserId, password_hash: String) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let password = inner.people_mut()?.passwords.get_mut(id);
        *password.ok_or(DirectoryError::NotFound)? = password_hash;
        Ok(())
    }

    async fn create_session(&self, session: NewSession) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let people = inner.people_mut()?;
        if !people.exists(&session.user) {
            return Err(DirectoryError::NotFound);
        }
        people.sessions.insert(session.id, session);
        Ok(())
    }

    async fn session_by_token(&self, token: SecretHash) -> Result<SessionOwner, DirectoryError> {
        let inner = self.lock();
        let mut sessions = inner.people()?.sessions.values();
        let session = sessions
            .find(|session| session.token == token)
            .ok_or(DirectoryError::NotFound)?;
        Ok(SessionOwner {
            session: session.id,
            user: session.user.clone(),
        })
    }

    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>, DirectoryError> {
        let inner = self.lock();
        let all = inner.people()?.sessions.values();
        let mut sessions: Vec<Session> = all
            .filter(|session| session.user == *user)
            .map(|session| Session {
                id: session.id,
                device_name: session.device_name.clone(),
                created_at: session.at,
            })
            .collect();
        sessions.sort_by_key(|session| (session.created_at, session.id));
        Ok(sessions)
    }

    async fn ended_sessions(
        &self,
        sessions: &[SessionId],
    ) -> Result<Vec<SessionId>, DirectoryError> {
        let inner = self.lock();
        let held = &inner.people()?.sessions;
        let ended = sessions.iter().filter(|id| !held.contains_key(id));
        Ok(ended.copied().collect())
    }

    async fn revoke_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let sessions = &mut inner.people_mut()?.sessions;
        if sessions.get(&session).is_none_or(|held| held.user != *user) {
            return Err(DirectoryError::NotFound);
        }
        sessions.remove(&session);
        Ok(())
    }

    async fn create_api_key(
        &self,
        name: &str,
        key: SecretHash,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let keys = &mut inner.people_mut()?.keys;
        if keys.contains_key(name) {
            return Err(DirectoryError::Taken);
        }
        keys.insert(name.to_owned(), (key, at));
        Ok(())
    }

    async fn api_key(&self, key: SecretHash) -> Result<ApiKey, DirectoryError> {
        let inner = self.lock();
        let mut keys = inner.people()?.keys.iter();
        let (name, (_, created_at)) = keys
            .find(|(_, (held, _))| *held == key)
            .ok_or(DirectoryError::NotFound)?;
        Ok(ApiKey {
            name: name.clone(),
            created_at: *created_at,
        })
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, DirectoryError> {
        let inner = self.lock();
        let keys = inner.people()?.keys.iter();
        let keys = keys.map(|(name, (_, created_at))| ApiKey {
            name: name.clone(),
            created_at: *created_at,
        });
        Ok(keys.collect())
    }

    async fn revoke_api_key(&self, name: &str) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let key = inner.people_mut()?.keys.remove(name);
        key.map(drop).ok_or(DirectoryError::NotFound)
    }
}

fn begins_with(text: &str, prefix: &str) -> bool {
    let beginning = text.as_bytes().get(..prefix.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix.as_bytes()))
}

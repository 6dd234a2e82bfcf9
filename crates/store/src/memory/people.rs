//! Users, passwords, sessions and keys.

use std::collections::BTreeMap;

use tidemark_core::names;
use tidemark_core::{SessionId, Timestamp, UserId};

use super::MemoryStore;
use crate::{
    ApiKey, Credentials, Directory, DirectoryError, NewAccount, NewApiKey, NewBot, NewSession,
    ProfileChange, SecretHash, Session, SessionOwner, User, UserOrigin,
};

/// Everybody who is known.
#[derive(Clone, Default)]
pub(crate) struct People {
    users: BTreeMap<UserId, User>,
    /// PHC strings of local users.
    passwords: BTreeMap<UserId, String>,
    sessions: BTreeMap<SessionId, NewSession>,
    keys: BTreeMap<String, (SecretHash, ApiKey)>,
}

impl People {
    /// Whether there is such a user.
    pub(crate) fn exists(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    /// Where somebody comes from.
    pub(crate) fn origin(&self, user: &UserId) -> Option<UserOrigin> {
        self.users.get(user).map(|user| user.origin)
    }

    fn user_mut(&mut self, id: &UserId) -> Result<&mut User, DirectoryError> {
        self.users.get_mut(id).ok_or(DirectoryError::NotFound)
    }

    /// Whether a local user or a bot has this name or one that looks the same.
    fn has_lookalike(&self, username: &str) -> bool {
        let skeleton = names::skeleton(username);
        let mut users = self.users.values();
        users.any(|user| {
            user.origin != UserOrigin::External
                && (user.username.eq_ignore_ascii_case(username)
                    || names::skeleton(&user.username) == skeleton)
        })
    }

    /// Makes a user with a name of this installation.
    fn add(
        &mut self,
        id: UserId,
        display_name: Option<String>,
        origin: UserOrigin,
    ) -> Result<User, DirectoryError> {
        if self.exists(&id) || self.has_lookalike(id.as_str()) {
            return Err(DirectoryError::Taken);
        }
        let user = User {
            username: id.to_string(),
            id: id.clone(),
            display_name,
            avatar: None,
            origin,
            shows_last_seen: true,
        };
        self.users.insert(id, user.clone());
        Ok(user)
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
        let user = people.add(account.id, account.display_name, UserOrigin::Local)?;
        people
            .passwords
            .insert(user.id.clone(), account.password_hash);
        Ok(user)
    }

    async fn create_bot(&self, bot: NewBot) -> Result<User, DirectoryError> {
        let mut inner = self.lock();
        let people = inner.people_mut()?;
        people.add(bot.id, bot.display_name, UserOrigin::Bot)
    }

    async fn bots(&self, entries_max: usize) -> Result<Vec<User>, DirectoryError> {
        let inner = self.lock();
        let users = inner.people()?.users.values();
        let bots = users.filter(|user| user.origin == UserOrigin::Bot);
        Ok(bots.take(entries_max).cloned().collect())
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

    async fn create_api_key(&self, key: NewApiKey) -> Result<(), DirectoryError> {
        let mut inner = self.lock();
        let people = inner.people_mut()?;
        if key
            .powers
            .user
            .as_ref()
            .is_some_and(|user| !people.exists(user))
        {
            return Err(DirectoryError::NotFound);
        }
        if people.keys.contains_key(&key.name) {
            return Err(DirectoryError::Taken);
        }
        let kept = ApiKey {
            name: key.name.clone(),
            created_at: key.at,
            powers: key.powers,
        };
        people.keys.insert(key.name, (key.hash, kept));
        Ok(())
    }

    async fn api_key(&self, key: SecretHash) -> Result<ApiKey, DirectoryError> {
        let inner = self.lock();
        let mut keys = inner.people()?.keys.values();
        let found = keys.find(|(held, _)| *held == key);
        let (_, kept) = found.ok_or(DirectoryError::NotFound)?;
        Ok(kept.clone())
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, DirectoryError> {
        let inner = self.lock();
        let keys = inner.people()?.keys.values();
        Ok(keys.map(|(_, kept)| kept.clone()).collect())
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

//! What the writer keeps at hand, so that a plain message costs one lookup and one insert.
//!
//! Only the writer thread has it, so there are no locks. Every change goes to the database first, in the
//! same transaction; an entry that was pushed out is read again from there. After a failed transaction
//! the whole cache is thrown away.

use std::num::NonZeroUsize;

use lru::LruCache;
use rusqlite::Connection;
use tidemark_core::conversation::Membership;
use tidemark_core::{ConversationId, Timestamp, UserId};

use crate::columns::Origin;

use super::lookup::{self, KeptConversation, Sent};

/// About 200 bytes each, besides title and topic.
const CONVERSATIONS_MAX: NonZeroUsize = NonZeroUsize::new(32_768).expect("not zero");
/// About 150 bytes each.
const PLACES_MAX: NonZeroUsize = NonZeroUsize::new(131_072).expect("not zero");
/// About 100 bytes each.
const USERS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// What a user is to a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Their membership, present or past; what it says of sent messages is as below.
    pub(crate) membership: Option<Membership>,
    /// What they have sent there, as a member or not.
    pub(crate) sent: Sent,
}

/// Conversations by id.
pub(crate) struct Conversations(LruCache<ConversationId, KeptConversation>);

/// What users are to conversations, by the keys of both (conversation first).
pub(crate) struct Places(LruCache<(i64, i64), Place>);

/// The keys of users.
pub(crate) struct Users(LruCache<UserId, i64>);

impl Conversations {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(CONVERSATIONS_MAX))
    }

    pub(crate) fn find(
        &mut self,
        connection: &Connection,
        id: ConversationId,
    ) -> rusqlite::Result<Option<&mut KeptConversation>> {
        if !self.0.contains(&id) {
            match lookup::conversation(connection, id)? {
                Some(kept) => self.0.put(id, kept),
                None => return Ok(None),
            };
        }
        Ok(self.0.get_mut(&id))
    }

    pub(crate) fn put(&mut self, kept: KeptConversation) -> &mut KeptConversation {
        let id = kept.state.id;
        self.0.put(id, kept);
        self.0.get_mut(&id).expect("it was just put there")
    }
}

impl Places {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(PLACES_MAX))
    }

    pub(crate) fn find(
        &mut self,
        connection: &Connection,
        conversation: i64,
        user: i64,
    ) -> rusqlite::Result<&mut Place> {
        let key = (conversation, user);
        if !self.0.contains(&key) {
            let membership = lookup::membership(connection, conversation, user)?;
            let sent = match &membership {
                Some(membership) => Sent {
                    messages: membership.sent,
                    last_at: membership.sent_at,
                },
                None => lookup::sent(connection, conversation, user)?,
            };
            self.0.put(key, Place { membership, sent });
        }
        Ok(self.0.get_mut(&key).expect("it was just put there"))
    }
}

impl Users {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(USERS_MAX))
    }

    pub(crate) fn key(
        &mut self,
        connection: &Connection,
        id: &UserId,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(key) = self.0.get(id) {
            return Ok(Some(*key));
        }
        let key = lookup::user_key(connection, id)?;
        if let Some(key) = key {
            self.0.put(id.clone(), key);
        }
        Ok(key)
    }

    /// The key of whoever causes an event. The server's own author begins to exist here; so does a caller
    /// whom the gateway has verified but not introduced.
    pub(crate) fn intern(
        &mut self,
        connection: &Connection,
        id: &UserId,
        at: Timestamp,
    ) -> rusqlite::Result<i64> {
        if let Some(key) = self.key(connection, id)? {
            return Ok(key);
        }
        let origin = if id.is_reserved() {
            Origin::Server
        } else {
            Origin::External
        };
        connection
            .prepare_cached("INSERT INTO user (id, origin, created_at) VALUES (?1, ?2, ?3)")?
            .execute((id.as_str(), origin as i64, at.0))?;
        let key = connection.last_insert_rowid();
        self.0.put(id.clone(), key);
        Ok(key)
    }
}

//! Remembers whom session tokens stand for, and forgets at once.

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tidemark_core::SessionId;
use tidemark_store::{Directory, DirectoryError, SecretHash, SessionOwner};

const REMEMBERED_MAX: usize = 16_384;

/// Session tokens that were looked up not long ago.
pub(super) struct Sessions {
    remembered: Cache<SecretHash, SessionOwner>,
    /// How many sessions were forgotten. What was read from the store before the last of them may be out
    /// of date and is not remembered; held while remembering, so that no forgetting comes between.
    forgotten: Mutex<u64>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            remembered: Cache::new(REMEMBERED_MAX),
            forgotten: Mutex::new(0),
        }
    }

    pub(super) async fn owner(
        &self,
        directory: &impl Directory,
        token: SecretHash,
    ) -> Result<SessionOwner, DirectoryError> {
        if let Some(owner) = self.remembered.get(&token) {
            return Ok(owner);
        }
        let forgotten_before = *self.forgotten.lock();
        let owner = directory.session_by_token(token).await?;
        let forgotten = self.forgotten.lock();
        if *forgotten == forgotten_before {
            self.remembered.insert(token, owner.clone());
        }
        Ok(owner)
    }

    /// From now on the store is asked about this session; call it after the store has ended it.
    pub(super) fn forget(&self, session: SessionId) {
        let mut forgotten = self.forgotten.lock();
        *forgotten += 1;
        self.remembered.retain(|_, owner| owner.session != session);
    }
}

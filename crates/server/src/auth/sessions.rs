//! Remembers whom session tokens stand for, and forgets at once.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tidemark_core::SessionId;
use tidemark_store::{Directory, DirectoryError, SecretHash, SessionOwner};

const REMEMBERED_MAX: usize = 16_384;

/// Session tokens that were looked up not long ago.
pub(super) struct Sessions {
    remembered: Cache<SecretHash, Remembered>,
    believed_for: Option<Duration>,
    /// How many sessions were forgotten. What was read from the store before the last of them may be out
    /// of date and is not remembered; held while remembering, so that no forgetting comes between.
    forgotten: Mutex<u64>,
}

#[derive(Clone, Debug)]
struct Remembered {
    owner: SessionOwner,
    asked: Instant,
}

impl Sessions {
    /// Believes what the store says for this time, or for ever.
    pub(super) fn believing_for(time: Option<Duration>) -> Self {
        Self {
            remembered: Cache::new(REMEMBERED_MAX),
            believed_for: time,
            forgotten: Mutex::new(0),
        }
    }

    pub(super) async fn owner(
        &self,
        directory: &impl Directory,
        token: SecretHash,
    ) -> Result<SessionOwner, DirectoryError> {
        let remembered = self.remembered.get(&token);
        if let Some(remembered) = remembered.filter(|it| self.is_believed(it)) {
            return Ok(remembered.owner);
        }
        let asked = Instant::now();
        let forgotten_before = *self.forgotten.lock();
        let owner = directory.session_by_token(token).await?;
        let forgotten = self.forgotten.lock();
        if *forgotten == forgotten_before {
            let owner = owner.clone();
            self.remembered.insert(token, Remembered { owner, asked });
        }
        Ok(owner)
    }

    fn is_believed(&self, remembered: &Remembered) -> bool {
        self.believed_for
            .is_none_or(|time| remembered.asked.elapsed() < time)
    }

    /// From now on the store is asked about this session; call it after the store has ended it.
    pub(super) fn forget(&self, session: SessionId) {
        let mut forgotten = self.forgotten.lock();
        *forgotten += 1;
        self.remembered.retain(|_, it| it.owner.session != session);
    }
}

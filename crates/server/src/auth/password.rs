//! Passwords: slow to check on purpose, so never on the runtime's own threads and only a few at a time.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, TryAcquireError};

const BYTES_MIN: usize = 8;
const BYTES_MAX: usize = 256;
/// Checks that may wait for their turn for each one that runs; at some 20 ms each this is a second or two.
const WAITING_PER_RUNNING: usize = 64;

/// What an unknown user's password is checked against, so that it takes as long as a known one's. No
/// password is known for it. Its parameters are those of [`Argon2::default`].
pub(super) const DECOY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$dGlkZW1hcmstZGVjb3ktcw\
     $Iu9ymNf05WIgyovO0ckm+2j/F7sEknhcAvoZ1JSDiwo";

/// Why a password was not hashed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It breaks the rules.
    #[error("a password has 8 to 256 bytes")]
    Rules,
    /// So many are being checked that this one would wait for too long.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash could not be computed or read; the cause is in the log.
    #[error("the password cannot be checked")]
    Broken,
}

/// Whether a password may be chosen.
///
/// # Errors
///
/// [`PasswordError::Rules`] if not.
pub fn check_password_rules(password: &str) -> Result<(), PasswordError> {
    if (BYTES_MIN..=BYTES_MAX).contains(&password.len()) {
        Ok(())
    } else {
        Err(PasswordError::Rules)
    }
}

/// Hashes a password that keeps to the rules, as a PHC string with a salt of its own. Takes some tens
/// of milliseconds of the calling thread and 19 MiB of memory.
///
/// # Errors
///
/// [`PasswordError::Rules`], or [`PasswordError::Broken`] without randomness or memory.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    check_password_rules(password)?;
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| {
            tracing::error!(%error, "cannot hash a password");
            PasswordError::Broken
        })?;
    Ok(hash.to_string())
}

/// Hashes and checks passwords on threads for blocking work.
#[derive(Debug)]
pub(super) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(at_once * (1 + WAITING_PER_RUNNING))),
        }
    }

    /// As [`hash_password`].
    pub(super) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        check_password_rules(password)?;
        let password = password.to_owned();
        self.run(move || hash_password(&password)).await?
    }

    /// Whether `password` is the one that `known` is the hash of. Without a hash the answer is no and
    /// takes as long.
    pub(super) async fn matches(
        &self,
        password: &str,
        known: Option<String>,
    ) -> Result<bool, PasswordError> {
        // Longer ones were never accepted; hashing them would only cost time.
        if password.len() > BYTES_MAX {
            return Ok(false);
        }
        let password = password.to_owned();
        self.run(move || {
            let is_known = known.is_some();
            let hash = known.as_deref().unwrap_or(DECOY_HASH);
            let hash = PasswordHash::new(hash).map_err(|error| {
                tracing::error!(%error, "a stored password hash cannot be read");
                PasswordError::Broken
            })?;
            let matches = Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok();
            Ok(matches && is_known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let admitted =
            Arc::clone(&self.admitted)
                .try_acquire_owned()
                .map_err(|error| match error {
                    TryAcquireError::NoPermits => PasswordError::Busy,
                    TryAcquireError::Closed => PasswordError::Broken,
                })?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Broken)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: it runs on even when whoever asked has gone.
            let _held = (admitted, running);
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "hashing a password failed");
            PasswordError::Broken
        })
    }
}

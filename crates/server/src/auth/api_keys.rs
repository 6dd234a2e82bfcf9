//! The keys that stand in the configuration, and what others are called.

use subtle::{Choice, ConstantTimeEq};
use tidemark_store::SecretHash;

use super::secret_hash;
use crate::config::Secret;

const NAME_BYTES_MAX: usize = 128;

/// Whether a key can be called this.
///
/// # Errors
///
/// Why not.
pub fn check_key_name(name: &str) -> Result<(), &'static str> {
    let is_good = !name.trim().is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err("the name of a key has 1 to 128 bytes, and no control characters")
}

/// Configured keys, by their hashes.
#[derive(Clone, Debug)]
pub(super) struct ConfiguredKeys(Vec<SecretHash>);

impl ConfiguredKeys {
    pub(super) fn new(keys: &[Secret]) -> Self {
        Self(keys.iter().map(|key| secret_hash(key.expose())).collect())
    }

    /// Whether this is the hash of one of them. Takes equally long for every answer.
    pub(super) fn contain(&self, hash: SecretHash) -> bool {
        let matched = self.0.iter().fold(Choice::from(0), |matched, key| {
            matched | key.0.ct_eq(&hash.0)
        });
        matched.into()
    }
}

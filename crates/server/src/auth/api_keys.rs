//! The keys that stand in the configuration.

use subtle::{Choice, ConstantTimeEq};
use tidemark_store::SecretHash;

use super::secret_hash;
use crate::config::Secret;

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

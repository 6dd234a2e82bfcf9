//! Users of the embedding application, who exist from the first use on.

use std::hash::{BuildHasher, RandomState};

use quick_cache::sync::Cache;
use tidemark_core::{Timestamp, UserId};
use tidemark_store::{Directory, DirectoryError, UserOrigin};

use super::AuthError;
use super::jwt::Claims;

const REMEMBERED_MAX: usize = 65_536;

/// External users who are known to exist, each with a hash of the name they came with, so that an
/// unchanged user is no write.
pub(super) struct ExternalUsers {
    remembered: Cache<UserId, u64>,
    hasher: RandomState,
}

impl ExternalUsers {
    pub(super) fn new() -> Self {
        Self {
            remembered: Cache::new(REMEMBERED_MAX),
            hasher: RandomState::new(),
        }
    }

    /// Makes sure that the user of a JWT exists, with the name that it says.
    pub(super) async fn ensure(
        &self,
        directory: &impl Directory,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let name_hash = self.hasher.hash_one(&claims.name);
        if self.remembered.get(&claims.user) == Some(name_hash) {
            return Ok(());
        }
        match directory.user(&claims.user).await {
            Ok(user) if user.origin != UserOrigin::External => {
                // Signing for a local user would take over an account that has a password.
                return Err(AuthError::Refused(
                    "the user of the token has an account here",
                ));
            }
            Ok(user) if claims.name.is_none() || user.display_name == claims.name => {}
            Ok(_) | Err(DirectoryError::NotFound) => {
                let users = vec![(claims.user.clone(), claims.name.clone())];
                let rename = claims.name.is_some();
                directory.ensure_external_users(users, rename, now).await?;
                // A registration may have come between.
                if directory.user(&claims.user).await?.origin != UserOrigin::External {
                    return Err(AuthError::Refused(
                        "the user of the token has an account here",
                    ));
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.remembered.insert(claims.user.clone(), name_hash);
        Ok(())
    }

    /// Makes sure that users exist whom the application named, but who were not here yet.
    pub(super) async fn introduce(
        &self,
        directory: &impl Directory,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let unknown: Vec<_> = users
            .iter()
            .filter(|user| self.remembered.get(*user).is_none())
            .map(|user| (user.clone(), None))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        directory.ensure_external_users(unknown, false, now).await
    }
}

//! Who is writing in a conversation, and when that is news.
//!
//! Times are milliseconds of any clock that only goes forward.

use crate::UserId;

/// How long somebody counts as writing who does not say so again.
pub const EXPIRES_AFTER_MS: u64 = 6_000;
/// Whoever says it again within this time says nothing new.
pub const NEWS_AFTER_MS: u64 = 2_000;
/// How often a client says it while its user goes on writing: often enough that one may be lost.
pub const REPEAT_AFTER_MS: u64 = 2_500;

/// Who is writing in one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typists {
    /// Since when, as far as others were told.
    told: Vec<(UserId, u64)>,
}

impl Typists {
    /// Somebody is writing. Whether others are to be told.
    pub fn begin(&mut self, now_ms: u64, user: &UserId) -> bool {
        // What is older than this has no effect, so no more is kept than there are people who write now.
        self.told
            .retain(|(_, told_ms)| now_ms < told_ms.saturating_add(NEWS_AFTER_MS));
        if self.told.iter().any(|(known, _)| known == user) {
            return false;
        }
        self.told.push((user.clone(), now_ms));
        true
    }

    /// What they wrote was sent: if they begin again, that is news.
    pub fn end(&mut self, user: &UserId) {
        self.told.retain(|(known, _)| known != user);
    }
}

//! Blocks: who is shown whose presence and whose writing has to be looked up again, here and on other nodes.

use tidemark_core::UserId;

use super::Hub;
use crate::bus::{Hint, Topic};

impl Hub {
    /// A user blocks another from now on, or no longer.
    pub(crate) fn publish_block(&self, user: &UserId, other: &UserId, on: bool) {
        if self.bus.reaches_others() {
            let hint = Hint::Blocks {
                user: user.clone(),
                has_more: on,
                other: other.clone(),
            };
            for whose in [user, other] {
                self.tell(&Topic::User(whose.clone()), &hint);
            }
        }
        self.blocks_changed(user, other, on);
    }

    pub(super) fn blocks_changed(&self, user: &UserId, other: &UserId, has_more: bool) {
        self.forget_silence(user);
        self.forget_silence(other);
        let sockets = self.sessions_of(user);
        self.presence.acquaintance_changed(user, &sockets, has_more);
    }
}

//! What a user hides of their presence: whoever may have shown it hears that it has changed.

use tidemark_core::UserId;

use super::Hub;
use crate::bus::{Hint, Topic};

impl Hub {
    /// A user shows more or less of their presence from now on, as the store has it.
    pub(crate) fn publish_privacy(&self, user: &UserId) {
        if self.bus.reaches_others() {
            let hint = Hint::Privacy { user: user.clone() };
            for topic in [Topic::User(user.clone()), Topic::Presence(user.clone())] {
                self.tell(&topic, &hint);
            }
        }
        self.presence.privacy_changed(user);
    }
}

//! What a user keeps for themselves: shown to their own sockets, here and on other nodes.

use axum::extract::ws::Utf8Bytes;
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body::Personal;

use super::{Hub, Item};
use crate::bus::{Hint, Topic};

impl Hub {
    /// A user changed something, and this is how it stands.
    pub(crate) fn publish_personal(&self, user: &UserId, state: &Personal) {
        let (conversation, version) = (state.conversation.0, state.version);
        let frame = Utf8Bytes::from(state.encode());
        if self.bus.reaches_others() {
            let hint = Hint::Personal {
                user: user.clone(),
                conversation,
                version,
                frame: frame.clone(),
            };
            self.tell(&Topic::User(user.clone()), &hint);
        }
        self.push_personal(user, conversation, version, &frame);
    }

    pub(super) fn push_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        version: u64,
        frame: &Utf8Bytes,
    ) {
        for session in self.sessions_of(user) {
            let personal = Item::Personal {
                conversation,
                version,
                frame: frame.clone(),
            };
            session.outbox.push(personal);
        }
    }
}

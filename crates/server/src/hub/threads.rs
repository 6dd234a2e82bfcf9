//! Cursors in threads, for their user's own devices, and what was fetched, for the other members.

use axum::extract::ws::Utf8Bytes;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::frame::{Delivered, ThreadRead};
use tidemark_protocol::wire::Wire;

use super::publish::{Origin, Reply};
use super::{Hub, Item};
use crate::bus::{Hint, Topic};

impl Hub {
    /// A user's cursor in a thread moved; `asking` has its answer already.
    pub(crate) fn publish_thread_read(
        &self,
        user: &UserId,
        asking: Option<u64>,
        read: &ThreadRead,
    ) {
        let conversation = read.conversation.0;
        let frame = Utf8Bytes::from(read.encode());
        if self.bus.reaches_others() {
            let hint = Hint::ThreadRead {
                user: user.clone(),
                conversation,
                frame: frame.clone(),
            };
            self.tell(&Topic::User(user.clone()), &hint);
        }
        self.push_thread_read(user, asking, conversation, &frame);
    }

    pub(super) fn push_thread_read(
        &self,
        user: &UserId,
        asking: Option<u64>,
        conversation: ConversationId,
        frame: &Utf8Bytes,
    ) {
        for session in self.sessions_of(user) {
            if Some(session.key) != asking {
                let read = Item::Receipt(conversation, frame.clone());
                session.outbox.push(read);
            }
        }
    }

    /// Answers whoever said what was fetched, and perhaps shows it to the others.
    pub(super) fn push_delivered(&self, origin: &Origin, delivered: Seq, is_for_others: bool) {
        let Some(user) = origin.caller.user() else {
            return;
        };
        let conversation = origin.conversation;
        let frame = |id| {
            let frame = Delivered {
                id,
                conversation: Wire(conversation),
                user: Wire(user.clone()),
                delivered_seq: Wire(delivered),
            };
            Utf8Bytes::from(frame.encode())
        };
        if let Reply::Socket { session, id, .. } = &origin.reply {
            session.outbox.push(Item::Answer(frame(*id)));
        }
        if !is_for_others {
            return;
        }
        let frame = frame(None);
        self.push_receipt(conversation, user, &frame);
        if self.bus.reaches_others() {
            let hint = Hint::Receipt {
                conversation,
                user: user.clone(),
                frame,
            };
            self.tell(&Topic::Conversation(conversation), &hint);
        }
    }
}

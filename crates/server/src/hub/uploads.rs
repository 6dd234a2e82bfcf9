//! Where uploads are: shown to the sockets that see the messages, and to all devices of the owner.

use axum::extract::ws::Utf8Bytes;
use tidemark_core::upload::Upload;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body::UploadChanged;
use tidemark_protocol::wire::Wire;

use super::{Hub, Item};
use crate::bus::{Hint, Topic};

impl Hub {
    /// Where an upload is has changed; `shown` are the messages that show it. Whoever is not told, or misses it, asks for
    /// the upload when it is to be seen.
    pub(crate) fn publish_upload(&self, upload: &Upload, shown: &[(ConversationId, Seq)]) {
        let changed = |place: Option<(ConversationId, Seq)>| {
            let changed = UploadChanged {
                conversation: place.map(|(conversation, _)| Wire(conversation)),
                seq: place.map(|(_, seq)| Wire(seq)),
                attachment: upload.attachment().into(),
                reason: upload.reason.clone(),
            };
            Utf8Bytes::from(changed.encode())
        };
        let frame = changed(None);
        self.push_own_upload(&upload.owner, &frame);
        if self.bus.reaches_others() {
            let user = upload.owner.clone();
            let topic = Topic::User(user.clone());
            self.tell(&topic, &Hint::OwnUpload { user, frame });
        }
        for place in shown {
            let conversation = place.0;
            let frame = changed(Some(*place));
            self.push_upload(conversation, &frame);
            if self.bus.reaches_others() {
                let hint = Hint::Upload {
                    conversation,
                    frame,
                };
                self.tell(&Topic::Conversation(conversation), &hint);
            }
        }
    }

    pub(super) fn push_own_upload(&self, user: &UserId, frame: &Utf8Bytes) {
        for session in self.sessions_of(user) {
            session.outbox.push(Item::OwnUpload(frame.clone()));
        }
    }

    /// In a large conversation, only those who have it on screen are told.
    pub(super) fn push_upload(&self, conversation: ConversationId, frame: &Utf8Bytes) {
        let large_members = self.settings.large_members;
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get(id) {
                let large = room.members.is_some_and(|members| members > large_members);
                for session in room.audience(large) {
                    let item = Item::Upload(conversation, frame.clone());
                    session.outbox.push(item);
                }
            }
        });
    }
}

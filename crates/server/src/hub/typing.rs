//! Somebody is writing: shown to the other sockets of a small conversation, here and on other nodes.

use axum::extract::ws::Utf8Bytes;
use tidemark_core::conversation::Role;
use tidemark_core::typing::EXPIRES_AFTER_MS;
use tidemark_core::{ConversationId, Timestamp, UserId};
use tidemark_protocol::frame::Typing;
use tidemark_protocol::wire::Wire;

use super::silence::AskedSilence;
use super::{Hub, Item, Session};
use crate::bus::{Hint, Topic};

/// Why a socket's user is not shown to be writing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotWriting {
    /// They are no member of the conversation, if there is one.
    NoMember,
    /// They are a guest, and so do not write.
    Guest,
    /// The store has to be asked whether the other one may see it.
    Unsure(AskedSilence),
}

impl Hub {
    /// The socket's user is writing. Nobody is told in a conversation that is not small, nor of what was just told.
    pub(crate) fn start_typing(
        &self,
        conversation: ConversationId,
        session: &Session,
    ) -> Result<(), NotWriting> {
        let user = session.caller.user().ok_or(NotWriting::NoMember)?;
        let now_ms = self.clock.monotonic_ms();
        let is_news = self.rooms.with(&conversation, |rooms, id| {
            let room = rooms.get_mut(id).ok_or(NotWriting::NoMember)?;
            if !room.is_member(session.key) {
                return Err(NotWriting::NoMember);
            }
            if room.quiet.contains(user) {
                return Err(NotWriting::Guest);
            }
            let members = room.members.unwrap_or(u64::MAX);
            if room
                .silence
                .of_room(members, now_ms)
                .map_err(NotWriting::Unsure)?
            {
                return Ok(false);
            }
            Ok(members <= self.settings.receipt_members && room.typists.begin(now_ms, user))
        })?;
        if is_news {
            let until = self.clock.now().0 + EXPIRES_AFTER_MS.cast_signed();
            let frame = Typing {
                conversation: Wire(conversation),
                user: Wire(user.clone()),
                until: Wire(Timestamp(until)),
            };
            let frame = Utf8Bytes::from(frame.encode());
            self.push_typing(conversation, &frame, Some(session.key));
            self.tell_typing(conversation, user, &frame);
        }
        Ok(())
    }

    /// Shows it to the sockets of members, except the one that said it.
    pub(super) fn push_typing(
        &self,
        conversation: ConversationId,
        frame: &Utf8Bytes,
        except: Option<u64>,
    ) {
        self.rooms.with(&conversation, |rooms, id| {
            let Some(room) = rooms.get(id) else {
                return;
            };
            for session in room.members() {
                let is_other = Some(session.key) != except;
                if is_other
                    && session
                        .outbox
                        .push(Item::Typing(conversation, frame.clone()))
                {
                    self.metrics.told("typing");
                }
            }
        });
    }

    fn tell_typing(&self, conversation: ConversationId, user: &UserId, frame: &Utf8Bytes) {
        if self.bus.reaches_others() {
            let hint = Hint::Typing {
                conversation,
                user: user.clone(),
                frame: frame.clone(),
            };
            self.tell(&Topic::Conversation(conversation), &hint);
        }
    }

    /// What somebody with a socket here may do in a conversation.
    pub(crate) fn learn_role(&self, conversation: ConversationId, user: &UserId, role: Role) {
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get_mut(id) {
                room.learn_role(user, role);
            }
        });
    }

    /// How many members a conversation has, where no event has said it yet.
    pub(crate) fn learn_members(&self, conversation: ConversationId, members: u64) {
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get_mut(id) {
                room.members.get_or_insert(members);
            }
        });
    }
}

//! From an outcome to the sockets that are to hear of it. Runs in one task, in commit order: that
//! is what makes the order in every outbox the order of the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{Event, EventBody, MembersChange};
use tidemark_core::unread::Counts;
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp};
use tidemark_protocol::frame::{Ack, Read, RequestId, encode_event};
use tidemark_protocol::wire::Wire;
use tidemark_store::{CommitError, CursorMove, Outcome};
use tokio::sync::oneshot;

use super::Hub;
use super::outbox::{Item, PublishedEvent};
use super::room::Room;
use super::session::Session;
use crate::translate;

/// A key that no session has.
const NOBODY: u64 = 0;

/// Where a command came from, and how its outcome gets back there.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) caller: Caller,
    pub(crate) conversation: ConversationId,
    pub(crate) reply: Reply,
}

/// Who waits for the outcome of a command.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An HTTP request.
    Request(oneshot::Sender<Result<Outcome, CommitError>>),
    /// A request of a socket.
    Socket {
        session: Arc<Session>,
        /// What the client numbered it with.
        id: Option<RequestId>,
        /// What a send named its message with.
        client_id: Option<ClientId>,
    },
}

impl Hub {
    /// Tells everybody concerned what a command did, and its origin first.
    pub(crate) fn publish(
        &self,
        origin: Origin,
        outcome: Result<Outcome, CommitError>,
        committed: Instant,
    ) {
        match &outcome {
            Ok(Outcome::Appended { events, members }) => {
                for event in events {
                    self.push_event(&origin, event, *members, committed);
                }
            }
            Ok(Outcome::Repeated { seq, at }) => origin.acknowledge(*seq, *at, true),
            Ok(Outcome::Cursor { cursor, members }) => self.push_cursor(&origin, cursor, *members),
            // No request of a socket has these outcomes.
            Ok(Outcome::Existing(_) | Outcome::Unchanged { .. }) => {}
            Err(error) => origin.refuse(error),
        }
        if let Reply::Request(reply) = origin.reply {
            // The client may have gone; what happened has happened.
            let _ = reply.send(outcome);
        }
    }

    fn push_event(&self, origin: &Origin, event: &Event, members: u64, committed: Instant) {
        let conversation = event.conversation;
        // Who left is out before the event is pushed, who joined is in after: neither sees it live.
        if let EventBody::Members(change) = &event.body {
            self.part(conversation, change);
        }
        let published = Arc::new(PublishedEvent {
            conversation,
            seq: event.seq,
            frame: encode_event(event).into(),
            committed,
        });
        let large = members > self.settings.large_members;
        origin.acknowledge(event.seq, event.at, false);
        let sender = origin.session().map_or(NOBODY, |session| session.key);
        let overflows = self.rooms.with(&conversation, |rooms, id| {
            rooms
                .get_mut(id)
                .map_or(0, |room| room.push(&published, large, sender))
        });
        if overflows > 0 {
            self.metrics.outbox_overflows.inc_by(overflows);
        }
        if large {
            self.untold.lock().insert(conversation);
        }
        if let EventBody::Members(change) = &event.body {
            self.welcome(conversation, change);
        }
    }

    /// Takes the sockets of those who left out of the conversation.
    fn part(&self, conversation: ConversationId, change: &MembersChange) {
        for user in &change.left {
            for session in self.sessions_of(user) {
                self.unsubscribe(conversation, &session);
                session.outbox.push(Item::Left(conversation));
            }
        }
    }

    /// Lets the sockets of those who joined hear the conversation from its next event on.
    fn welcome(&self, conversation: ConversationId, change: &MembersChange) {
        for joined in &change.joined {
            self.users.with(&joined.user, |users, user| {
                // Under the lock of the user, so that a socket that leaves now takes this room along.
                for session in users.get(user).into_iter().flatten() {
                    self.subscribe(conversation, session);
                    session.outbox.push(Item::Joined(conversation));
                }
            });
        }
    }

    /// Shows a cursor to its user's devices, and where few people are concerned to the others.
    fn push_cursor(&self, origin: &Origin, cursor: &CursorMove, members: u64) {
        let Some(user) = origin.caller.user() else {
            return;
        };
        let conversation = origin.conversation;
        let read = |id, counts: Option<Counts>| {
            let frame = Read {
                id,
                conversation: Wire(conversation),
                user: Wire(user.clone()),
                read_seq: Wire(cursor.read),
                head_seq: counts.map(|_| Wire(cursor.head)),
                unread: counts.map(|counts| counts.unread),
                mentions: counts.map(|counts| counts.mentions),
            };
            Utf8Bytes::from(frame.encode())
        };
        let asking = origin.session().map_or(NOBODY, |session| session.key);
        if let Reply::Socket { session, id, .. } = &origin.reply {
            session
                .outbox
                .push(Item::Answer(read(*id, Some(cursor.counts))));
        }
        if !cursor.moved {
            return;
        }
        let frame = read(None, Some(cursor.counts));
        for session in self
            .sessions_of(user)
            .iter()
            .filter(|session| session.key != asking)
        {
            let cursor = Item::Cursor(conversation, frame.clone());
            session.outbox.push(cursor);
        }
        if members <= self.settings.receipt_members {
            let frame = read(None, None);
            self.rooms.with(&conversation, |rooms, id| {
                let others = rooms.get(id).into_iter().flat_map(Room::sessions);
                for session in others.filter(|session| session.caller.user() != Some(user)) {
                    session
                        .outbox
                        .push(Item::Receipt(conversation, frame.clone()));
                }
            });
        }
    }
}

impl Origin {
    fn session(&self) -> Option<&Arc<Session>> {
        match &self.reply {
            Reply::Socket { session, .. } => Some(session),
            Reply::Request(_) => None,
        }
    }

    fn acknowledge(&self, seq: Seq, at: Timestamp, duplicate: bool) {
        let Reply::Socket {
            session,
            id,
            client_id: Some(client_id),
        } = &self.reply
        else {
            return;
        };
        session.outbox.push(Item::Ack(Ack {
            id: *id,
            conversation: Wire(self.conversation),
            client_id: Some(Wire(*client_id)),
            seq: Wire(seq),
            at: Wire(at),
            duplicate,
        }));
    }

    fn refuse(&self, error: &CommitError) {
        let Reply::Socket {
            session,
            id,
            client_id,
        } = &self.reply
        else {
            return;
        };
        let refused = match error {
            CommitError::Refused(refusal) => translate::refused(*id, refusal.clone()),
            CommitError::Unavailable => translate::unavailable(*id),
        };
        let send = client_id.map(|client_id| (self.conversation, client_id));
        session.outbox.push(Item::Refused(refused, send));
    }
}

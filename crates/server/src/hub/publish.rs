//! From an outcome to the sockets and nodes that are to hear of it. Runs in one task, in commit order.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tidemark_core::access::Caller;
use tidemark_core::conversation::Event;
use tidemark_core::unread::Counts;
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UserId};
use tidemark_protocol::frame::{Ack, Read, RequestId};
use tidemark_protocol::wire::Wire;
use tidemark_store::{CommitError, CursorMove, Outcome};
use tokio::sync::oneshot;

use super::Hub;
use super::arrival::Arrival;
use super::outbox::Item;
use super::room::Room;
use super::session::Session;
use crate::translate;

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
        /// What a send named its message with, or a change of a message itself.
        client_id: Option<ClientId>,
        /// Whether an event is asked for, which an `ack` stands for.
        is_acknowledged: bool,
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
            Ok(Outcome::Appended {
                events,
                members,
                history,
            }) => {
                for event in events {
                    let arrival = Arrival::of(event, *members, *history, committed);
                    self.publish_event(&origin, event, arrival);
                }
            }
            Ok(Outcome::Repeated { seq, at }) => {
                if let Some((session, ack)) = origin.answer(*seq, *at, None) {
                    session.outbox.push(Item::Ack(ack));
                }
            }
            Ok(Outcome::Cursor {
                cursor,
                members,
                is_hidden,
            }) => self.push_cursor(&origin, cursor, !is_hidden && self.shows_receipts(*members)),
            Ok(Outcome::Delivered {
                delivered,
                moved,
                members,
                is_hidden,
            }) => {
                let is_shown = *moved && !is_hidden && self.shows_receipts(*members);
                self.push_delivered(&origin, *delivered, is_shown);
            }
            // No request of a socket has these outcomes.
            Ok(
                Outcome::Existing(_)
                | Outcome::Unchanged { .. }
                | Outcome::Invited(_)
                | Outcome::InviteRevoked,
            ) => {}
            Err(error) => origin.refuse(error),
        }
        if let Reply::Request(reply) = origin.reply {
            // The client may have gone; what happened has happened.
            let _ = reply.send(outcome);
        }
    }

    /// Tells other nodes first: what this node's sockets get may have to wait for its turn.
    fn publish_event(&self, origin: &Origin, event: &Event, mut arrival: Arrival) {
        self.tell_event(&arrival);
        arrival.answer = origin.answer(event.seq, event.at, Some(event));
        self.arrive(arrival);
    }

    /// Whether so few people are concerned that they hear of each other's cursors.
    fn shows_receipts(&self, members: u64) -> bool {
        members <= self.settings.receipt_members
    }

    /// Shows a cursor to its user's devices, and perhaps to the others.
    fn push_cursor(&self, origin: &Origin, cursor: &CursorMove, is_for_others: bool) {
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
        let asking = origin.session().map(|session| session.key);
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
            .filter(|session| Some(session.key) != asking)
        {
            let cursor = Item::Cursor(conversation, frame.clone());
            session.outbox.push(cursor);
        }
        let for_others = is_for_others.then(|| read(None, None));
        if let Some(frame) = &for_others {
            self.push_receipt(conversation, user, frame);
        }
        self.tell_cursor(conversation, user, &frame, for_others.as_ref());
    }

    /// Shows a member's cursor to the other members who are here.
    pub(super) fn push_receipt(
        &self,
        conversation: ConversationId,
        user: &UserId,
        frame: &Utf8Bytes,
    ) {
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

impl Origin {
    fn session(&self) -> Option<&Arc<Session>> {
        match &self.reply {
            Reply::Socket { session, .. } => Some(session),
            Reply::Request(_) => None,
        }
    }

    /// The answer to what a socket wished to say or to change, if it was such a wish, and the event that it became;
    /// none for a repeat.
    fn answer(
        &self,
        seq: Seq,
        at: Timestamp,
        event: Option<&Event>,
    ) -> Option<(Arc<Session>, Ack)> {
        let Reply::Socket {
            session,
            id,
            client_id,
            is_acknowledged: true,
        } = &self.reply
        else {
            return None;
        };
        let ack = Ack {
            id: *id,
            conversation: Wire(self.conversation),
            client_id: client_id.map(Wire),
            seq: Wire(seq),
            at: Wire(at),
            duplicate: event.is_none(),
            first_in_thread: event
                .and_then(|event| event.body.as_message()?.thread)
                .is_some_and(|thread| thread.first),
        };
        Some((Arc::clone(session), ack))
    }

    fn refuse(&self, error: &CommitError) {
        let Reply::Socket {
            session,
            id,
            client_id,
            ..
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

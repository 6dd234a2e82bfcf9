//! What waits for one socket: bounded, filled by the publisher, emptied by the socket's task.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use tidemark_core::{ClientId, ConversationId, Seq};
use tidemark_protocol::ByeCode;
use tidemark_protocol::frame::{Ack, Refused};
use tokio::sync::Notify;

/// One thing for a socket's task to write, in the order in which it happened.
#[derive(Debug)]
pub(crate) enum Item {
    /// An event, if it is the next one that this socket is to see.
    Event(Arc<PublishedEvent>),
    /// The answer to a send of this socket, in the place of its event.
    Ack(Ack),
    /// The answer to a request that was refused, and the message that it was about, if it was a send.
    Refused(Refused, Option<(ConversationId, ClientId)>),
    /// An answer, ready to write.
    Answer(Utf8Bytes),
    /// Another member's read cursor moved; the frame, written if this socket follows the conversation still.
    Receipt(ConversationId, Utf8Bytes),
    /// The user's own read cursor in the conversation moved on another device; the frame, ready to write.
    Cursor(ConversationId, Utf8Bytes),
    /// The user changed something of their own; the frame, written if this socket follows the conversation still.
    Personal {
        conversation: ConversationId,
        version: u64,
        frame: Utf8Bytes,
    },
    /// Another member is writing; the frame, written if this socket follows the conversation still.
    Typing(ConversationId, Utf8Bytes),
    /// Whether somebody is there whom this socket watches; the frame, ready to write.
    Presence(Utf8Bytes),
    /// Where an upload is has changed that a message shows; the frame, written if this socket follows the conversation
    /// still.
    Upload(ConversationId, Utf8Bytes),
    /// The same of an upload of the user's own; the frame, ready to write.
    OwnUpload(Utf8Bytes),
    /// The conversation has events up to here that are not pushed to this socket.
    Head(ConversationId, Seq),
    /// A message was deleted in the conversation, so what is unread is to be told anew.
    Recount(ConversationId),
    /// The user became a member.
    Joined(ConversationId),
    /// The user is no member any more.
    Left(ConversationId),
    /// What told that the user became a member came too late to be believed: the store knows.
    Doubt(ConversationId),
    /// The socket is to be closed.
    Bye(ByeCode),
}

/// An event, encoded once for everybody.
#[derive(Debug)]
pub(crate) struct PublishedEvent {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) frame: Utf8Bytes,
    /// What its sender named it with, where it was read from the store: if it is this node's own, its ack is
    /// still on its way.
    pub(crate) named: Option<ClientId>,
    /// Whether it deletes a message, so that less may be unread.
    pub(crate) deletes: bool,
    /// Whether it is not the same for everybody: then people are told only that it is there, and read it, each what
    /// they may see of it.
    pub(crate) veiled: bool,
    /// When it became durable: where delivery latency is measured from.
    pub(crate) committed: Instant,
}

/// Entries that may wait for one socket, of whatever kind. Far more than the requests that it may have under
/// way, so only a socket that reads nothing at all gets here.
const ITEMS_MAX: usize = 16_384;

/// A bounded queue for one socket.
///
/// Answers find room: a socket has a bounded number of requests under way. Events that find none
/// are dropped and remembered as the head of their conversation, so a slow reader costs a bounded
/// amount of memory and learns that there is more. Of the user's own cursors the last of each
/// conversation is kept: nothing else would ever tell this device. Of the user's own changes the latest is kept: its
/// version says that there were others.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<Item>,
    event_bytes: usize,
    heads: HashMap<ConversationId, Seq>,
    cursors: HashMap<ConversationId, Utf8Bytes>,
    recounts: HashSet<ConversationId>,
    /// The latest of the user's own changes that found no room.
    personal: Option<(u64, ConversationId, Utf8Bytes)>,
}

impl Outbox {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            queue: Mutex::default(),
            filled: Notify::new(),
            bytes_max,
        }
    }

    /// Puts `item` at the end. Whether there was room for it.
    pub(crate) fn push(&self, item: Item) -> bool {
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        let fits = queue.push(item, self.bytes_max);
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
        fits
    }

    /// Waits until something is there.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything, oldest first; cursors and heads of what found no room come last, and what is to be counted
    /// anew, once for each conversation.
    pub(crate) fn take(&self) -> Vec<Item> {
        let queue = std::mem::take(&mut *self.queue.lock());
        let mut items = queue.items;
        let cursors = queue.cursors.into_iter();
        items.extend(cursors.map(|(id, frame)| Item::Cursor(id, frame)));
        let recounts = queue.recounts.into_iter();
        // A head says what is unread anyway.
        let recounts = recounts.filter(|id| !queue.heads.contains_key(id));
        items.extend(recounts.map(Item::Recount));
        let personal = queue.personal.into_iter();
        items.extend(
            personal.map(|(version, conversation, frame)| Item::Personal {
                conversation,
                version,
                frame,
            }),
        );
        items.extend(queue.heads.into_iter().map(|(id, seq)| Item::Head(id, seq)));
        items
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.heads.is_empty()
            && self.cursors.is_empty()
            && self.recounts.is_empty()
            && self.personal.is_none()
    }

    fn push(&mut self, item: Item, bytes_max: usize) -> bool {
        match &item {
            Item::Event(event) => {
                let bytes = event.frame.len();
                // What follows a dropped event would only show the reader a jump.
                let dropped = self.heads.contains_key(&event.conversation);
                if dropped || self.event_bytes + bytes > bytes_max {
                    self.note_head(event.conversation, event.seq);
                    return false;
                }
                self.event_bytes += bytes;
            }
            Item::Receipt(_, frame)
            | Item::Typing(_, frame)
            | Item::Presence(frame)
            | Item::Upload(_, frame)
            | Item::OwnUpload(frame) => {
                // Soft state is no reason to end a socket.
                let is_full = self.items.len() >= ITEMS_MAX;
                if is_full || self.event_bytes + frame.len() > bytes_max {
                    return false;
                }
                self.event_bytes += frame.len();
            }
            Item::Cursor(conversation, frame) => {
                // A cursor only grows, so one that waits is outdone by this one.
                let waits = self.cursors.contains_key(conversation);
                if waits || self.event_bytes + frame.len() > bytes_max {
                    self.cursors.insert(*conversation, frame.clone());
                    return true;
                }
                self.event_bytes += frame.len();
            }
            Item::Personal {
                conversation,
                version,
                frame,
            } => {
                let is_full = self.items.len() >= ITEMS_MAX;
                if is_full || self.event_bytes + frame.len() > bytes_max {
                    let waits = self.personal.as_ref().map_or(0, |(version, ..)| *version);
                    if *version > waits {
                        self.personal = Some((*version, *conversation, frame.clone()));
                    }
                    return false;
                }
                self.event_bytes += frame.len();
            }
            Item::Head(conversation, seq) => {
                self.note_head(*conversation, *seq);
                return true;
            }
            Item::Recount(conversation) => {
                self.recounts.insert(*conversation);
                return true;
            }
            Item::Left(conversation) => {
                self.recounts.remove(conversation);
                self.heads.remove(conversation);
                self.cursors.remove(conversation);
            }
            Item::Ack(_)
            | Item::Refused(..)
            | Item::Answer(_)
            | Item::Joined(_)
            | Item::Doubt(_)
            | Item::Bye(_) => {}
        }
        match self.items.len() {
            0..ITEMS_MAX => self.items.push(item),
            ITEMS_MAX => self.items.push(Item::Bye(ByeCode::SlowReader)),
            _ => return false,
        }
        true
    }

    fn note_head(&mut self, conversation: ConversationId, seq: Seq) {
        let head = self.heads.entry(conversation).or_insert(seq);
        *head = (*head).max(seq);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn room(number: u128) -> ConversationId {
        ConversationId(Uuid::from_u128(number))
    }

    fn event(seq: u64, bytes: usize) -> Item {
        Item::Event(Arc::new(PublishedEvent {
            conversation: room(1),
            seq: Seq::new(seq).unwrap(),
            frame: "x".repeat(bytes).into(),
            named: None,
            deletes: false,
            veiled: false,
            committed: Instant::now(),
        }))
    }

    fn cursor(conversation: ConversationId, frame: &'static str) -> Item {
        Item::Cursor(conversation, Utf8Bytes::from_static(frame))
    }

    fn cursors(outbox: &Outbox) -> Vec<(ConversationId, String)> {
        let items = outbox.take().into_iter();
        items
            .filter_map(|item| match item {
                Item::Cursor(id, frame) => Some((id, frame.to_string())),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn soft_state_that_finds_no_room_is_dropped_and_ends_no_socket() {
        let soft = || {
            let frame = Utf8Bytes::from_static("{}");
            let typing = Item::Typing(room(1), frame.clone());
            [typing, Item::Presence(frame)]
        };
        let outbox = Outbox::new(10);
        outbox.push(event(1, 9));
        for item in soft() {
            assert!(!outbox.push(item));
        }
        assert_eq!(outbox.take().len(), 1);
        let outbox = Outbox::new(1 << 20);
        for _ in 0..ITEMS_MAX {
            let [typing, _] = soft();
            assert!(outbox.push(typing));
        }
        for item in soft() {
            assert!(!outbox.push(item));
        }
        let items = outbox.take();
        let is_soft = |item: &Item| matches!(item, Item::Typing(..));
        assert!(items.iter().all(is_soft), "nothing closes the socket");
    }

    #[test]
    fn an_own_cursor_that_finds_no_room_is_told_later() {
        let outbox = Outbox::new(10);
        outbox.push(event(1, 10));
        outbox.push(cursor(room(1), "first"));
        outbox.push(cursor(room(1), "second"));
        assert_eq!(cursors(&outbox), [(room(1), "second".to_owned())]);
        assert_eq!(cursors(&outbox), []);
    }

    #[test]
    fn of_own_changes_that_find_no_room_the_latest_is_told_later() {
        let change = |version| Item::Personal {
            conversation: room(1),
            version,
            frame: Utf8Bytes::from_static("{}"),
        };
        let outbox = Outbox::new(10);
        outbox.push(event(1, 9));
        for version in [4, 6, 5] {
            assert!(!outbox.push(change(version)));
        }
        let items = outbox.take();
        let [Item::Event(_), Item::Personal { version: 6, .. }] = &*items else {
            panic!("{items:?}")
        };
        assert!(outbox.take().is_empty());
        assert!(outbox.push(change(7)));
    }

    #[test]
    fn a_cursor_that_found_no_room_wakes_the_socket_and_ends_with_the_membership() {
        let outbox = Outbox::new(1);
        outbox.push(cursor(room(1), "first"));
        assert!(!outbox.queue.lock().is_empty());
        outbox.push(Item::Left(room(1)));
        outbox.push(cursor(room(2), "other"));
        assert_eq!(cursors(&outbox), [(room(2), "other".to_owned())]);
    }

    #[test]
    fn events_after_a_dropped_one_are_dropped_too_and_the_last_is_remembered() {
        let outbox = Outbox::new(10);
        assert!(outbox.push(event(1, 8)));
        assert!(!outbox.push(event(2, 8)));
        assert!(!outbox.push(event(3, 1)));
        let items = outbox.take();
        let [Item::Event(first), Item::Head(id, head)] = &*items else {
            panic!("{items:?}")
        };
        assert_eq!((first.seq.get(), *id, head.get()), (1, room(1), 3));
    }
}

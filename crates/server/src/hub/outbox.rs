//! What waits for one socket: bounded, filled by the publisher, emptied by the socket's task.

use std::collections::HashMap;
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
    /// A frame that nobody asked for, ready to write.
    Notice(Utf8Bytes),
    /// The same about a conversation, for as long as this socket follows it.
    Receipt(ConversationId, Utf8Bytes),
    /// The conversation has events up to here that are not pushed to this socket.
    Head(ConversationId, Seq),
    /// The user became a member.
    Joined(ConversationId),
    /// The user is no member any more.
    Left(ConversationId),
    /// The socket is to be closed.
    Bye(ByeCode),
}

/// An event, encoded once for everybody.
#[derive(Debug)]
pub(crate) struct PublishedEvent {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) frame: Utf8Bytes,
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
/// amount of memory and learns that there is more.
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

    /// Takes everything, oldest first; heads of what found no room come last.
    pub(crate) fn take(&self) -> Vec<Item> {
        let queue = std::mem::take(&mut *self.queue.lock());
        let mut items = queue.items;
        items.extend(queue.heads.into_iter().map(|(id, seq)| Item::Head(id, seq)));
        items
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.heads.is_empty()
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
            Item::Notice(frame) | Item::Receipt(_, frame) => {
                if self.event_bytes + frame.len() > bytes_max {
                    return false;
                }
                self.event_bytes += frame.len();
            }
            Item::Head(conversation, seq) => {
                self.note_head(*conversation, *seq);
                return true;
            }
            Item::Left(conversation) => {
                self.heads.remove(conversation);
            }
            Item::Ack(_) | Item::Refused(..) | Item::Answer(_) | Item::Joined(_) | Item::Bye(_) => {
            }
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

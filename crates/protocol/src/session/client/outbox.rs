//! What the person sent and the server has not answered for good.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use tidemark_core::conversation::NewMessage;
use tidemark_core::{ClientId, ConversationId};

use crate::frame::RequestId;

/// A message that waits for its ack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Where it goes.
    pub conversation: ConversationId,
    /// What it is. Its `client_id` stays the same over every try.
    pub message: NewMessage,
}

/// Why a message was not taken into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxError {
    /// As many messages wait as the outbox may hold.
    Full,
    /// A message of this conversation with the same `client_id` waits already.
    Repeated,
}

impl fmt::Display for OutboxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full => "the outbox is full",
            Self::Repeated => "a message with this client_id waits already",
        })
    }
}

impl std::error::Error for OutboxError {}

/// Pending messages in the order in which they were written.
///
/// A message leaves only by [`Outbox::take`]: after its ack or a final refusal. At most
/// `in_flight_max` wait for an answer at a time. While one waits to be tried again, nothing that
/// was written after it for the same conversation is sent, so that a passing refusal seldom changes
/// the order.
#[derive(Debug)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    capacity: usize,
    in_flight: usize,
    in_flight_max: usize,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    refusals: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { not_before: Option<Instant> },
    InFlight { request: RequestId, since: Instant },
}

impl Entry {
    fn request(&self) -> Option<RequestId> {
        match self.state {
            State::InFlight { request, .. } => Some(request),
            State::Waiting { .. } => None,
        }
    }
}

/// The first pause after a refusal that names none.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest pause after refusals that name none.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const ASKED_PAUSE_MAX: Duration = Duration::from_mins(10);

impl Outbox {
    pub(crate) fn new(capacity: usize, in_flight_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity,
            in_flight: 0,
            in_flight_max: in_flight_max.max(1),
        }
    }

    pub(crate) fn push(&mut self, pending: Pending) -> Result<(), OutboxError> {
        if self.entries.len() >= self.capacity {
            return Err(OutboxError::Full);
        }
        if self.contains(pending.conversation, pending.message.client_id) {
            return Err(OutboxError::Repeated);
        }
        self.entries.push_back(Entry {
            pending,
            refusals: 0,
            state: State::Waiting { not_before: None },
        });
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.entries.iter().map(|entry| &entry.pending)
    }

    fn contains(&self, conversation: ConversationId, client_id: ClientId) -> bool {
        self.position(conversation, client_id).is_some()
    }

    fn position(&self, conversation: ConversationId, client_id: ClientId) -> Option<usize> {
        self.entries.iter().position(|entry| {
            entry.pending.message.client_id == client_id
                && entry.pending.conversation == conversation
        })
    }

    /// The next message to put on the wire under the id `request`, if one may go now.
    pub(crate) fn transmit(&mut self, now: Instant, request: RequestId) -> Option<&Pending> {
        if self.in_flight >= self.in_flight_max {
            return None;
        }
        let is_due = |not_before: Option<Instant>| not_before.is_none_or(|due| due <= now);
        let (index, _) = self.foremost().find(|(_, due)| is_due(*due))?;
        self.in_flight += 1;
        let entry = &mut self.entries[index];
        entry.state = State::InFlight {
            request,
            since: now,
        };
        Some(&entry.pending)
    }

    /// When a message that was put off may be tried again.
    pub(crate) fn next_retry(&self) -> Option<Instant> {
        if self.in_flight >= self.in_flight_max {
            return None;
        }
        self.foremost()
            .filter_map(|(_, not_before)| not_before)
            .min()
    }

    /// For each conversation the first message that waits, by index, with the time before which it
    /// may not go.
    fn foremost(&self) -> impl Iterator<Item = (usize, Option<Instant>)> {
        let mut seen: Vec<ConversationId> = Vec::new();
        self.entries
            .iter()
            .enumerate()
            .filter_map(move |(index, entry)| {
                let State::Waiting { not_before } = entry.state else {
                    return None;
                };
                let conversation = entry.pending.conversation;
                if seen.contains(&conversation) {
                    return None;
                }
                seen.push(conversation);
                Some((index, not_before))
            })
    }

    /// When the message that waits longest for an answer was sent.
    pub(crate) fn oldest_in_flight(&self) -> Option<Instant> {
        let times = self.entries.iter().filter_map(|entry| match entry.state {
            State::InFlight { since, .. } => Some(since),
            State::Waiting { .. } => None,
        });
        times.min()
    }

    /// Takes out the message that went out as `request`: it has its final answer.
    pub(crate) fn take(&mut self, request: RequestId) -> Option<Pending> {
        let index = self.index_of(request)?;
        self.remove(index)
    }

    /// Takes out a message that turned up in the log: its ack was lost on the way.
    pub(crate) fn take_named(
        &mut self,
        conversation: ConversationId,
        client_id: ClientId,
    ) -> Option<Pending> {
        let index = self.position(conversation, client_id)?;
        self.remove(index)
    }

    fn remove(&mut self, index: usize) -> Option<Pending> {
        let entry = self.entries.remove(index)?;
        if entry.request().is_some() {
            self.in_flight -= 1;
        }
        Some(entry.pending)
    }

    /// The server cannot take `request` now: try again after `pause`, or after one that grows
    /// with every refusal. Whether there was such a message.
    pub(crate) fn put_off(
        &mut self,
        now: Instant,
        request: RequestId,
        pause: Option<Duration>,
    ) -> bool {
        let Some(index) = self.index_of(request) else {
            return false;
        };
        self.in_flight -= 1;
        let entry = &mut self.entries[index];
        let growing = PAUSE_MIN.saturating_mul(1 << entry.refusals.min(16));
        let pause = pause.unwrap_or(growing.min(PAUSE_MAX)).min(ASKED_PAUSE_MAX);
        entry.refusals += 1;
        entry.state = State::Waiting {
            not_before: Some(now + pause),
        };
        true
    }

    /// The connection is gone, and with it every answer that was awaited.
    pub(crate) fn disconnected(&mut self) {
        self.in_flight = 0;
        for entry in &mut self.entries {
            if entry.request().is_some() {
                entry.state = State::Waiting { not_before: None };
            }
        }
    }

    fn index_of(&self, request: RequestId) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.request() == Some(request))
    }
}

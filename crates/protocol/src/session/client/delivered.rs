//! Tells the others that what they say has arrived: once a second for each conversation at most, where that is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tidemark_core::conversation::{Event, EventBody};
use tidemark_core::{ConversationId, Seq, UserId};

use super::{ClientSession, Update};
use crate::frame::{Delivered, ReportDelivered, Request};

/// The pause between two reports about one conversation.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What was fetched, and what the server knows of that.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// In conversations of at most so many members it is shown.
    members_max: u64,
    rooms: BTreeMap<ConversationId, Room>,
    /// Those of `rooms` about which there may be something to report.
    waiting: BTreeSet<ConversationId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Room {
    /// How many members there were, once that is known, and up to which event this is.
    members: Option<(u64, Seq)>,
    /// The last message of somebody else that is here.
    fetched: Seq,
    told: Seq,
    confirmed: Seq,
    /// When the next report may go out.
    next: Option<Instant>,
}

impl Deliveries {
    pub(super) fn set_members_max(&mut self, members_max: u64) {
        self.members_max = members_max;
    }

    /// A conversation has so many members when its head is at `as_of`; 0 says nothing.
    pub(super) fn size(&mut self, id: ConversationId, members: u64, as_of: Seq) {
        if members > 0 {
            self.rooms.entry(id).or_default().members = Some((members, as_of));
        }
    }

    /// An event is here.
    pub(super) fn fetched(&mut self, event: &Event, me: &UserId) {
        let id = event.conversation;
        match &event.body {
            EventBody::Message(message) if message.sender != *me => {
                let room = self.rooms.entry(id).or_default();
                room.fetched = room.fetched.max(event.seq);
                self.waiting.insert(id);
            }
            EventBody::Members(change) => {
                let room = self.rooms.entry(id).or_default();
                if let Some((members, as_of)) = &mut room.members
                    && event.seq > *as_of
                {
                    *as_of = event.seq;
                    *members += change.joined.len() as u64;
                    *members = members.saturating_sub(change.left.len() as u64);
                }
            }
            _ => {}
        }
    }

    /// What was not confirmed is told again on the next connection.
    pub(super) fn disconnected(&mut self) {
        for (id, room) in &mut self.rooms {
            room.told = room.confirmed;
            room.next = None;
            if room.fetched > room.told {
                self.waiting.insert(*id);
            }
        }
    }

    pub(super) fn forget(&mut self, id: ConversationId) {
        self.rooms.remove(&id);
        self.waiting.remove(&id);
    }

    /// Drops everything, as of a history that is gone.
    pub(super) fn clear(&mut self) {
        self.rooms.clear();
        self.waiting.clear();
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let rooms = self.waiting.iter().filter_map(|id| self.rooms.get(id));
        rooms.filter_map(|room| room.next).min()
    }

    /// The next report that is due; `read` says up to where the user has read, which says as much.
    fn next(
        &mut self,
        now: Instant,
        read: impl Fn(ConversationId) -> Seq,
    ) -> Option<(ConversationId, Seq)> {
        let mut settled = Vec::new();
        let mut due = None;
        for id in &self.waiting {
            let Some(room) = self.rooms.get_mut(id) else {
                settled.push(*id);
                continue;
            };
            let is_shown = room
                .members
                .is_some_and(|(members, _)| members <= self.members_max);
            if !is_shown || room.fetched <= room.told.max(read(*id)) {
                settled.push(*id);
            } else if room.next.is_none_or(|next| next <= now) {
                room.told = room.fetched;
                room.next = Some(now + REPORT_EVERY);
                due = Some((*id, room.fetched));
                settled.push(*id);
                break;
            }
        }
        for id in settled {
            self.waiting.remove(&id);
        }
        due
    }
}

impl ClientSession {
    /// Takes how many members a conversation has, as an answer over HTTP said when its head was `head`.
    pub fn learn_size(&mut self, conversation: ConversationId, members: u64, head: Seq) {
        self.deliveries.size(conversation, members, head);
    }

    pub(super) fn next_report(&mut self, now: Instant) -> Option<Request> {
        let tracks = &self.tracks;
        let read = |id| {
            let track = tracks.get(&id).map(|known| &known.track);
            track.map_or(Seq::ZERO, |track| {
                track.read().max(track.read_wanted.unwrap_or_default())
            })
        };
        let (conversation, seq) = self.deliveries.next(now, read)?;
        Some(Request::Delivered(ReportDelivered {
            id: None,
            conversation,
            seq,
        }))
    }

    pub(super) fn delivered(&mut self, delivered: Delivered) {
        let (id, seq) = (delivered.conversation.0, delivered.delivered_seq.0);
        if Some(&delivered.user.0) != self.me.as_ref() {
            self.updates.push_back(Update::DeliveredTo {
                conversation: id,
                user: delivered.user.0,
                seq,
            });
        } else if let Some(room) = self.deliveries.rooms.get_mut(&id) {
            room.confirmed = room.confirmed.max(seq);
        }
    }
}

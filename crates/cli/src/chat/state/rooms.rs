//! The conversations, last active first.

use std::collections::HashMap;

use tidemark_client::ConversationState;
use tidemark_core::conversation::{ConversationKind, SettingsChange};
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body;

use crate::chat::event::Kept;
use crate::chat::harmless;

/// A conversation in the list.
#[derive(Clone, Debug)]
pub(in crate::chat) struct Room {
    pub(in crate::chat) id: ConversationId,
    pub(in crate::chat) kind: Option<ConversationKind>,
    pub(in crate::chat) title: Option<String>,
    pub(in crate::chat) topic: Option<String>,
    pub(in crate::chat) member_count: Option<u64>,
    /// The other person of a direct conversation, once known.
    pub(in crate::chat) peer: Option<UserId>,
    pub(in crate::chat) counts: Counts,
    pub(in crate::chat) read: Seq,
    pub(in crate::chat) kept: Kept,
    /// Whether the members were asked for, to find the peer.
    pub(super) is_peer_asked: bool,
    head: Seq,
}

impl Room {
    fn unknown(id: ConversationId) -> Self {
        Self {
            id,
            kind: None,
            title: None,
            topic: None,
            member_count: None,
            peer: None,
            counts: Counts::default(),
            read: Seq::ZERO,
            kept: Kept::default(),
            is_peer_asked: false,
            head: Seq::ZERO,
        }
    }

    /// Takes over what the server says; `me` is not the peer.
    fn learn(&mut self, told: &body::Conversation, me: &UserId) {
        self.kind = Some(told.kind.0);
        self.title = told.title.as_deref().map(harmless::line);
        self.topic = told.topic.as_deref().map(harmless::line);
        self.member_count = Some(told.member_count);
        if told.kind.0 == ConversationKind::Direct && self.peer.is_none() {
            let sender = told.last_message.as_ref().map(|message| &message.sender.0);
            self.peer = sender.filter(|sender| *sender != me).cloned();
        }
    }

    /// Settings changed.
    pub(super) fn change(&mut self, change: &SettingsChange) {
        if let Some(title) = &change.title {
            self.title = title.as_deref().map(harmless::line);
        }
        if let Some(topic) = &change.topic {
            self.topic = topic.as_deref().map(harmless::line);
        }
    }

    fn see(&mut self, state: &ConversationState) {
        self.kind = self.kind.or(state.kind);
        self.counts = state.counts.unwrap_or_default();
        self.read = state.read;
        self.head = state.head;
    }
}

/// The list.
#[derive(Debug, Default)]
pub(in crate::chat) struct Rooms {
    list: Vec<Room>,
}

impl Rooms {
    pub(in crate::chat) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.list.iter()
    }

    pub(in crate::chat) fn get(&self, id: ConversationId) -> Option<&Room> {
        self.list.iter().find(|room| room.id == id)
    }

    pub(in crate::chat) fn position(&self, id: ConversationId) -> Option<usize> {
        self.list.iter().position(|room| room.id == id)
    }

    pub(super) fn first(&self) -> Option<ConversationId> {
        self.list.first().map(|room| room.id)
    }

    pub(super) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Room> {
        self.list.iter_mut().find(|room| room.id == id)
    }

    pub(super) fn at_mut(&mut self, index: usize) -> Option<&mut Room> {
        self.list.get_mut(index)
    }

    /// The one so many places further down, around the ends.
    pub(super) fn neighbour(&self, id: ConversationId, step: isize) -> Option<ConversationId> {
        let count = isize::try_from(self.list.len()).ok()?;
        let at = isize::try_from(self.position(id)?).ok()?;
        let to = (at + step).checked_rem_euclid(count)?;
        Some(self.list[usize::try_from(to).ok()?].id)
    }

    /// Takes over what the server says of one conversation; one that is new comes first.
    pub(super) fn learn(&mut self, told: &body::Conversation, me: &UserId) {
        let id = told.id.0;
        if self.get(id).is_none() {
            self.list.insert(0, Room::unknown(id));
        }
        if let Some(room) = self.get_mut(id) {
            room.learn(told, me);
        }
    }

    /// Takes over the order of the inbox; what it does not name follows.
    pub(super) fn arrange(&mut self, inbox: &[body::Conversation], me: &UserId) {
        for told in inbox.iter().rev() {
            self.learn(told, me);
        }
        let ids = inbox.iter().map(|told| told.id.0);
        let places: HashMap<ConversationId, usize> =
            ids.enumerate().map(|(at, id)| (id, at)).collect();
        self.list
            .sort_by_key(|room| places.get(&room.id).copied().unwrap_or(usize::MAX));
    }

    /// Takes over heads and counts; where something happened comes first.
    pub(super) fn see(&mut self, states: &[(ConversationId, ConversationState)]) {
        let mut indexes: HashMap<ConversationId, usize> = HashMap::new();
        indexes.extend(self.list.iter().enumerate().map(|(at, room)| (room.id, at)));
        let mut active = Vec::new();
        for (id, state) in states {
            let at = *indexes.entry(*id).or_insert_with(|| {
                self.list.push(Room::unknown(*id));
                self.list.len() - 1
            });
            let room = &mut self.list[at];
            if room.head > Seq::ZERO && state.head > room.head {
                active.push(*id);
            }
            room.see(state);
        }
        self.list.sort_by_key(|room| !active.contains(&room.id));
    }

    /// Takes over what the user keeps, of all conversations.
    pub(super) fn keep(&mut self, kept: &[(ConversationId, Kept)]) {
        let kept: HashMap<ConversationId, Kept> = kept.iter().copied().collect();
        for room in &mut self.list {
            room.kept = kept.get(&room.id).copied().unwrap_or_default();
        }
    }

    pub(super) fn remove(&mut self, id: ConversationId) {
        self.list.retain(|room| room.id != id);
    }
}

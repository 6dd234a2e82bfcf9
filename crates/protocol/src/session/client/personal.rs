//! What the user keeps for themselves, as far as this device knows it.

use std::collections::BTreeMap;

use tidemark_core::{ConversationId, Seq};

use super::{ClientSession, Update};
use crate::body::{Personal, PersonalChanges};

/// A state with what ends its mark: a cursor or an own message above where these stood when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPersonal {
    /// The state.
    pub state: Personal,
    /// Up to where the user had read, if that was known.
    pub read: Option<Seq>,
    /// The head of the conversation, if that was known.
    pub head: Option<Seq>,
}

/// States by conversation, and how far the user's changes are known.
#[derive(Debug, Default)]
pub(super) struct Affairs {
    /// All changes up to this version are held.
    held: u64,
    /// The latest version that is known to exist.
    known: u64,
    kept: BTreeMap<ConversationId, KeptPersonal>,
}

impl Affairs {
    pub(super) fn resume(held: u64, kept: Vec<KeptPersonal>) -> Self {
        let by_id = |kept: KeptPersonal| (kept.state.conversation.0, kept);
        Self {
            held,
            known: held,
            kept: kept.into_iter().map(by_id).collect(),
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.held
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &KeptPersonal> {
        self.kept.values()
    }

    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.kept.remove(&conversation);
    }

    /// The server has come so far. One that is behind what is held has lost it.
    pub(super) fn told(&mut self, version: u64) {
        if version < self.held {
            *self = Self::default();
        }
        self.known = version;
    }

    /// Takes a state, whether it comes in order or not. Whether it is news.
    fn take(&mut self, kept: KeptPersonal) -> bool {
        let version = kept.state.version;
        self.known = self.known.max(version);
        if version == self.held + 1 {
            self.held = version;
        }
        let held = self.kept.get(&kept.state.conversation.0);
        let is_news = held.is_none_or(|held| held.state.version < version);
        if is_news {
            self.kept.insert(kept.state.conversation.0, kept);
        }
        is_news
    }

    fn clear_mark(&mut self, conversation: ConversationId) -> Option<Personal> {
        let state = &mut self.kept.get_mut(&conversation)?.state;
        state.marked_unread_at.take()?;
        Some(state.clone())
    }
}

impl ClientSession {
    /// What the user keeps of a conversation, as far as it is known.
    pub fn personal(&self, conversation: ConversationId) -> Option<&Personal> {
        let kept = self.affairs.kept.get(&conversation);
        kept.map(|kept| &kept.state)
    }

    /// What the user keeps, of all conversations of which that is known.
    pub fn all_personal(&self) -> impl Iterator<Item = &Personal> {
        self.affairs.all().map(|kept| &kept.state)
    }

    /// After which version to ask `GET /v1/personal`, if changes are missing; what it answers is for
    /// [`learn_personal_changes`](Self::learn_personal_changes).
    pub fn missing_personal(&self) -> Option<u64> {
        let affairs = &self.affairs;
        (self.is_online() && affairs.held < affairs.known).then_some(affairs.held)
    }

    /// Takes a page of changes that followed `after`.
    pub fn learn_personal_changes(&mut self, after: u64, page: PersonalChanges) {
        for state in page.changes {
            self.learn_personal(state);
        }
        // A page from before the server's history was replaced says nothing.
        if after <= self.affairs.held {
            self.affairs.held = self.affairs.held.max(page.version);
            self.affairs.known = self.affairs.known.max(page.version);
        }
    }

    /// Takes a state that came by a frame or as an answer to a change.
    pub fn learn_personal(&mut self, state: Personal) {
        let track = self.tracks.get(&state.conversation.0);
        let kept = KeptPersonal {
            read: track.map(|known| known.track.read()),
            head: track.map(|known| known.track.head()),
            state: state.clone(),
        };
        if self.affairs.take(kept) {
            self.updates.push_back(Update::Personal(Box::new(state)));
        }
    }

    /// The user has read up to here, on whichever device.
    pub(super) fn has_read(&mut self, conversation: ConversationId, read: Seq) {
        let Some(kept) = self.affairs.kept.get_mut(&conversation) else {
            return;
        };
        if read > *kept.read.get_or_insert(read) {
            self.end_mark(conversation);
        }
    }

    /// The user's own message has this place.
    pub(super) fn has_written(&mut self, conversation: ConversationId, seq: Seq) {
        let Some(kept) = self.affairs.kept.get_mut(&conversation) else {
            return;
        };
        if seq > *kept.head.get_or_insert(seq) {
            self.end_mark(conversation);
        }
    }

    fn end_mark(&mut self, conversation: ConversationId) {
        if let Some(state) = self.affairs.clear_mark(conversation) {
            self.updates.push_back(Update::Personal(Box::new(state)));
        }
    }
}

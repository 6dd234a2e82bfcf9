//! The conversation on screen.

use tidemark_core::conversation::{Event, EventBody};
use tidemark_core::timeline::{Timeline, TimelineMessage};
use tidemark_core::{ConversationId, Seq, Timestamp};

use super::mentions::KnownMembers;
use super::receipts::Receipts;
use super::threads::{OpenThread, ThreadCursors};

/// Something in a timeline.
#[derive(Clone, Debug)]
pub(in crate::chat) enum Entry {
    Message(TimelineMessage),
    /// People came or went, settings changed.
    Change(Event),
}

impl Entry {
    pub(in crate::chat) fn seq(&self) -> Seq {
        match self {
            Self::Message(message) => message.seq,
            Self::Change(event) => event.seq,
        }
    }

    pub(in crate::chat) fn at(&self) -> Timestamp {
        match self {
            Self::Message(message) => message.at,
            Self::Change(event) => event.at,
        }
    }

    pub(in crate::chat) fn message(&self) -> Option<&TimelineMessage> {
        match self {
            Self::Message(message) => Some(message),
            Self::Change(_) => None,
        }
    }
}

/// Which part of a timeline is on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chat) enum Scroll {
    /// The newest, also when more arrives.
    Bottom,
    /// The lower edge is in the entry at this place, with so many of its lines hidden below. It stays there
    /// whatever arrives above or below.
    Held { at: Seq, below: usize },
}

#[derive(Debug)]
pub(in crate::chat) struct OpenRoom {
    pub(in crate::chat) id: ConversationId,
    /// What is shown, oldest first.
    pub(in crate::chat) entries: Vec<Entry>,
    /// What is at hand and not shown, oldest first: replies that only their threads show, or what is not of the
    /// thread on screen.
    hidden: Vec<Entry>,
    /// The thread that is shown instead of the conversation.
    pub(in crate::chat) thread: Option<OpenThread>,
    pub(super) threads: ThreadCursors,
    pub(super) receipts: Receipts,
    /// The person's own last message.
    pub(super) last_own: Option<Seq>,
    pub(in crate::chat) scroll: Scroll,
    /// The last event that was read when the person came, or looked away: what follows is new.
    pub(in crate::chat) new_after: Option<Seq>,
    pub(in crate::chat) selected: Option<Seq>,
    /// Whether the newest page is there.
    pub(in crate::chat) is_loaded: bool,
    pub(in crate::chat) has_older: bool,
    pub(super) is_loading: bool,
    pub(super) members: KnownMembers,
    /// The last event that the timeline holds.
    pub(super) head: Seq,
    /// Up to where we said that the person has read.
    pub(super) told_read: Seq,
}

impl OpenRoom {
    pub(super) fn new(id: ConversationId, new_after: Option<Seq>) -> Self {
        Self {
            id,
            entries: Vec::new(),
            hidden: Vec::new(),
            thread: None,
            threads: ThreadCursors::default(),
            receipts: Receipts::default(),
            last_own: None,
            scroll: Scroll::Bottom,
            new_after,
            selected: None,
            is_loaded: false,
            has_older: true,
            is_loading: true,
            members: KnownMembers::default(),
            head: Seq::ZERO,
            told_read: Seq::ZERO,
        }
    }

    pub(in crate::chat) fn index_of(&self, seq: Seq) -> Option<usize> {
        self.entries.binary_search_by_key(&seq, Entry::seq).ok()
    }

    /// A message that is at hand, shown or not.
    pub(in crate::chat) fn message(&self, seq: Seq) -> Option<&TimelineMessage> {
        let find = |entries: &[Entry]| entries.binary_search_by_key(&seq, Entry::seq).ok();
        let shown = find(&self.entries).map(|index| &self.entries[index]);
        let entry = shown.or_else(|| find(&self.hidden).map(|index| &self.hidden[index]));
        entry?.message()
    }

    /// The messages at hand above a place, in no order.
    pub(super) fn messages_after(&self, place: Seq) -> impl Iterator<Item = &TimelineMessage> {
        let above = move |entries: &[Entry]| entries.partition_point(|entry| entry.seq() <= place);
        let shown = &self.entries[above(&self.entries)..];
        let hidden = &self.hidden[above(&self.hidden)..];
        shown.iter().chain(hidden).filter_map(Entry::message)
    }

    fn show(&mut self, mut all: Vec<Entry>) {
        all.sort_by_key(Entry::seq);
        let thread = self.thread.as_ref().map(|thread| thread.root);
        let is_shown = |entry: &Entry| is_shown(entry, thread);
        (self.entries, self.hidden) = all.into_iter().partition(is_shown);
    }

    /// Divides what is at hand anew into what is shown and what is not.
    pub(super) fn show_again(&mut self) {
        let mut all = std::mem::take(&mut self.entries);
        all.append(&mut self.hidden);
        self.show(all);
    }

    /// Whether there is something below the lower edge that arrived after the person had seen all.
    pub(in crate::chat) fn has_new_below(&self) -> bool {
        let newest = self.entries.last().map(Entry::seq);
        let thread = self.thread.as_ref();
        let told_read = thread.map_or(self.told_read, |thread| thread.told_read);
        self.scroll != Scroll::Bottom && newest > Some(told_read)
    }

    /// Takes over what the SDK holds. The settings and members that changed since are in what is returned.
    pub(super) fn see(&mut self, timeline: &Timeline) -> Vec<Event> {
        let before = self.head;
        self.head = timeline.head();
        let is_away = self.scroll != Scroll::Bottom && self.is_loaded;
        if self.head > before && self.told_read == before {
            if self.thread.is_some() {
                self.remember_new(before);
            } else if is_away {
                self.new_after = Some(before);
            }
        }
        let messages = timeline.messages().cloned().map(Entry::Message);
        let changes = timeline.changes().cloned().map(Entry::Change);
        self.show(messages.chain(changes).collect());
        if self.selected.is_some_and(|it| self.index_of(it).is_none()) {
            self.selected = None;
        }
        let newer = timeline.changes().filter(|event| event.seq > before);
        let changing = newer.filter(|event| {
            matches!(
                event.body,
                EventBody::Members(_) | EventBody::Settings { .. }
            )
        });
        changing.cloned().collect()
    }

    /// The message that `step` leads to from the selected one; from none, to the last one above the lower
    /// edge. Whether anything is selected then.
    pub(super) fn select(&mut self, is_up: bool) -> bool {
        let place = match (self.selected, self.scroll) {
            (Some(selected), _) if is_up => selected.previous(),
            (Some(selected), _) => selected.next(),
            (None, _) if !is_up => return false,
            (None, Scroll::Held { at, .. }) => at,
            (None, Scroll::Bottom) => Seq::MAX,
        };
        let mut messages = self.entries.iter().filter_map(Entry::message);
        let found = if is_up {
            messages.rfind(|message| message.seq <= place)
        } else {
            messages.find(|message| message.seq >= place)
        };
        match found {
            Some(message) => self.selected = Some(message.seq),
            // Below the newest one there is the composer.
            None if !is_up => self.selected = None,
            None => {}
        }
        self.selected.is_some()
    }
}

/// Whether a thread shows it, or the conversation itself.
fn is_shown(entry: &Entry, thread: Option<Seq>) -> bool {
    let reply = entry.message().and_then(|shown| shown.message.thread);
    match thread {
        None => reply.is_none_or(|reply| reply.also_in_conversation),
        Some(root) => entry.seq() == root || reply.is_some_and(|reply| reply.root == root),
    }
}

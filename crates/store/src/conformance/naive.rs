//! What a conversation is, told as simply as possible: a list of messages, and who has read how far.

use std::collections::{BTreeMap, BTreeSet};

use tidemark_core::Seq;
use tidemark_core::UserId;
use tidemark_core::conversation::{Change, Event, EventBody, Mentions};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::unread::Counts;

/// A message as somebody would describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    sender: String,
    text: String,
    deleted: bool,
    edited: bool,
    pinned: bool,
    reactions: BTreeMap<String, BTreeSet<UserId>>,
    thread: Option<Seq>,
    /// Whom it mentioned when it was sent.
    mentions: Mentions,
}

/// Everything that was said, and who has read what of it.
#[derive(Default)]
pub(super) struct Naive {
    pub(super) messages: BTreeMap<Seq, Told>,
    joined: BTreeMap<UserId, Seq>,
    read: BTreeMap<UserId, Seq>,
    thread_read: BTreeMap<(UserId, Seq), Seq>,
}

impl Naive {
    /// This happened.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.body {
            EventBody::Message(message) => {
                let told = Told {
                    sender: message.sender.to_string(),
                    text: message.text.clone(),
                    thread: message.thread.map(|thread| thread.root),
                    mentions: message.mentions.clone(),
                    ..Told::default()
                };
                self.messages.insert(event.seq, told);
            }
            EventBody::Amendment(amendment) => {
                let told = self.messages.get_mut(&amendment.target);
                let told = told.expect("only messages are amended");
                match &amendment.change {
                    Change::Edit { text, .. } => {
                        told.text.clone_from(text);
                        told.edited = true;
                    }
                    Change::Delete { .. } => {
                        *told = Told {
                            sender: told.sender.clone(),
                            thread: told.thread,
                            deleted: true,
                            ..Told::default()
                        };
                    }
                    Change::Reaction { emoji, on } => {
                        let people = told.reactions.entry(emoji.to_string()).or_default();
                        if *on {
                            people.insert(amendment.by.clone());
                        } else {
                            people.remove(&amendment.by);
                        }
                        told.reactions.retain(|_, people| !people.is_empty());
                    }
                    Change::Pin { on } => told.pinned = *on,
                }
            }
            EventBody::Members(change) => {
                for user in &change.left {
                    self.joined.remove(user);
                }
                for joined in &change.joined {
                    self.joined.insert(joined.user.clone(), event.seq);
                    self.has_read(&joined.user, event.seq);
                }
            }
            EventBody::Created { .. } | EventBody::Settings { .. } => {}
        }
    }

    /// Somebody has read up to here.
    pub(super) fn has_read(&mut self, user: &UserId, seq: Seq) {
        let read = self.read.entry(user.clone()).or_default();
        *read = seq.max(*read);
    }

    /// Somebody has read a thread up to here.
    pub(super) fn has_read_thread(&mut self, user: &UserId, root: Seq, seq: Seq) {
        let read = self.thread_read.entry((user.clone(), root)).or_default();
        *read = seq.max(*read);
    }

    /// Who is in it now, each with the event that made them a member.
    pub(super) fn members(&self) -> impl Iterator<Item = (&UserId, Seq)> {
        self.joined.iter().map(|(user, seq)| (user, *seq))
    }

    /// What a member has still to see.
    pub(super) fn counts(&self, user: &UserId) -> Counts {
        let read = self.read.get(user).copied().unwrap_or_default();
        let unread = || {
            let above = self.messages.range(read.next()..).map(|(_, told)| told);
            above.filter(|told| !told.deleted && told.sender != user.as_str())
        };
        Counts {
            unread: unread().count() as u64,
            mentions: unread().filter(|told| told.mentions.includes(user)).count() as u64,
        }
    }

    /// What a member has still to see of a thread.
    pub(super) fn unread_in(&self, user: &UserId, root: Seq) -> u64 {
        let joined = self.joined.get(user).copied().unwrap_or_default();
        let kept = self.thread_read.get(&(user.clone(), root)).copied();
        let read = joined.max(kept.unwrap_or_default());
        let above = self.messages.range(read.next()..).map(|(_, told)| told);
        let replies = above.filter(|told| told.thread == Some(root));
        let unread = replies.filter(|told| !told.deleted && told.sender != user.as_str());
        unread.count() as u64
    }
}

impl Told {
    /// What a timeline shows of a message, in the same words.
    pub(super) fn of(message: &TimelineMessage) -> Self {
        Self {
            sender: message.message.sender.to_string(),
            text: message.message.text.clone(),
            deleted: message.deleted,
            edited: message.edited_at.is_some(),
            pinned: message.pinned,
            thread: message.message.thread.map(|thread| thread.root),
            reactions: BTreeMap::new(),
            mentions: Mentions::default(),
        }
    }

    /// The same without what [`of`](Self::of) cannot know: who it was that reacted.
    pub(super) fn as_shown(&self) -> Self {
        Self {
            reactions: BTreeMap::new(),
            mentions: Mentions::default(),
            ..self.clone()
        }
    }

    /// The reactions as `viewer` sees them: how many of each, and whether one is theirs.
    pub(super) fn reactions(&self, viewer: &UserId) -> BTreeMap<String, (u64, bool)> {
        let seen = |(emoji, people): (&String, &BTreeSet<UserId>)| {
            let count = people.len() as u64;
            (emoji.clone(), (count, people.contains(viewer)))
        };
        self.reactions.iter().map(seen).collect()
    }
}

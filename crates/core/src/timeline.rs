//! Folding a conversation's events into what a person looks at.

use std::collections::BTreeMap;

use crate::conversation::{Amendment, Change, Event, EventBody, Message};
use crate::upload::Attachment;
use crate::{Seq, Timestamp, UserId};

mod message;
mod replies;

pub use self::message::{Reaction, TimelineMessage};
use self::replies::ThreadNews;
pub use self::replies::{PARTICIPANTS_MAX, Replies};

/// What became of an event that was offered to a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one and is in.
    New,
    /// It was held already; nothing changed.
    Held,
    /// Events between `after` and it are missing; nothing changed. Catch up from `after`.
    Gap {
        /// The last place that is held.
        after: Seq,
    },
}

/// The messages of one conversation, from a starting place on, without holes.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    head: Seq,
    title: Option<String>,
    messages: BTreeMap<Seq, TimelineMessage>,
    changes: BTreeMap<Seq, Event>,
    /// Whose reactions are marked.
    viewer: Option<UserId>,
    /// What happened lately to messages that are not shown, for when they are.
    elsewhere: BTreeMap<Seq, Elsewhere>,
    /// Messages that came with what is still to be applied: up to where.
    ahead: BTreeMap<Seq, Seq>,
}

/// What happened to messages that are not shown.
#[derive(Clone, Debug, Default)]
struct Elsewhere {
    amended: Option<(Timestamp, Amendment)>,
    /// The first message of a thread, and what happened below it.
    thread: Option<(Seq, ThreadNews)>,
}

/// How many events about messages that are not shown are kept. A page of the past is read and put in front
/// within moments, so this is more than can have happened meanwhile.
const ELSEWHERE_MAX: usize = 1_024;

/// Two timelines are equal that show the same, whoever looks at them and whatever they keep aside.
impl PartialEq for Timeline {
    fn eq(&self, other: &Self) -> bool {
        self.head == other.head
            && self.title == other.title
            && self.messages == other.messages
            && self.changes == other.changes
    }
}

impl Eq for Timeline {}

impl Timeline {
    /// An empty timeline that holds everything up to `seq`, of which it shows nothing.
    pub fn starting_after(seq: Seq) -> Self {
        Self {
            head: seq,
            ..Self::default()
        }
    }

    /// The same timeline, with the reactions of this user marked as their own.
    #[must_use]
    pub fn viewed_by(mut self, user: UserId) -> Self {
        self.viewer = Some(user);
        self
    }

    /// The last event that is held.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The title as the held events leave it.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &TimelineMessage> {
        self.messages.values()
    }

    /// The events between them that are no messages, oldest first: how the conversation began, who came
    /// and went, which settings changed.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.changes.values()
    }

    /// Puts messages from before those that are shown in front of them, as pages of the past arrive. They
    /// are as they stood when the conversation's head was `as_of`; what happened to them since and is held
    /// here is caught up on, and what is still to come but in the page already is not applied twice.
    /// What lies above the head is left out: it comes as events.
    pub fn prepend(&mut self, older: impl IntoIterator<Item = TimelineMessage>, as_of: Seq) {
        for mut message in older {
            if message.seq > self.head || self.messages.contains_key(&message.seq) {
                continue;
            }
            for (seq, elsewhere) in self.elsewhere.range(as_of.next()..) {
                elsewhere.tell(*seq, &mut message, self.viewer.as_ref());
            }
            if as_of > self.head {
                self.ahead.insert(message.seq, as_of);
            }
            self.messages.insert(message.seq, message);
        }
    }

    /// The same for events that are no messages; messages among them are left out.
    pub fn prepend_changes(&mut self, older: impl IntoIterator<Item = Event>) {
        for event in older {
            let is_change =
                event.body.as_message().is_none() && event.body.as_amendment().is_none();
            if event.seq <= self.head && is_change {
                self.changes.insert(event.seq, event);
            }
        }
    }

    /// Shows only the newest `messages_max` messages from now on, and what happened since the first of
    /// them, but no more than `messages_max` such changes; the head stays.
    pub fn keep_newest(&mut self, messages_max: usize) {
        let mut last_dropped = None;
        while self.messages.len() > messages_max {
            last_dropped = self.messages.pop_first();
        }
        if let Some((seq, _)) = last_dropped {
            self.changes = self.changes.split_off(&seq);
        }
        while self.changes.len() > messages_max {
            self.changes.pop_first();
        }
    }

    /// Moves over an event that changes nothing here, such as one of a kind that is not known.
    pub fn pass(&mut self, seq: Seq) -> Applied {
        if seq <= self.head {
            return Applied::Held;
        }
        if seq != self.head.next() {
            return Applied::Gap { after: self.head };
        }
        self.head = seq;
        Applied::New
    }

    /// Takes `event` in if it is the next one.
    pub fn apply(&mut self, event: &Event) -> Applied {
        let applied = self.pass(event.seq);
        if applied != Applied::New {
            return applied;
        }
        match &event.body {
            EventBody::Created { title, .. } => self.title.clone_from(title),
            EventBody::Settings { change, .. } => {
                if let Some(title) = &change.title {
                    self.title.clone_from(title);
                }
            }
            EventBody::Members(_) => {}
            EventBody::Message(message) => {
                self.reply(event.seq, event.at, message);
                let message = TimelineMessage::new(event.seq, event.at, message.clone());
                self.messages.insert(event.seq, message);
                return applied;
            }
            EventBody::Amendment(amendment) => {
                self.amend(event.seq, event.at, amendment);
                return applied;
            }
        }
        self.changes.insert(event.seq, event.clone());
        applied
    }

    /// Where the upload of an attachment is has changed. Nothing happens if no message that is shown has it at `seq`.
    pub fn learn_attachment(&mut self, seq: Seq, attachment: &Attachment) {
        let message = self.messages.get_mut(&seq);
        let attachments = message
            .into_iter()
            .flat_map(|it| &mut it.message.attachments);
        for known in attachments.filter(|known| known.upload == attachment.upload) {
            known.clone_from(attachment);
        }
    }

    fn amend(&mut self, seq: Seq, at: Timestamp, amendment: &Amendment) {
        if let Change::Delete {
            thread: Some(root), ..
        } = amendment.change
        {
            self.tell_root(seq, root, ThreadNews::Deleted);
        }
        self.ahead.retain(|_, as_of| *as_of >= seq);
        if self.ahead.contains_key(&amendment.target) {
            return;
        }
        if let Some(message) = self.messages.get_mut(&amendment.target) {
            message.amend(at, amendment, self.viewer.as_ref());
            return;
        }
        self.put_aside(seq).amended = Some((at, amendment.clone()));
    }

    fn reply(&mut self, seq: Seq, at: Timestamp, message: &Message) {
        if let Some(thread) = message.thread {
            let news = ThreadNews::Sent {
                sender: message.sender.clone(),
                first: thread.first,
                at,
            };
            self.tell_root(seq, thread.root, news);
        }
    }

    /// Lets what happened in a thread by the event at `seq` be seen at its first message.
    fn tell_root(&mut self, seq: Seq, root: Seq, news: ThreadNews) {
        self.ahead.retain(|_, as_of| *as_of >= seq);
        if self.ahead.contains_key(&root) {
            return;
        }
        match self.messages.get_mut(&root) {
            Some(message) => replies::tell(&mut message.replies, seq, &news),
            None => self.put_aside(seq).thread = Some((root, news)),
        }
    }

    /// Where what the event at `seq` did to messages that are not shown is kept.
    fn put_aside(&mut self, seq: Seq) -> &mut Elsewhere {
        while self.elsewhere.len() >= ELSEWHERE_MAX && !self.elsewhere.contains_key(&seq) {
            self.elsewhere.pop_first();
        }
        self.elsewhere.entry(seq).or_default()
    }
}

impl Elsewhere {
    /// Lets a message that is shown from now on catch up on what the event at `seq` did to it.
    fn tell(&self, seq: Seq, message: &mut TimelineMessage, viewer: Option<&UserId>) {
        if let Some((at, amendment)) = &self.amended
            && amendment.target == message.seq
        {
            message.amend(*at, amendment, viewer);
        }
        if let Some((root, news)) = &self.thread
            && *root == message.seq
        {
            replies::tell(&mut message.replies, seq, news);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Change, Emoji, MembersChange, Mentions, Message};
    use crate::{ClientId, ConversationId, UserId};

    fn message(place: u64) -> Event {
        let id = uuid::Uuid::from_u128(u128::from(place));
        Event {
            conversation: ConversationId(uuid::Uuid::nil()),
            seq: Seq::new(place).unwrap(),
            at: Timestamp(0),
            body: EventBody::Message(Message {
                sender: UserId::parse("ann").unwrap(),
                client_id: ClientId(id),
                text: "hello".to_owned(),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            }),
        }
    }

    fn members(place: u64) -> Event {
        Event {
            body: EventBody::Members(MembersChange::by(UserId::parse("ann").unwrap())),
            ..message(place)
        }
    }

    fn places(timeline: &Timeline) -> Vec<u64> {
        timeline
            .messages()
            .map(|message| message.seq.get())
            .collect()
    }

    #[test]
    fn pages_of_the_past_come_before_what_happens_now() {
        let mut timeline = Timeline::starting_after(Seq::new(5).unwrap());
        timeline.apply(&message(6));
        timeline.prepend(
            [3, 4, 7]
                .into_iter()
                .filter_map(|place| TimelineMessage::from_event(message(place))),
            Seq::new(7).unwrap(),
        );
        assert_eq!(places(&timeline), [3, 4, 6]);
        assert_eq!(timeline.apply(&message(7)), Applied::New);
    }

    #[test]
    fn old_messages_may_be_forgotten_and_unknown_events_passed() {
        let mut timeline = Timeline::default();
        for place in 1..=4 {
            timeline.apply(&message(place));
        }
        assert_eq!(timeline.pass(Seq::new(5).unwrap()), Applied::New);
        timeline.keep_newest(2);
        assert_eq!(places(&timeline), [3, 4]);
        assert_eq!(
            timeline.apply(&message(7)),
            Applied::Gap {
                after: Seq::new(5).unwrap()
            }
        );
    }

    fn changes(timeline: &Timeline) -> Vec<u64> {
        timeline.changes().map(|event| event.seq.get()).collect()
    }

    #[test]
    fn what_is_no_message_has_its_place_between_them() {
        let mut timeline = Timeline::starting_after(Seq::new(5).unwrap());
        timeline.apply(&members(6));
        timeline.apply(&message(7));
        timeline.prepend_changes([members(2), message(3), members(9)]);
        assert_eq!(places(&timeline), [7]);
        assert_eq!(changes(&timeline), [2, 6]);
    }

    #[test]
    fn changes_are_forgotten_with_the_messages_around_them() {
        let mut timeline = Timeline::default();
        for event in [members(1), message(2), members(3), message(4), members(5)] {
            timeline.apply(&event);
        }
        timeline.keep_newest(1);
        assert_eq!((places(&timeline), changes(&timeline)), (vec![4], vec![5]));
    }

    #[test]
    fn changes_without_messages_are_bounded_too() {
        let mut timeline = Timeline::default();
        for place in 1..=9 {
            timeline.apply(&members(place));
        }
        timeline.keep_newest(3);
        assert_eq!(changes(&timeline), [7, 8, 9]);
    }

    fn reacts(place: u64, target: u64, by: &str, on: bool) -> Event {
        let emoji = Emoji::parse("👍").unwrap();
        Event {
            body: EventBody::Amendment(Amendment {
                target: Seq::new(target).unwrap(),
                by: UserId::parse(by).unwrap(),
                client_id: None,
                change: Change::Reaction { emoji, on },
            }),
            ..message(place)
        }
    }

    fn reactions(timeline: &Timeline) -> Vec<(u64, u64, bool)> {
        let shown = timeline.messages().flat_map(|message| {
            let reactions = message.reactions.iter();
            reactions.map(|one| (message.seq.get(), one.count, one.mine))
        });
        shown.collect()
    }

    /// The log up to a place, as a store would show it.
    fn page(events: &[Event], as_of: usize) -> Vec<TimelineMessage> {
        let mut timeline = Timeline::default().viewed_by(UserId::parse("bob").unwrap());
        for event in &events[..as_of] {
            timeline.apply(event);
        }
        timeline.messages().cloned().collect()
    }

    #[test]
    fn a_page_of_any_age_ends_as_the_log_does() {
        let events = [
            message(1),
            reacts(2, 1, "ann", true),
            reacts(3, 1, "bob", true),
            reacts(4, 1, "ann", false),
            reacts(5, 1, "cyd", true),
        ];
        for head in 1..=5_u64 {
            for as_of in 1..=5 {
                let mut timeline = Timeline::starting_after(Seq::new(1).unwrap())
                    .viewed_by(UserId::parse("bob").unwrap());
                let (before, after) = events.split_at(usize::try_from(head).unwrap());
                for event in before {
                    timeline.apply(event);
                }
                timeline.prepend(page(&events, as_of), Seq::new(as_of as u64).unwrap());
                for event in after {
                    timeline.apply(event);
                }
                assert_eq!(reactions(&timeline), [(1, 2, true)], "{head} {as_of}");
            }
        }
    }
}

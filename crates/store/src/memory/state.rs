//! The state of all conversations, and the changes that make it.

use std::collections::BTreeMap;

use tidemark_core::access::{Caller, Horizon, Operation, permit_in};
use tidemark_core::conversation::{
    Amended, Amendment, Change as MessageChange, Conversation, Emoji, Event, EventBody, Invite,
    Mark, MembersChange, Membership, Message, append,
};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::unread::{Counts, Tally, unread};
use tidemark_core::{
    ClientId, ConversationId, InviteId, Position, Refusal, Seq, Timestamp, UploadId, UserId,
};

use super::uploads::KeptUpload;

/// Something that happened. Applying every change in order to an empty [`State`] gives the state.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A conversation began; its first events follow.
    Began {
        conversation: Conversation,
        maker: UserId,
        client_id: Option<ClientId>,
        direct_between: Option<(UserId, UserId)>,
    },
    /// The log of a conversation grew.
    Appended {
        conversation: ConversationId,
        at: Timestamp,
        body: EventBody,
    },
    /// Somebody read up to here.
    CursorMoved {
        conversation: ConversationId,
        user: UserId,
        read: Seq,
    },
    /// An invite was made, and these ended.
    Invited {
        conversation: ConversationId,
        invite: Invite,
        ended: Vec<InviteId>,
    },
    /// An invite was revoked.
    InviteRevoked {
        conversation: ConversationId,
        invite: InviteId,
    },
    /// A device of somebody fetched up to here.
    Delivered {
        conversation: ConversationId,
        user: UserId,
        through: Seq,
    },
}

/// All conversations.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) logs: BTreeMap<ConversationId, Log>,
    /// The conversation that somebody made with a client id.
    pub(crate) made: BTreeMap<(UserId, ClientId), ConversationId>,
    /// The direct conversation of a pair, in the order of [`UserId::pair`].
    pub(crate) directs: BTreeMap<(UserId, UserId), ConversationId>,
    /// Every event in commit order: the one at position `n` is at index `n - 1`.
    pub(crate) feed: Vec<(ConversationId, Seq)>,
    pub(crate) uploads: BTreeMap<UploadId, KeptUpload>,
}

/// One conversation.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) conversation: Conversation,
    /// The event with `seq` `n` is at index `n - 1`.
    pub(crate) entries: Vec<Entry>,
    /// Present and past members.
    pub(crate) memberships: BTreeMap<UserId, Membership>,
    /// The event that its author named with a client id.
    pub(crate) named: BTreeMap<(UserId, ClientId), Seq>,
    /// The events about a message.
    pub(crate) amendments: BTreeMap<Seq, Vec<Seq>>,
    /// Oldest first.
    pub(crate) invites: Vec<Invite>,
    /// The replies below a message.
    pub(crate) threads: BTreeMap<Seq, Vec<Seq>>,
}

/// One event of a log.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// How many messages there are in the log up to and including this event.
    pub(crate) messages: u64,
    pub(crate) position: Position,
}

impl State {
    /// Lets `change` happen.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Began {
                conversation,
                maker,
                client_id,
                direct_between,
            } => {
                let id = conversation.id;
                self.logs.insert(id, Log::new(conversation.clone()));
                if let Some(client_id) = client_id {
                    self.made.insert((maker.clone(), *client_id), id);
                }
                if let Some(pair) = direct_between {
                    self.directs.insert(pair.clone(), id);
                }
            }
            Change::Appended {
                conversation,
                at,
                body,
            } => {
                let position = Position(self.feed.len() as u64 + 1);
                let mut body = body.clone();
                let head = self.log_mut(*conversation).conversation.head;
                if let EventBody::Message(message) = &mut body {
                    let attachments = &mut message.attachments;
                    self.show(*conversation, head.next(), *at, attachments);
                }
                if let Some(target) = body.deletes() {
                    self.hide(*conversation, target);
                }
                let log = self.log_mut(*conversation);
                let seq = log.append(*at, body, position);
                self.feed.push((*conversation, seq));
            }
            Change::CursorMoved {
                conversation,
                user,
                read,
            } => {
                let log = self.log_mut(*conversation);
                let membership = log.memberships.get_mut(user);
                membership.expect("only a member has a cursor").read = *read;
            }
            Change::Invited {
                conversation,
                invite,
                ended,
            } => {
                let invites = &mut self.log_mut(*conversation).invites;
                invites.retain(|invite| !ended.contains(&invite.id));
                invites.push(invite.clone());
            }
            Change::InviteRevoked {
                conversation,
                invite,
            } => {
                let invites = &mut self.log_mut(*conversation).invites;
                invites.retain(|kept| kept.id != *invite);
            }
            Change::Delivered {
                conversation,
                user,
                through,
            } => {
                let log = self.log_mut(*conversation);
                let membership = log.memberships.get_mut(user);
                membership.expect("only a member has a cursor").delivered = *through;
            }
        }
    }

    fn log_mut(&mut self, id: ConversationId) -> &mut Log {
        let log = self.logs.get_mut(&id);
        log.expect("a conversation begins before anything happens in it")
    }

    /// The conversation, if `caller` may do the reading `operation` in it.
    pub(crate) fn permitted(
        &self,
        operation: Operation,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<&Log, Refusal> {
        let log = self.logs.get(&id);
        let conversation = log.map(|log| &log.conversation);
        let membership = log.and_then(|log| log.membership(caller));
        permit_in(operation, caller, conversation, membership)?;
        log.ok_or_else(Refusal::no_such_conversation)
    }

    /// The conversations that `user` is in, last active first.
    pub(crate) fn inbox(&self, user: &UserId) -> Vec<(&Log, &Membership)> {
        let mut inbox: Vec<_> = self
            .logs
            .values()
            .filter_map(|log| Some((log, log.memberships.get(user)?)))
            .filter(|(_, membership)| membership.is_current())
            .collect();
        inbox.sort_by_key(|(log, _)| std::cmp::Reverse(log.active()));
        inbox
    }
}

impl Log {
    fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            entries: Vec::new(),
            memberships: BTreeMap::new(),
            named: BTreeMap::new(),
            amendments: BTreeMap::new(),
            invites: Vec::new(),
            threads: BTreeMap::new(),
        }
    }

    /// Puts an event at the end and lets memberships follow from it.
    fn append(&mut self, at: Timestamp, body: EventBody, position: Position) -> Seq {
        let author = body.author().clone();
        let sent = self
            .memberships
            .get(&author)
            .map_or(0, |author| author.sent);
        let logged = append(&mut self.conversation, sent, at, body);
        let seq = logged.event.seq;
        match &logged.event.body {
            EventBody::Message(message) => {
                if let Some(thread) = message.thread {
                    self.threads.entry(thread.root).or_default().push(seq);
                }
                if let Some(author) = self.memberships.get_mut(&author) {
                    author.sent = logged.tally.own;
                    author.sent_at = Some(at);
                }
            }
            EventBody::Members(change) => self.change_members(change, seq),
            EventBody::Amendment(amendment) => {
                let amendments = self.amendments.entry(amendment.target);
                amendments.or_default().push(seq);
            }
            EventBody::Created { .. } | EventBody::Settings { .. } => {}
        }
        if let Some(client_id) = logged.event.body.client_id() {
            self.named.insert((author, client_id), seq);
        }
        if let Some(target) = logged.event.body.deletes() {
            self.redact(target);
        }
        self.entries.push(Entry {
            event: logged.event,
            messages: logged.tally.messages,
            position,
        });
        seq
    }

    fn change_members(&mut self, change: &MembersChange, seq: Seq) {
        for (user, effect) in change.effects() {
            let previous = self.memberships.remove(user);
            let membership = effect.apply(previous, seq);
            self.memberships
                .extend(membership.map(|membership| (user.clone(), membership)));
        }
        for invite in &mut self.invites {
            invite.uses += u64::from(Some(invite.id) == change.invite);
        }
    }

    /// The event at a place, if there is one.
    pub(crate) fn entry(&self, seq: Seq) -> Option<&Entry> {
        let index = usize::try_from(seq.get()).ok()?.checked_sub(1)?;
        self.entries.get(index)
    }

    /// The events after a place.
    pub(crate) fn entries_after(&self, seq: Seq) -> &[Entry] {
        let index = usize::try_from(seq.get()).unwrap_or(usize::MAX);
        self.entries.get(index..).unwrap_or_default()
    }

    /// The message at a place, as the log has it.
    pub(super) fn message_mut(&mut self, seq: Seq) -> Option<&mut Message> {
        let index = usize::try_from(seq.get()).ok()?.checked_sub(1)?;
        match &mut self.entries.get_mut(index)?.event.body {
            EventBody::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Takes what a message and its edits said out of the log.
    fn redact(&mut self, target: Seq) {
        let edits = self.amendments.get(&target).into_iter().flatten();
        for seq in edits.chain([&target]) {
            let index = usize::try_from(seq.get())
                .ok()
                .and_then(|seq| seq.checked_sub(1));
            if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
                entry.event.body.redact();
            }
        }
    }

    /// The messages as they stand, oldest first, as `viewer` sees them.
    pub(crate) fn messages<'l>(
        &'l self,
        viewer: Option<&'l UserId>,
    ) -> impl DoubleEndedIterator<Item = TimelineMessage> + 'l {
        let events = self.entries.iter().map(|entry| entry.event.clone());
        events.filter_map(move |event| {
            let mut message = TimelineMessage::from_event(event)?;
            for (mark, amendment) in self.amendments_of(message.seq) {
                message.amend(mark.at, amendment, viewer);
            }
            message.replies = self.replies(message.seq);
            Some(message)
        })
    }

    /// The events about a message, oldest first.
    pub(crate) fn amendments_of(&self, target: Seq) -> impl Iterator<Item = (Mark, &Amendment)> {
        let seqs = self.amendments.get(&target).into_iter().flatten();
        seqs.filter_map(|seq| {
            let event = &self.entry(*seq)?.event;
            Some((mark(event), event.body.as_amendment()?))
        })
    }

    /// A message that `caller` wishes to change, perhaps by reacting with `emoji`.
    pub(crate) fn amended(
        &self,
        target: Seq,
        emoji: Option<&Emoji>,
        caller: &UserId,
    ) -> Option<Amended> {
        let sent = &self.entry(target)?.event;
        let shown = self.messages(None).find(|message| message.seq == target)?;
        let mut amended = Amended {
            sender: shown.message.sender,
            sent: mark(sent),
            text: shown.message.text,
            mentions: shown.message.mentions,
            edited: None,
            deleted: None,
            pinned: None,
            reacted: None,
            has_emoji: shown.reactions.iter().any(|it| Some(&it.emoji) == emoji),
            emojis: shown.reactions.len() as u64,
            thread: shown.message.thread.map(|thread| thread.root),
        };
        for (mark, amendment) in self.amendments_of(target) {
            match &amendment.change {
                MessageChange::Edit { .. } => amended.edited = Some(mark),
                MessageChange::Delete { .. } => {
                    amended.deleted = Some(mark);
                    amended.pinned = None;
                    amended.reacted = None;
                }
                MessageChange::Reaction { emoji: with, on } => {
                    if Some(with) == emoji && amendment.by == *caller {
                        amended.reacted = on.then_some(mark);
                    }
                }
                MessageChange::Pin { on } => amended.pinned = on.then_some(mark),
            }
        }
        Some(amended)
    }

    /// The caller's membership, present or past.
    pub(crate) fn membership(&self, caller: &Caller) -> Option<&Membership> {
        self.memberships.get(caller.user()?)
    }

    /// What the caller sees of it.
    pub(crate) fn horizon(&self, caller: &Caller) -> Horizon {
        Horizon::of(caller, &self.conversation, self.membership(caller))
    }

    /// The newest message that the caller sees.
    pub(crate) fn last_message(&self, caller: &Caller) -> Option<TimelineMessage> {
        let horizon = self.horizon(caller);
        let newest = self.messages(caller.user()).next_back();
        newest.filter(|message| horizon.includes(message.seq))
    }

    /// The position of the last event.
    pub(crate) fn active(&self) -> Position {
        self.entries
            .last()
            .map_or(Position(0), |entry| entry.position)
    }

    /// What a member has still to see.
    pub(crate) fn counts(&self, user: &UserId, membership: &Membership) -> Counts {
        let above = self.entries_after(membership.read);
        let messages = || {
            above
                .iter()
                .filter_map(|entry| entry.event.body.as_message())
        };
        let own = |message: &&_| is_by(message, user);
        let own_above = messages().filter(own).count() as u64;
        let at_head = Tally {
            messages: self.conversation.messages,
            own: membership.sent,
        };
        let at_cursor = Tally {
            messages: self
                .entry(membership.read)
                .map_or(0, |entry| entry.messages),
            own: membership.sent - own_above,
        };
        let mentions = messages()
            .filter(|message| !own(message) && message.mentions.includes(user))
            .count() as u64;
        let deleted_above = messages()
            .filter(|message| !own(message) && message.is_redacted())
            .count() as u64;
        Counts {
            unread: unread(at_head, at_cursor, deleted_above),
            mentions,
        }
    }
}

fn is_by(message: &tidemark_core::conversation::Message, user: &UserId) -> bool {
    message.sender == *user
}

fn mark(event: &Event) -> Mark {
    Mark {
        seq: event.seq,
        at: event.at,
    }
}

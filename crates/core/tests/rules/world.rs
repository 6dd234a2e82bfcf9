//! The smallest thing that can run the rules: it keeps what a store keeps, looks up what a command needs,
//! asks `decide`, and applies the answer. It takes no decision of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Amended, BlockFacts, Change, Command, Conversation, Decision, Earlier, Emoji, Event,
    EventBody, Facts, Invite, Logged, Mark, MembersChange, Membership, Message, NewConversation,
    Role, Root, Target, UserFacts, append, change_block, decide,
};
use tidemark_core::unread::{Tally, unread};
use tidemark_core::{ClientId, ConversationId, Limits, Refusal, Seq, Timestamp, UserId};

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Appended(Vec<Event>),
    Repeated { seq: Seq, at: Timestamp },
    Existing(ConversationId),
    Moved(Seq),
    Invites,
    Unchanged,
}

/// One conversation with everything that is kept for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) conversation: Conversation,
    pub(crate) log: Vec<Logged>,
    pub(crate) memberships: BTreeMap<UserId, Membership>,
    administrator_sent: u64,
    named: BTreeMap<(UserId, ClientId), Seq>,
    pub(crate) invites: Vec<Invite>,
}

/// Everything that was accepted so far.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) rooms: BTreeMap<ConversationId, Room>,
    pub(crate) users: BTreeSet<UserId>,
    pub(crate) limits: Limits,
    made: BTreeMap<(UserId, ClientId), ConversationId>,
    pairs: BTreeMap<(UserId, UserId), ConversationId>,
    /// Who (the first) blocks whom.
    blocks: BTreeSet<(UserId, UserId)>,
}

impl World {
    /// A world with these people in which nothing has happened.
    pub(crate) fn of(users: impl IntoIterator<Item = UserId>, limits: Limits) -> Self {
        Self {
            rooms: BTreeMap::new(),
            users: users.into_iter().collect(),
            limits,
            made: BTreeMap::new(),
            pairs: BTreeMap::new(),
            blocks: BTreeSet::new(),
        }
    }

    /// Has somebody block another, or no longer; whether that is news.
    pub(crate) fn change_block(
        &mut self,
        user: &UserId,
        other: &UserId,
        on: bool,
    ) -> Result<bool, Refusal> {
        let block = (user.clone(), other.clone());
        let facts = BlockFacts {
            both_exist: [user, other].iter().all(|one| self.users.contains(*one)),
            is_blocked: self.blocks.contains(&block),
            blocks: self.blocks.iter().filter(|(one, _)| one == user).count(),
        };
        let changes = change_block(user, other, on, facts, &self.limits)?;
        if changes && on {
            self.blocks.insert(block);
        } else if changes {
            self.blocks.remove(&block);
        }
        let pair = UserId::pair(user.clone(), other.clone());
        if let Some(id) = self.pairs.get(&pair) {
            let blocked = self.is_blocked(&pair);
            self.rooms.get_mut(id).unwrap().conversation.blocked = blocked;
        }
        Ok(changes)
    }

    fn is_blocked(&self, (one, other): &(UserId, UserId)) -> bool {
        let has =
            |one: &UserId, other: &UserId| self.blocks.contains(&(one.clone(), other.clone()));
        has(one, other) || has(other, one)
    }

    /// Decides and performs one command, as a store does.
    pub(crate) fn execute(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let decision = self.decide(&command)?;
        let Command {
            conversation,
            caller,
            at,
            action,
        } = command;
        match decision {
            Decision::Append(bodies) => {
                if let Action::Create(new) = action {
                    self.begin(conversation, &caller, at, &new);
                }
                let room = self.rooms.get_mut(&conversation).unwrap();
                let events = bodies.into_iter().map(|body| room.append(at, body));
                Ok(Outcome::Appended(events.collect()))
            }
            Decision::Repeated { seq, at } => Ok(Outcome::Repeated { seq, at }),
            Decision::Existing(existing) => Ok(Outcome::Existing(existing)),
            Decision::MoveCursor(seq) => {
                let room = self.rooms.get_mut(&conversation).unwrap();
                let membership = room.memberships.get_mut(caller.user().unwrap());
                membership.unwrap().read = seq;
                Ok(Outcome::Moved(seq))
            }
            Decision::MoveDelivered(seq) => {
                let room = self.rooms.get_mut(&conversation).unwrap();
                let membership = room.memberships.get_mut(caller.user().unwrap());
                membership.unwrap().delivered = seq;
                Ok(Outcome::Moved(seq))
            }
            Decision::Unchanged => Ok(Outcome::Unchanged),
            Decision::Invite { invite, ended } => {
                let room = self.rooms.get_mut(&conversation).unwrap();
                room.invites.retain(|invite| !ended.contains(&invite.id));
                room.invites.push(invite);
                Ok(Outcome::Invites)
            }
            Decision::RevokeInvite(id) => {
                let room = self.rooms.get_mut(&conversation).unwrap();
                room.invites.retain(|invite| invite.id != id);
                Ok(Outcome::Invites)
            }
        }
    }

    fn decide(&self, command: &Command) -> Result<Decision, Refusal> {
        let room = self.rooms.get(&command.conversation);
        let author = command.caller.author();
        let needs = command.needs();
        let users: Vec<UserFacts> = needs
            .users
            .iter()
            .map(|user| UserFacts {
                exists: self.users.contains(*user),
                membership: room.and_then(|room| room.memberships.get(*user)).cloned(),
                blocks_caller: needs.blocks
                    && self.blocks.contains(&((*user).clone(), author.clone())),
            })
            .collect();
        let made = needs
            .earlier_conversation
            .and_then(|client_id| self.made.get(&(author.clone(), client_id)));
        let between = needs.direct_between.as_ref();
        let pair = between.and_then(|pair| self.pairs.get(pair));
        let earlier = room
            .zip(needs.earlier_event)
            .and_then(|(room, client_id)| room.earlier(&author, client_id));
        let amended = room
            .zip(needs.amended)
            .and_then(|(room, (seq, emoji))| room.amended(seq, emoji, &author));
        let target = room
            .zip(needs.target)
            .and_then(|(room, seq)| room.kind_at(seq));
        let facts = Facts {
            conversation: room.map(|room| &room.conversation),
            caller: room.and_then(|room| room.memberships.get(&author)),
            users: &users,
            earlier: earlier.as_ref(),
            existing: made.or(pair).copied(),
            target,
            amended: amended.as_ref(),
            invites: room.map_or(&[], |room| &room.invites),
            limits: &self.limits,
            root: room
                .zip(needs.root)
                .and_then(|(room, seq)| room.root(seq, &author)),
            pair_is_blocked: between.is_some_and(|pair| self.is_blocked(pair)),
            has_other_owner: room.zip(needs.owners_beside).is_some_and(|(room, user)| {
                let mut members = room.memberships.iter();
                members
                    .any(|(other, it)| other != user && it.is_current() && it.role == Role::Owner)
            }),
            uploads: &[],
        };
        decide(&facts, command.clone())
    }

    fn begin(&mut self, id: ConversationId, caller: &Caller, at: Timestamp, new: &NewConversation) {
        let room = Room {
            conversation: Conversation::new(id, new.kind, new.visibility, at),
            log: Vec::new(),
            memberships: BTreeMap::new(),
            administrator_sent: 0,
            named: BTreeMap::new(),
            invites: Vec::new(),
        };
        assert!(self.rooms.insert(id, room).is_none(), "{id} was in use");
        if let Some(client_id) = new.client_id {
            self.made.insert((caller.author(), client_id), id);
        }
        if let Some(pair) = new.direct_pair(caller) {
            self.pairs.insert(pair, id);
        }
    }
}

/// One line for each event: what a person wants to see of a history that broke a promise.
impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for room in self.rooms.values() {
            let Conversation {
                kind, visibility, ..
            } = &room.conversation;
            writeln!(formatter, "{visibility} {kind} {}", room.conversation.id)?;
            for event in room.events() {
                writeln!(formatter, "  {} {:?}", event.seq, event.body)?;
            }
        }
        Ok(())
    }
}

impl Room {
    /// The log as clients see it.
    pub(crate) fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.log.iter().map(|logged| &logged.event)
    }

    /// Who is a member now.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&UserId, &Membership)> {
        self.memberships
            .iter()
            .filter(|(_, membership)| membership.is_current())
    }

    /// What `user` has not seen, by subtracting ordinals and never by walking what is unread.
    pub(crate) fn unread(&self, user: &UserId) -> u64 {
        let membership = &self.memberships[user];
        let at_head = Tally {
            messages: self.conversation.messages,
            own: membership.sent,
        };
        let deleted = self.events().filter_map(|event| event.body.deletes());
        let deleted_above = deleted
            .filter(|seq| *seq > membership.read && self.sender_at(*seq) != Some(user))
            .count() as u64;
        unread(at_head, self.tally_at(membership.read, user), deleted_above)
    }

    fn sender_at(&self, seq: Seq) -> Option<&UserId> {
        let event = self.events().find(|event| event.seq == seq)?;
        event.body.as_message().map(|message| &message.sender)
    }

    /// The counts about `user` at `seq`: what was logged there, and with their last message before it.
    fn tally_at(&self, seq: Seq, user: &UserId) -> Tally {
        let up_to = || {
            self.log
                .iter()
                .rev()
                .skip_while(|logged| logged.event.seq > seq)
        };
        let own = up_to().find(|logged| {
            let message = logged.event.body.as_message();
            message.is_some_and(|message| message.sender == *user)
        });
        Tally {
            messages: up_to().next().map_or(0, |logged| logged.tally.messages),
            own: own.map_or(0, |logged| logged.tally.own),
        }
    }

    fn kind_at(&self, seq: Seq) -> Option<Target> {
        let event = self.events().find(|event| event.seq == seq)?;
        Some(match event.body {
            EventBody::Message(_) => Target::Message,
            _ => Target::Other,
        })
    }

    fn earlier(&self, author: &UserId, client_id: ClientId) -> Option<Earlier> {
        let seq = self.named.get(&(author.clone(), client_id))?;
        let event = self.events().find(|event| event.seq == *seq)?;
        Some(Earlier {
            seq: event.seq,
            at: event.at,
            body: event.body.clone(),
        })
    }

    /// A message as it stands, found by walking the log.
    fn amended(&self, target: Seq, asked: Option<&Emoji>, caller: &UserId) -> Option<Amended> {
        let event = self.events().find(|event| event.seq == target)?;
        let message = event.body.as_message()?;
        let mut amended = Amended {
            sender: message.sender.clone(),
            sent: mark(event),
            text: message.text.clone(),
            mentions: message.mentions.clone(),
            edited: None,
            deleted: None,
            pinned: None,
            reacted: None,
            has_emoji: false,
            emojis: 0,
            thread: message.thread.map(|thread| thread.root),
        };
        let mut reactions = BTreeMap::new();
        for event in self.events() {
            let Some(amendment) = event.body.as_amendment().filter(|one| one.target == target)
            else {
                continue;
            };
            match &amendment.change {
                Change::Edit { text, mentions } => {
                    amended.text.clone_from(text);
                    amended.mentions.clone_from(mentions);
                    amended.edited = Some(mark(event));
                }
                Change::Delete { .. } => {
                    amended.deleted = Some(mark(event));
                    amended.pinned = None;
                    reactions.clear();
                }
                Change::Reaction { emoji, on: true } => {
                    reactions.insert((emoji, &amendment.by), mark(event));
                }
                Change::Reaction { emoji, on: false } => {
                    reactions.remove(&(emoji, &amendment.by));
                }
                Change::Pin { on } => amended.pinned = on.then(|| mark(event)),
            }
        }
        let emojis: BTreeSet<_> = reactions.keys().map(|(emoji, _)| *emoji).collect();
        amended.emojis = emojis.len() as u64;
        if let Some(emoji) = asked {
            amended.has_emoji = emojis.contains(emoji);
            amended.reacted = reactions.get(&(emoji, caller)).copied();
        }
        Some(amended)
    }

    /// What is known of the first message of a thread, found by walking the log.
    pub(crate) fn root(&self, seq: Seq, caller: &UserId) -> Option<Root> {
        let event = self.events().find(|event| event.seq == seq)?;
        let message = event.body.as_message()?;
        let replies = || self.replies(seq);
        Some(Root {
            is_reply: message.thread.is_some(),
            is_deleted: self.events().any(|event| event.body.deletes() == Some(seq)),
            tally: Tally {
                messages: replies().count() as u64,
                own: replies()
                    .filter(|(_, message)| message.sender == *caller)
                    .count() as u64,
            },
        })
    }

    /// The replies that were ever sent in a thread.
    pub(crate) fn replies(&self, root: Seq) -> impl DoubleEndedIterator<Item = (&Event, &Message)> {
        let messages = self
            .events()
            .filter_map(|event| Some((event, event.body.as_message()?)));
        messages.filter(move |(_, message)| message.thread.is_some_and(|it| it.root == root))
    }

    /// Takes the words of a message and its edits out of the log.
    fn redact(&mut self, target: Seq) {
        for logged in &mut self.log {
            let event = &mut logged.event;
            let amends = event
                .body
                .as_amendment()
                .is_some_and(|one| one.target == target);
            if event.seq == target || amends {
                event.body.redact();
            }
        }
    }

    fn append(&mut self, at: Timestamp, body: EventBody) -> Event {
        let author = body.author().clone();
        let sent = match self.memberships.get(&author) {
            Some(membership) => membership.sent,
            None => self.administrator_sent,
        };
        let logged = append(&mut self.conversation, sent, at, body);
        let event = logged.event.clone();
        match &event.body {
            EventBody::Message(_) => match self.memberships.get_mut(&author) {
                Some(membership) => {
                    membership.sent = logged.tally.own;
                    membership.sent_at = Some(at);
                }
                None => self.administrator_sent = logged.tally.own,
            },
            EventBody::Members(change) => self.change_members(event.seq, change),
            EventBody::Amendment(_) | EventBody::Created { .. } | EventBody::Settings { .. } => {}
        }
        if let Some(client_id) = event.body.client_id() {
            self.named.insert((author, client_id), event.seq);
        }
        if let Some(target) = event.body.deletes() {
            self.redact(target);
        }
        self.log.push(logged);
        event
    }

    fn change_members(&mut self, seq: Seq, change: &MembersChange) {
        for (user, effect) in change.effects() {
            let previous = self.memberships.remove(user);
            let membership = effect.apply(previous, seq).unwrap();
            self.memberships.insert(user.clone(), membership);
        }
        for invite in &mut self.invites {
            invite.uses += u64::from(Some(invite.id) == change.invite);
        }
    }
}

fn mark(event: &Event) -> Mark {
    Mark {
        seq: event.seq,
        at: event.at,
    }
}

//! The smallest thing that can run the rules: it keeps what a store keeps, looks up what a command needs,
//! asks `decide`, and applies the answer. It takes no decision of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, Conversation, Decision, Earlier, Event, EventBody, Facts, Logged,
    MembersChange, Membership, NewConversation, Target, UserFacts, append, decide,
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
    Unchanged,
}

/// One conversation with everything that is kept for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) conversation: Conversation,
    pub(crate) log: Vec<Logged>,
    pub(crate) memberships: BTreeMap<UserId, Membership>,
    administrator_sent: u64,
    named: BTreeMap<(UserId, ClientId), Earlier>,
}

/// Everything that was accepted so far.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) rooms: BTreeMap<ConversationId, Room>,
    pub(crate) users: BTreeSet<UserId>,
    pub(crate) limits: Limits,
    made: BTreeMap<(UserId, ClientId), ConversationId>,
    pairs: BTreeMap<(UserId, UserId), ConversationId>,
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
        }
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
            Decision::Unchanged => Ok(Outcome::Unchanged),
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
            })
            .collect();
        let made = needs
            .earlier_conversation
            .and_then(|client_id| self.made.get(&(author.clone(), client_id)));
        let pair = needs.direct_between.and_then(|pair| self.pairs.get(&pair));
        let earlier = room
            .zip(needs.earlier_message)
            .and_then(|(room, client_id)| room.named.get(&(author.clone(), client_id)));
        let target = room
            .zip(needs.target)
            .and_then(|(room, seq)| room.kind_at(seq));
        let facts = Facts {
            conversation: room.map(|room| &room.conversation),
            caller: room.and_then(|room| room.memberships.get(&author)),
            users: &users,
            earlier,
            existing: made.or(pair).copied(),
            target,
            limits: &self.limits,
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
        unread(at_head, self.tally_at(membership.read, user))
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

    fn append(&mut self, at: Timestamp, body: EventBody) -> Event {
        let author = body.author().clone();
        let sent = match self.memberships.get(&author) {
            Some(membership) => membership.sent,
            None => self.administrator_sent,
        };
        let logged = append(&mut self.conversation, sent, at, body);
        let event = logged.event.clone();
        match &event.body {
            EventBody::Message(message) => {
                match self.memberships.get_mut(&author) {
                    Some(membership) => membership.sent = logged.tally.own,
                    None => self.administrator_sent = logged.tally.own,
                }
                let earlier = Earlier {
                    seq: event.seq,
                    at,
                    message: message.clone(),
                };
                self.named.insert((author, message.client_id), earlier);
            }
            EventBody::Members(change) => self.change_members(event.seq, change),
            EventBody::Created { .. } | EventBody::Settings { .. } => {}
        }
        self.log.push(logged);
        event
    }

    fn change_members(&mut self, seq: Seq, change: &MembersChange) {
        for joined in &change.joined {
            let previous = self.memberships.get(&joined.user);
            let membership = Membership::join(previous, joined.role, seq);
            self.memberships.insert(joined.user.clone(), membership);
        }
        for user in &change.left {
            self.memberships.get_mut(user).unwrap().leave(seq);
        }
        for changed in &change.roles {
            self.memberships.get_mut(&changed.user).unwrap().role = changed.role;
        }
    }
}

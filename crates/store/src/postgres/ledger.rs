//! A batch of commands becomes what is to be written: the core decides each from the facts and from what
//! those before it did. Nothing here talks to the database.

use std::collections::HashMap;
use std::vec;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    self, Action, Command, Conversation, Decision, Earlier, Event, EventBody, Invite,
    MembersChange, Membership, Mentions, NewConversation, Role, Root, Target, UserFacts, append,
    decide,
};
use tidemark_core::unread::{Counts, Tally, unread};
use tidemark_core::{
    ClientId, ConversationId, InviteId, Limits, Position, Refusal, Seq, Timestamp, UserId,
};

use crate::{CursorMove, Outcome};

use super::amendments::Amending;
use super::facts::{Facts, Place};
use super::rows::KeptConversation;
use super::writes::Writes;

/// The state of what a batch touches, while it is being decided.
pub(crate) struct Ledger<'l> {
    limits: &'l Limits,
    facts: Facts,
    rooms: HashMap<ConversationId, Room>,
    positions: vec::IntoIter<Position>,
    conversation_keys: vec::IntoIter<i64>,
    pub(crate) writes: Writes,
}

/// A conversation and what was added to it.
struct Room {
    kept: KeptConversation,
    /// The head that is in the database; what is above it is in `added`.
    head_before: Seq,
    added: Vec<Added>,
    is_new: bool,
    /// Whether more changed than what every event changes.
    is_changed: bool,
}

/// What later commands may want to know of an event that is not in the database yet.
struct Added {
    author: UserId,
    tally: Tally,
    /// Of a message.
    mentions: Option<Mentions>,
    is_reply: bool,
}

/// What is to be kept of a new conversation beside its events.
struct Beginning {
    state: Conversation,
    client_id: Option<ClientId>,
    pair: Option<(UserId, UserId)>,
}

impl<'l> Ledger<'l> {
    pub(crate) fn new(limits: &'l Limits, mut facts: Facts) -> Self {
        let rooms = std::mem::take(&mut facts.conversations).into_iter();
        Self {
            limits,
            rooms: rooms.map(|(id, kept)| (id, Room::of(kept))).collect(),
            positions: std::mem::take(&mut facts.positions).into_iter(),
            conversation_keys: std::mem::take(&mut facts.conversation_keys).into_iter(),
            writes: Writes::new(std::mem::take(&mut facts.people)),
            facts,
        }
    }

    /// Decides a command and notes what follows from it. A refusal has changed nothing.
    pub(crate) fn perform(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let id = command.conversation;
        let at = command.at;
        let author = command.caller.author();
        let moves_cursor = matches!(command.action, Action::MoveCursor(_));
        let delivers = matches!(command.action, Action::MoveDelivered(_));
        let beginning = match &command.action {
            Action::Create(new) => Some(Beginning::of(id, at, &command.caller, new)),
            _ => None,
        };
        Ok(match self.decide(command, &author)? {
            Decision::Append(bodies) => self.append(id, at, &author, beginning, bodies),
            Decision::Repeated { seq, at } => Outcome::Repeated { seq, at },
            Decision::Existing(existing) => Outcome::Existing(existing),
            Decision::MoveCursor(seq) => self.cursor(id, &author, Some(seq)),
            Decision::Unchanged if moves_cursor => self.cursor(id, &author, None),
            Decision::MoveDelivered(seq) => self.delivered(id, &author, Some(seq)),
            Decision::Unchanged if delivers => self.delivered(id, &author, None),
            Decision::Unchanged => Outcome::Unchanged {
                head: self.room(id).kept.state.head,
            },
            Decision::Invite { invite, ended } => self.invite(id, &author, at, invite, &ended),
            Decision::RevokeInvite(invite) => {
                self.end_invite(id, invite);
                Outcome::InviteRevoked
            }
        })
    }

    /// Notes how the conversations stand now; what is written is complete after it.
    pub(crate) fn finish(mut self) -> Writes {
        for room in self.rooms.into_values() {
            if room.is_new {
                self.writes.begin_conversation(room.kept);
            } else if room.is_changed {
                self.writes.change_conversation(room.kept);
            } else if !room.added.is_empty() {
                self.writes.move_head(&room.kept);
            }
        }
        self.writes
    }

    fn decide(&self, command: Command, author: &UserId) -> Result<Decision, Refusal> {
        let id = command.conversation;
        let room = self.rooms.get(&id);
        let facts = &self.facts;
        let needs = command.needs();
        let users: Vec<UserFacts> = needs
            .users
            .into_iter()
            .map(|user| UserFacts {
                blocks_caller: needs.blocks && facts.has_block(user, author),
                ..self.user_facts(id, user)
            })
            .collect();
        let earlier = needs
            .earlier_event
            .and_then(|client_id| facts.earlier.get(&(id, author.clone(), client_id)));
        let target = needs.target.and_then(|seq| match room?.added(seq) {
            Some(added) => Some(added.as_target()),
            None => facts.targets.get(&(id, seq)).copied(),
        });
        let first = needs.root.and_then(|seq| match room?.added(seq) {
            Some(added) => added.as_root(facts.threads.tally(id, seq, author)),
            None => facts.threads.root(id, seq, author),
        });
        let made = needs
            .earlier_conversation
            .and_then(|client_id| facts.made.get(&(author.clone(), client_id)));
        let direct = needs
            .direct_between
            .as_ref()
            .and_then(|pair| facts.directs.get(pair));
        let pair_is_blocked = needs
            .direct_between
            .as_ref()
            .is_some_and(|(one, other)| facts.has_block(one, other) || facts.has_block(other, one));
        let has_other_owner = needs
            .owners_beside
            .is_some_and(|user| facts.has_owner_beside(id, user));
        let place = facts.places.get(&(id, author.clone()));
        let uploads = &facts.uploads;
        let facts = conversation::Facts {
            conversation: room.map(|room| &room.kept.state),
            caller: place.and_then(|place| place.membership.as_ref()),
            users: &users,
            earlier,
            existing: made.or(direct).copied(),
            target,
            amended: facts.amended.get(&id).map(|found| &found.amended),
            invites: facts.invites.get(&id).map_or(&[], Vec::as_slice),
            limits: self.limits,
            root: first,
            pair_is_blocked,
            uploads,
            has_other_owner,
        };
        decide(&facts, command)
    }

    fn user_facts(&self, id: ConversationId, user: &UserId) -> UserFacts {
        if user.is_reserved() || !self.writes.is_known(user) {
            return UserFacts::default();
        }
        let place = self.facts.places.get(&(id, user.clone()));
        UserFacts {
            exists: true,
            membership: place.and_then(|place| place.membership.clone()),
            blocks_caller: false,
        }
    }

    fn room(&mut self, id: ConversationId) -> &mut Room {
        self.rooms
            .get_mut(&id)
            .expect("decide() answers so only for what exists")
    }

    fn append(
        &mut self,
        id: ConversationId,
        at: Timestamp,
        author: &UserId,
        beginning: Option<Beginning>,
        bodies: Vec<EventBody>,
    ) -> Outcome {
        self.writes.intern(author, at);
        if let Some(beginning) = beginning {
            self.begin(author, beginning);
        }
        let mut events = Vec::with_capacity(bodies.len());
        for body in bodies {
            events.push(self.append_one(id, at, author, body));
        }
        let state = &self.room(id).kept.state;
        Outcome::Appended {
            events,
            members: state.members,
            history: state.rules.history,
        }
    }

    fn append_one(
        &mut self,
        id: ConversationId,
        at: Timestamp,
        author: &UserId,
        body: EventBody,
    ) -> Event {
        let position = self.positions.next();
        let position = position.expect("as many were taken as the commands may append");
        let place = self.facts.places.entry((id, author.clone())).or_default();
        let room = self
            .rooms
            .get_mut(&id)
            .expect("decide() appends only to what exists");
        let logged = append(&mut room.kept.state, place.sent, at, body);
        room.kept.active = position;
        room.added.push(Added {
            author: author.clone(),
            tally: logged.tally,
            mentions: logged
                .event
                .body
                .as_message()
                .map(|message| message.mentions.clone()),
            is_reply: logged
                .event
                .body
                .as_message()
                .is_some_and(|message| message.thread.is_some()),
        });
        let key = room.kept.key;
        self.writes.append(key, position, &logged);
        match &logged.event.body {
            EventBody::Message(message) => {
                place.count_message(logged.tally.own, at);
                self.writes
                    .show(key, logged.event.seq, at, &message.attachments);
                if let Some(reply) = message.thread {
                    let tally = self.facts.threads.count(id, reply.root, author);
                    let seq = logged.event.seq;
                    self.writes.reply(key, seq, position, author, reply, tally);
                }
                let named = (id, author.clone(), message.client_id);
                if self.facts.messages_twice.contains(&named) {
                    let earlier = Earlier {
                        seq: logged.event.seq,
                        at,
                        body: logged.event.body.clone(),
                    };
                    self.facts.earlier.insert(named, earlier);
                }
            }
            EventBody::Members(change) => {
                room.is_changed = true;
                self.apply_members(id, key, &logged.event, change);
            }
            EventBody::Amendment(amendment) => {
                let found = self.facts.amended.get(&id);
                self.writes.amend(Amending {
                    conversation: key,
                    seq: logged.event.seq,
                    amendment: amendment.clone(),
                    mentioned: found.map_or_else(Mentions::default, |it| it.mentioned.clone()),
                    shows: found.is_some_and(|it| it.shows),
                });
            }
            EventBody::Created { .. } | EventBody::Settings { .. } => room.is_changed = true,
        }
        logged.event
    }

    /// Makes a conversation in which nothing has happened yet.
    fn begin(&mut self, author: &UserId, beginning: Beginning) {
        let Beginning {
            state,
            client_id,
            pair,
        } = beginning;
        let key = self.conversation_keys.next();
        let key = key.expect("as many were taken as there are commands to begin one");
        let (id, at) = (state.id, state.created_at);
        if let Some(client_id) = client_id {
            self.writes.created_by_client(author, client_id, key);
            self.facts.made.insert((author.clone(), client_id), id);
        }
        if let Some((one, other)) = pair {
            self.writes.intern(&one, at);
            self.writes.intern(&other, at);
            self.writes.direct(&one, &other, key);
            self.facts.directs.insert((one, other), id);
        }
        let kept = KeptConversation {
            key,
            state,
            active: Position(0),
        };
        let room = Room {
            is_new: true,
            ..Room::of(kept)
        };
        self.rooms.insert(id, room);
    }

    /// Lets a change of members happen to the memberships.
    fn apply_members(
        &mut self,
        id: ConversationId,
        key: i64,
        event: &Event,
        change: &MembersChange,
    ) {
        for (user, effect) in change.effects() {
            self.writes.intern(user, event.at);
            let place = self.facts.places.entry((id, user.clone())).or_default();
            if let Some(mut membership) = effect.apply(place.membership.take(), event.seq) {
                place.count_in(&mut membership);
                self.writes.put_member(key, user, &membership);
                let is_owner = membership.is_current() && membership.role == Role::Owner;
                place.membership = Some(membership);
                self.facts.note_owner(id, user, is_owner);
            }
        }
        let invites = self.facts.invites.entry(id).or_default();
        for invite in invites
            .iter_mut()
            .filter(|one| Some(one.id) == change.invite)
        {
            invite.uses += 1;
            self.writes.invites.count_uses(invite.id, invite.uses);
        }
    }

    /// An invite begins, and these end.
    fn invite(
        &mut self,
        id: ConversationId,
        author: &UserId,
        at: Timestamp,
        invite: Invite,
        ended: &[InviteId],
    ) -> Outcome {
        self.writes.intern(author, at);
        for ended in ended {
            self.end_invite(id, *ended);
        }
        let key = self.room(id).kept.key;
        self.writes.invites.make(key, &invite);
        let invites = self.facts.invites.entry(id).or_default();
        invites.push(invite.clone());
        Outcome::Invited(invite)
    }

    fn end_invite(&mut self, id: ConversationId, invite: InviteId) {
        let invites = self.facts.invites.entry(id).or_default();
        invites.retain(|kept| kept.id != invite);
        self.writes.invites.forget(invite);
    }

    /// Moves the caller's cursor to a place above it, or only says where it stands.
    fn cursor(&mut self, id: ConversationId, user: &UserId, to: Option<Seq>) -> Outcome {
        let room = &self.rooms[&id];
        let place = self.facts.places.get_mut(&(id, user.clone()));
        let (mut read, mut counts) = (Seq::ZERO, Counts::default());
        if let Some(membership) = place.and_then(|place| place.membership.as_mut()) {
            if let Some(seq) = to {
                self.writes.move_cursor(room.kept.key, user, seq);
                membership.read = seq;
            }
            read = membership.read;
            let sent = membership.sent;
            counts = self.counts(id, user, read, sent);
        }
        Outcome::Cursor {
            cursor: CursorMove {
                read,
                head: self.rooms[&id].kept.state.head,
                counts,
                moved: to.is_some(),
            },
            members: self.rooms[&id].kept.state.members,
            is_hidden: self.rooms[&id].kept.state.blocked,
        }
    }

    /// Notes what a device of the caller has fetched, or only says what is known of it.
    fn delivered(&mut self, id: ConversationId, user: &UserId, to: Option<Seq>) -> Outcome {
        let kept = &self.rooms[&id].kept;
        let place = self.facts.places.get_mut(&(id, user.clone()));
        let mut delivered = Seq::ZERO;
        if let Some(membership) = place.and_then(|place| place.membership.as_mut()) {
            if let Some(seq) = to {
                self.writes.move_delivered(kept.key, user, seq);
                membership.delivered = seq;
            }
            delivered = membership.delivered_through();
        }
        Outcome::Delivered {
            delivered,
            moved: to.is_some(),
            members: kept.state.members,
            is_hidden: kept.state.blocked,
        }
    }

    /// What a member has still to see above a place.
    fn counts(&self, id: ConversationId, user: &UserId, read: Seq, sent: u64) -> Counts {
        let room = &self.rooms[&id];
        let state = &room.kept.state;
        if read >= state.head {
            return Counts::default();
        }
        let at_head = Tally {
            messages: state.messages,
            own: sent,
        };
        let mentions_added = room.mentions_above(read, user);
        let (at_cursor, mentions, deleted_above) = if let Some(event) = room.added(read) {
            // Messages of before the batch are below the place, so `sent` counts those as well.
            let at_cursor = Tally {
                messages: event.tally.messages,
                own: sent - room.messages_above(read, user),
            };
            (at_cursor, mentions_added, 0)
        } else {
            let at_place = self.facts.at_places.get(&(id, user.clone(), read));
            let at_place = at_place.expect("asked for with every command about a cursor");
            let mentions = at_place.mentions_above + mentions_added;
            (at_place.tally, mentions, at_place.deleted_above)
        };
        Counts {
            unread: unread(at_head, at_cursor, deleted_above),
            mentions,
        }
    }
}

impl Room {
    fn of(kept: KeptConversation) -> Self {
        Self {
            head_before: kept.state.head,
            kept,
            added: Vec::new(),
            is_new: false,
            is_changed: false,
        }
    }

    /// The event at a place, if it is a new one.
    fn added(&self, seq: Seq) -> Option<&Added> {
        let index = seq.get().checked_sub(self.head_before.get() + 1)?;
        self.added.get(usize::try_from(index).ok()?)
    }

    /// The new events above a place.
    fn added_above(&self, seq: Seq) -> &[Added] {
        let below = seq.get().saturating_sub(self.head_before.get());
        let below = usize::try_from(below).unwrap_or(usize::MAX);
        self.added.get(below..).unwrap_or_default()
    }

    /// How many of the new messages above a place are by `user`.
    fn messages_above(&self, seq: Seq, user: &UserId) -> u64 {
        let added = self.added_above(seq).iter();
        let own = added.filter(|added| added.mentions.is_some() && added.author == *user);
        own.count() as u64
    }

    /// In how many of the new messages above a place somebody else mentions `user`.
    fn mentions_above(&self, seq: Seq, user: &UserId) -> u64 {
        let added = self.added_above(seq).iter();
        let mentions = added.filter(|added| {
            let mentions = added.mentions.as_ref();
            added.author != *user && mentions.is_some_and(|mentions| mentions.includes(user))
        });
        mentions.count() as u64
    }
}

impl Added {
    fn as_target(&self) -> Target {
        match self.mentions {
            Some(_) => Target::Message,
            None => Target::Other,
        }
    }

    /// A message that nobody deleted yet: whoever does is alone in a transaction.
    fn as_root(&self, tally: Tally) -> Option<Root> {
        self.mentions.as_ref()?;
        Some(Root {
            is_reply: self.is_reply,
            is_deleted: false,
            tally,
        })
    }
}

impl Place {
    fn count_message(&mut self, sent: u64, at: Timestamp) {
        self.sent = sent;
        self.sent_at = Some(at);
        if let Some(mut membership) = self.membership.take() {
            self.count_in(&mut membership);
            self.membership = Some(membership);
        }
    }

    /// Has a membership say what was sent.
    fn count_in(&self, membership: &mut Membership) {
        membership.sent = self.sent;
        membership.sent_at = self.sent_at;
    }
}

impl Beginning {
    fn of(id: ConversationId, at: Timestamp, caller: &Caller, new: &NewConversation) -> Self {
        Self {
            state: Conversation::new(id, new.kind, new.visibility, at),
            client_id: new.client_id,
            pair: new.direct_pair(caller),
        }
    }
}

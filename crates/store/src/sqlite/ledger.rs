//! A command becomes rows: look up the facts, let the core decide, write down what it said.

use rusqlite::Connection;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, Conversation, Decision, Earlier, Effect, Event, EventBody, Facts,
    MembersChange, Membership, NewConversation, Target, UserFacts, append, decide,
};
use tidemark_core::unread::Counts;
use tidemark_core::upload::{NewUpload, Upload};
use tidemark_core::{ClientId, ConversationId, Limits, Position, Refusal, Seq, Timestamp, UserId};

use crate::columns::EventKind;
use crate::{CursorMove, Outcome};

use super::amendments;
use super::blocks;
use super::cache::{Conversations, Place, Places, Users};
use super::invites;
use super::log;
use super::lookup::{self, KeptConversation, Sent};
use super::member_rows;
use super::mentions;
use super::people;
use super::personal;
use super::reads::Read;
use super::threads;
use super::uploads;

/// The writer's connection and all that it remembers.
pub(crate) struct Ledger {
    connection: Connection,
    conversations: Conversations,
    places: Places,
    users: Users,
    limits: Limits,
}

/// What is to be kept of a new conversation beside its events.
struct Beginning {
    state: Conversation,
    client_id: Option<ClientId>,
    pair: Option<(UserId, UserId)>,
}

impl Ledger {
    pub(crate) fn new(connection: Connection, limits: Limits) -> Self {
        Self {
            connection,
            conversations: Conversations::new(),
            places: Places::new(),
            users: Users::new(),
            limits,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Performs one command inside the transaction that is open. A refusal has written nothing; after an
    /// error the transaction and this ledger are of no further use.
    pub(crate) fn perform(
        &mut self,
        command: Command,
    ) -> rusqlite::Result<Result<Outcome, Refusal>> {
        let id = command.conversation;
        let at = command.at;
        let author = command.caller.author();
        let moves_cursor = matches!(command.action, Action::MoveCursor(_));
        let delivers = matches!(command.action, Action::MoveDelivered(_));
        let beginning = match &command.action {
            Action::Create(new) => Some(Beginning::of(id, at, &command.caller, new)),
            _ => None,
        };
        match self.decide(command, &author)? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(Decision::Append(bodies)) => self.append(id, at, &author, beginning, bodies),
            Ok(Decision::Repeated { seq, at }) => Ok(Ok(Outcome::Repeated { seq, at })),
            Ok(Decision::Existing(existing)) => Ok(Ok(Outcome::Existing(existing))),
            Ok(Decision::MoveCursor(seq)) => self.cursor(id, &author, Some(seq)),
            Ok(Decision::Unchanged) if moves_cursor => self.cursor(id, &author, None),
            Ok(Decision::MoveDelivered(seq)) => self.delivered(id, &author, Some(seq)),
            Ok(Decision::Unchanged) if delivers => self.delivered(id, &author, None),
            Ok(Decision::Unchanged) => self.unchanged(id),
            Ok(Decision::Invite { invite, ended }) => {
                let author = self.users.intern(&self.connection, &author, at)?;
                invites::forget(&self.connection, &ended)?;
                invites::insert(&self.connection, id, author, &invite)?;
                Ok(Ok(Outcome::Invited(invite)))
            }
            Ok(Decision::RevokeInvite(invite)) => {
                invites::forget(&self.connection, &[invite])?;
                Ok(Ok(Outcome::InviteRevoked))
            }
        }
    }

    fn decide(
        &mut self,
        command: Command,
        author: &UserId,
    ) -> rusqlite::Result<Result<Decision, Refusal>> {
        let connection = &self.connection;
        let author_key = self.users.key(connection, author)?;
        let conversation = self.conversations.find(connection, command.conversation)?;
        let conversation = conversation.map(|kept| &*kept);
        let key = conversation.map(|kept| kept.key);

        let needs = command.needs();
        let mut users = Vec::with_capacity(needs.users.len());
        for user in needs.users {
            let mut facts = user_facts(connection, key, user)?;
            if needs.blocks
                && let Some(user) = lookup::user_key(connection, user)?
            {
                facts.blocks_caller = blocks::has(connection, user, author)?;
            }
            users.push(facts);
        }
        let earlier = match (needs.earlier_event, key, author_key) {
            (Some(client_id), Some(key), Some(author)) => {
                log::by_client(connection, key, author, client_id)?.map(earlier)
            }
            _ => None,
        };
        let target = match (needs.target, key) {
            (Some(seq), Some(key)) => log::kind_at(connection, key, seq)?.map(target),
            _ => None,
        };
        let amended = match (needs.amended, key) {
            (Some((seq, emoji)), Some(key)) => {
                amendments::amended(connection, key, seq, emoji, author_key)?
            }
            _ => None,
        };
        let invites = match key {
            Some(key) if needs.invites => invites::of(connection, key)?,
            _ => Vec::new(),
        };
        let root = match (needs.root, key) {
            (Some(seq), Some(key)) => threads::root(connection, key, seq, author_key)?,
            _ => None,
        };
        let mut existing = None;
        if let (Some(client_id), Some(author)) = (needs.earlier_conversation, author_key) {
            existing = people::created_by_client(connection, author, client_id)?;
        }
        if let (None, Some((one, other))) = (existing, &needs.direct_between) {
            existing = people::direct_between(connection, one, other)?;
        }
        let pair_is_blocked = match &needs.direct_between {
            Some((one, other)) => blocks::between(connection, one, other)?,
            None => false,
        };
        let uploads = uploads::facts(connection, needs.uploads)?;
        let has_other_owner = match (needs.owners_beside, key) {
            (Some(user), Some(key)) => member_rows::has_owner_beside(connection, key, user)?,
            _ => false,
        };
        let place = match (key, author_key) {
            (Some(key), Some(author)) => Some(&*self.places.find(connection, key, author)?),
            _ => None,
        };
        let facts = Facts {
            conversation: conversation.map(|kept| &kept.state),
            caller: place.and_then(|place| place.membership.as_ref()),
            users: &users,
            earlier: earlier.as_ref(),
            existing,
            target,
            amended: amended.as_ref(),
            invites: &invites,
            limits: &self.limits,
            root,
            pair_is_blocked,
            uploads: &uploads,
            has_other_owner,
        };
        Ok(decide(&facts, command))
    }

    fn append(
        &mut self,
        id: ConversationId,
        at: Timestamp,
        author: &UserId,
        beginning: Option<Beginning>,
        bodies: Vec<EventBody>,
    ) -> rusqlite::Result<Result<Outcome, Refusal>> {
        let Self {
            connection,
            conversations,
            places,
            users,
            ..
        } = self;
        let author_key = users.intern(connection, author, at)?;
        let kept = match beginning {
            Some(beginning) => conversations.put(begin(connection, users, author_key, beginning)?),
            None => conversations
                .find(connection, id)?
                .expect("decide() appends only to what exists"),
        };
        let mut state_changed = false;
        let mut events = Vec::with_capacity(bodies.len());
        for body in bodies {
            let place = places.find(connection, kept.key, author_key)?;
            let logged = append(&mut kept.state, place.sent.messages, at, body);
            log::insert(connection, kept.key, author_key, &logged)?;
            let seq = logged.event.seq;
            match &logged.event.body {
                EventBody::Message(message) => {
                    place.count_message(logged.tally.own, at);
                    mentions::insert(connection, kept.key, seq, author_key, &message.mentions)?;
                    if let Some(reply) = message.thread {
                        threads::insert(connection, kept.key, seq, author_key, reply)?;
                    }
                    uploads::show(connection, kept.key, seq, at, &message.attachments)?;
                }
                EventBody::Members(change) => {
                    apply_members(connection, kept.key, places, users, &logged.event, change)?;
                    state_changed = true;
                }
                EventBody::Amendment(amendment) => {
                    amendments::apply(connection, kept.key, seq, author_key, amendment)?;
                }
                EventBody::Created { .. } | EventBody::Settings { .. } => state_changed = true,
            }
            events.push(logged.event);
        }
        if state_changed {
            update_state(connection, kept)?;
        }
        Ok(Ok(Outcome::Appended {
            events,
            members: kept.state.members,
            history: kept.state.rules.history,
        }))
    }

    /// Moves the caller's cursor to a place above it, or only says where it stands.
    fn cursor(
        &mut self,
        id: ConversationId,
        user: &UserId,
        to: Option<Seq>,
    ) -> rusqlite::Result<Result<Outcome, Refusal>> {
        let connection = &self.connection;
        let kept = self
            .conversations
            .find(connection, id)?
            .expect("decide() knows a cursor only in what exists");
        let user = self
            .users
            .key(connection, user)?
            .expect("only a member has a cursor");
        let place = self.places.find(connection, kept.key, user)?;
        let (mut read, mut counts) = (Seq::ZERO, Counts::default());
        if let Some(membership) = &mut place.membership {
            if let Some(seq) = to {
                member_rows::move_cursor(connection, kept.key, user, seq)?;
                membership.read = seq;
            }
            read = membership.read;
            counts = lookup::counts(connection, kept.key, &kept.state, user, membership)?;
        }
        Ok(Ok(Outcome::Cursor {
            cursor: CursorMove {
                read,
                head: kept.state.head,
                counts,
                moved: to.is_some(),
            },
            members: kept.state.members,
            is_hidden: kept.state.blocked,
        }))
    }

    /// Notes what a device of the caller has fetched, or only says what is known of it.
    fn delivered(
        &mut self,
        id: ConversationId,
        user: &UserId,
        to: Option<Seq>,
    ) -> rusqlite::Result<Result<Outcome, Refusal>> {
        let connection = &self.connection;
        let kept = self
            .conversations
            .find(connection, id)?
            .expect("decide() knows a member only in what exists");
        let user = self
            .users
            .key(connection, user)?
            .expect("only a member fetches");
        let place = self.places.find(connection, kept.key, user)?;
        let mut delivered = Seq::ZERO;
        if let Some(membership) = &mut place.membership {
            if let Some(seq) = to {
                member_rows::move_delivered(connection, kept.key, user, seq)?;
                membership.delivered = seq;
            }
            delivered = membership.delivered_through();
        }
        Ok(Ok(Outcome::Delivered {
            delivered,
            moved: to.is_some(),
            members: kept.state.members,
            is_hidden: kept.state.blocked,
        }))
    }

    /// Performs a change of a block, inside the transaction that is open like a command.
    pub(crate) fn change_block(
        &mut self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Read<bool> {
        let connection = &self.connection;
        let changed = blocks::change(connection, user, other, on, at, &self.limits)?;
        let (one, another) = UserId::pair(user.clone(), other.clone());
        if changed
            && let Some(direct) = people::direct_between(connection, &one, &another)?
            && let Some(kept) = self.conversations.find(connection, direct)?
        {
            kept.state.blocked = blocks::between(connection, &one, &another)?;
            blocks::note(connection, kept.key, kept.state.blocked)?;
        }
        Ok(changed)
    }

    /// Lets an upload begin, inside the transaction that is open like a command.
    pub(crate) fn begin_upload(&mut self, new: NewUpload) -> Read<Upload> {
        uploads::begin(&self.connection, &mut self.users, new, &self.limits)
    }

    fn unchanged(&mut self, id: ConversationId) -> rusqlite::Result<Result<Outcome, Refusal>> {
        let kept = self.conversations.find(&self.connection, id)?;
        let head = kept.map_or(Seq::ZERO, |kept| kept.state.head);
        Ok(Ok(Outcome::Unchanged { head }))
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

impl Place {
    fn count_message(&mut self, messages: u64, at: Timestamp) {
        self.sent = Sent {
            messages,
            last_at: Some(at),
        };
        if let Some(mut membership) = self.membership.take() {
            self.count_in(&mut membership);
            self.membership = Some(membership);
        }
    }

    /// Has a membership say what was sent.
    fn count_in(&self, membership: &mut Membership) {
        membership.sent = self.sent.messages;
        membership.sent_at = self.sent.last_at;
    }
}

fn user_facts(
    connection: &Connection,
    conversation: Option<i64>,
    user: &UserId,
) -> rusqlite::Result<UserFacts> {
    let key = match lookup::user_key(connection, user)? {
        Some(key) if !user.is_reserved() => key,
        _ => return Ok(UserFacts::default()),
    };
    let membership = match conversation {
        Some(conversation) => lookup::membership(connection, conversation, key)?,
        None => None,
    };
    Ok(UserFacts {
        exists: true,
        membership,
        blocks_caller: false,
    })
}

fn earlier(event: Event) -> Earlier {
    Earlier {
        seq: event.seq,
        at: event.at,
        body: event.body,
    }
}

fn target(kind: EventKind) -> Target {
    match kind {
        EventKind::Message => Target::Message,
        _ => Target::Other,
    }
}

/// Writes the rows of a conversation in which nothing has happened yet.
fn begin(
    connection: &Connection,
    users: &mut Users,
    author: i64,
    beginning: Beginning,
) -> rusqlite::Result<KeptConversation> {
    let Beginning {
        state,
        client_id,
        pair,
    } = beginning;
    connection
        .prepare_cached(
            "INSERT INTO conversation (id, kind, visibility, created_at, members)
             VALUES (?1, ?2, ?3, ?4, 0)",
        )?
        .execute((
            state.id.0.into_bytes(),
            state.kind.as_str(),
            state.visibility.as_str(),
            state.created_at.0,
        ))?;
    let key = connection.last_insert_rowid();
    if let Some(client_id) = client_id {
        people::keep_created_by_client(connection, author, client_id, key)?;
    }
    if let Some((one, other)) = pair {
        let one = users.intern(connection, &one, state.created_at)?;
        let other = users.intern(connection, &other, state.created_at)?;
        people::keep_direct(connection, one, other, key)?;
    }
    Ok(KeptConversation {
        key,
        state,
        active: Position(0),
    })
}

/// Lets a change of members happen to the memberships.
fn apply_members(
    connection: &Connection,
    conversation: i64,
    places: &mut Places,
    users: &mut Users,
    event: &Event,
    change: &MembersChange,
) -> rusqlite::Result<()> {
    for (user, effect) in change.effects() {
        let key = users.intern(connection, user, event.at)?;
        let place = places.find(connection, conversation, key)?;
        if let Some(mut membership) = effect.apply(place.membership.take(), event.seq) {
            place.count_in(&mut membership);
            member_rows::put(connection, conversation, key, user, &membership)?;
            place.membership = Some(membership);
        }
        if effect == Effect::Leaves {
            personal::forget(connection, conversation, user)?;
        }
    }
    if let Some(invite) = change.invite {
        invites::count_use(connection, invite)?;
    }
    Ok(())
}

fn update_state(connection: &Connection, kept: &KeptConversation) -> rusqlite::Result<()> {
    let state = &kept.state;
    connection
        .prepare_cached(
            "UPDATE conversation
             SET visibility = ?2, title = ?3, topic = ?4, retention_days = ?5, members = ?6,
                history = ?7, slow_mode_seconds = ?8, announcements_only = ?9, mention_all = ?10
             WHERE key = ?1",
        )?
        .execute((
            kept.key,
            state.visibility.as_str(),
            &state.title,
            &state.topic,
            state.retention_days,
            state.members,
            state.rules.history.as_str(),
            state.rules.slow_mode_seconds,
            state.rules.announcements_only,
            state.rules.mention_all.as_str(),
        ))?;
    Ok(())
}

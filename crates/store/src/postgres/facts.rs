//! What the decisions about a batch depend on: asked for together, in as many statements as there are
//! kinds of facts, however many commands there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use tidemark_core::conversation::UploadFacts;
use tidemark_core::conversation::{Action, Command, Earlier, Invite, Membership, Target};
use tidemark_core::unread::Tally;
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UploadId, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::columns::EventKind;

use super::amendments::{self, Found, WantedMessages};
use super::attachments;
use super::blocks::{self, Block};
use super::column::{self, page_size, signed};
use super::fault::Trouble;
use super::feed;
use super::invites;
use super::rows::{
    self, KeptConversation, conversation_columns, event_columns, member_columns, sent_join,
};
use super::statement::Statement;
use super::threads::{Threads, WantedRoots};
use super::uploads;

// Where one row is looked for, the statement says so with a limit of one. It is also what keeps the planner from
// reading a whole table for a large batch: the cost of a commit must not grow with the log.

/// Locks the conversations in the order of their ids, so that no two transactions wait for each other in
/// a circle. Whatever is read after it is not changed by anybody else until the transaction ends.
const LOCK_CONVERSATIONS: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM tidemark.conversation AS c WHERE c.id = ANY($1) ORDER BY c.id FOR UPDATE"
);

const PEOPLE: &str = "SELECT id, key FROM tidemark.person WHERE id = ANY($1)";

const PLACES: &str = concat!(
    "SELECT c.id, p.id, ",
    member_columns!(),
    " FROM unnest($1::uuid[], $2::text[]) AS u(conversation, person)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    JOIN tidemark.person AS p ON p.id = u.person
    LEFT JOIN LATERAL (
        SELECT * FROM tidemark.member WHERE conversation = c.key AND person = p.key LIMIT 1
    ) AS m ON true",
    sent_join!()
);

const EARLIER_MESSAGES: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS u(conversation, author, client_id)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    JOIN tidemark.person AS a ON a.id = u.author
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.event
        WHERE client_id = u.client_id AND conversation = c.key AND author = a.key
        LIMIT 1) AS e"
);

const TARGETS: &str = "SELECT u.conversation, u.seq, e.kind
    FROM unnest($1::uuid[], $2::bigint[]) AS u(conversation, seq)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    CROSS JOIN LATERAL (
        SELECT kind FROM tidemark.event WHERE conversation = c.key AND seq = u.seq LIMIT 1
    ) AS e";

const CREATED_BY_CLIENT: &str = "SELECT u.author, u.client_id, c.id
    FROM unnest($1::text[], $2::uuid[]) AS u(author, client_id)
    JOIN tidemark.person AS p ON p.id = u.author
    JOIN tidemark.created_by_client AS made
        ON made.author = p.key AND made.client_id = u.client_id
    JOIN tidemark.conversation AS c ON c.key = made.conversation";

const DIRECTS: &str = "SELECT u.one, u.other, c.id
    FROM unnest($1::text[], $2::text[]) AS u(one, other)
    JOIN tidemark.person AS one ON one.id = u.one
    JOIN tidemark.person AS other ON other.id = u.other
    JOIN tidemark.direct AS d ON d.one = one.key AND d.other = other.key
    JOIN tidemark.conversation AS c ON c.key = d.conversation";

/// Of each conversation so many owners that the commands of the batch cannot have ended all of them, if there are as many.
const OWNERS: &str = "SELECT c.id, owner.person_id FROM unnest($1::uuid[]) AS u(conversation)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    CROSS JOIN LATERAL (
        SELECT person_id FROM tidemark.member
        WHERE conversation = c.key AND role = 'owner' AND departed IS NULL LIMIT $2
    ) AS owner";

/// The tallies at the places to which cursors are to move, and at those where they stand.
const TALLIES: &str = "SELECT u.conversation, u.person, place.seq,
        at_place.messages, own_at_place.own, mentioned.mentions,
        deleted_above.deleted
    FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS u(conversation, person, seq)
    JOIN tidemark.conversation AS c ON c.id = u.conversation
    JOIN tidemark.person AS p ON p.id = u.person
    CROSS JOIN LATERAL (
        SELECT * FROM tidemark.member WHERE conversation = c.key AND person = p.key LIMIT 1
    ) AS m
    CROSS JOIN LATERAL (VALUES (u.seq), (m.read)) AS place(seq)
    LEFT JOIN LATERAL (
        SELECT messages FROM tidemark.event WHERE conversation = c.key AND seq = place.seq
        LIMIT 1
    ) AS at_place ON true
    LEFT JOIN LATERAL (
        SELECT own FROM tidemark.event
        WHERE conversation = c.key AND author = p.key AND kind = 1 AND seq <= place.seq
        ORDER BY seq DESC LIMIT 1
    ) AS own_at_place ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS mentions FROM tidemark.mention
        WHERE person IN (0, p.key) AND conversation = c.key AND seq > place.seq
            AND author <> p.key
    ) AS mentioned ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS deleted FROM tidemark.amended
        WHERE conversation = c.key AND seq > place.seq AND author <> p.key
            AND deleted IS NOT NULL
    ) AS deleted_above ON true";

const TAKE_CONVERSATION_KEYS: &str =
    "SELECT nextval('tidemark.conversation_key') FROM generate_series(1, $1)";

/// An event by its author's name for it.
pub(crate) type Named = (ConversationId, UserId, ClientId);

/// What a user is to a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Their membership, present or past; what it says of sent messages is as below.
    pub(crate) membership: Option<Membership>,
    /// How many messages they have sent there, as a member or not.
    pub(crate) sent: u64,
    /// When the last one was.
    pub(crate) sent_at: Option<Timestamp>,
}

/// What there is at and above a place, for one user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtPlace {
    pub(crate) tally: Tally,
    /// The messages above it in which somebody else mentions the user.
    pub(crate) mentions_above: u64,
    /// The messages above it that somebody else sent and somebody deleted.
    pub(crate) deleted_above: u64,
}

/// What to ask for.
#[derive(Default)]
pub(crate) struct Wanted {
    conversations: BTreeSet<Uuid>,
    people: BTreeSet<UserId>,
    places: BTreeSet<(ConversationId, UserId)>,
    messages: BTreeSet<Named>,
    messages_twice: HashSet<Named>,
    targets: BTreeSet<(ConversationId, Seq)>,
    amended: WantedMessages,
    made: BTreeSet<(UserId, ClientId)>,
    directs: BTreeSet<(UserId, UserId)>,
    cursors: BTreeSet<(ConversationId, UserId, Seq)>,
    invites: BTreeSet<Uuid>,
    new_conversations: usize,
    positions: usize,
    roots: WantedRoots,
    blocks: BTreeSet<Block>,
    uploads: BTreeSet<UploadId>,
    owned: BTreeSet<Uuid>,
    commands: usize,
}

/// What the database said.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) conversations: HashMap<ConversationId, KeptConversation>,
    pub(crate) people: HashMap<UserId, i64>,
    pub(crate) places: HashMap<(ConversationId, UserId), Place>,
    pub(crate) earlier: HashMap<Named, Earlier>,
    pub(crate) targets: HashMap<(ConversationId, Seq), Target>,
    /// The message that a command of the conversation is to change.
    pub(crate) amended: HashMap<ConversationId, Found>,
    pub(crate) made: HashMap<(UserId, ClientId), ConversationId>,
    pub(crate) directs: HashMap<(UserId, UserId), ConversationId>,
    /// The invites of a conversation, oldest first.
    pub(crate) invites: HashMap<ConversationId, Vec<Invite>>,
    pub(crate) at_places: HashMap<(ConversationId, UserId, Seq), AtPlace>,
    /// The names that the commands use more than once.
    pub(crate) messages_twice: HashSet<Named>,
    /// Keys for conversations that begin, unused.
    pub(crate) conversation_keys: Vec<i64>,
    /// The places of events to come in the log of everything, growing.
    pub(crate) positions: Vec<tidemark_core::Position>,
    pub(crate) threads: Threads,
    /// Those of the blocks that matter that there are.
    pub(crate) blocks: HashSet<Block>,
    pub(crate) uploads: Vec<UploadFacts>,
    /// Owners of the conversations for which they matter, and whoever of the others became one.
    pub(crate) owners: HashMap<ConversationId, BTreeSet<UserId>>,
}

/// Which facts a statement asks for.
#[derive(Clone, Copy)]
enum Kind {
    Conversations,
    People,
    Places,
    Messages,
    Targets,
    Amended,
    Made,
    Directs,
    Tallies,
    Invites,
    ConversationKeys,
    Floor,
    Positions,
    Roots,
    KeptPairs,
    Blocks,
    Uploads,
    Owners,
}

/// Statements, to be sent in this order in the transaction that writes, and how to read the answers.
pub(crate) struct Questions {
    kinds: Vec<Kind>,
    pub(crate) statements: Vec<Statement>,
    messages_twice: HashSet<Named>,
}

impl Wanted {
    pub(crate) fn by(commands: &[Command]) -> Self {
        let mut wanted = Self {
            commands: commands.len(),
            ..Self::default()
        };
        for command in commands {
            wanted.add(command);
        }
        wanted
    }

    fn add(&mut self, command: &Command) {
        let id = command.conversation;
        let author = command.caller.author();
        let needs = command.needs();
        self.conversations.insert(id.0);
        self.people.insert(author.clone());
        self.places.insert((id, author.clone()));
        for user in needs.users {
            self.people.insert(user.clone());
            self.places.insert((id, user.clone()));
            if needs.blocks {
                self.blocks.insert((user.clone(), author.clone()));
            }
        }
        if let Some(client_id) = needs.earlier_event {
            let named = (id, author.clone(), client_id);
            if let Some(again) = self.messages.replace(named) {
                self.messages_twice.insert(again);
            }
        }
        if let Some(seq) = needs.target {
            self.targets.insert((id, seq));
        }
        self.uploads.extend(needs.uploads);
        self.amended.add(command, &author);
        self.roots.add(command, &author);
        if let Some(client_id) = needs.earlier_conversation {
            self.made.insert((author.clone(), client_id));
        }
        if let Some(pair) = needs.direct_between {
            let (one, other) = pair.clone();
            self.blocks.insert((other.clone(), one.clone()));
            self.blocks.insert((one, other));
            self.directs.insert(pair);
        }
        if needs.invites {
            self.invites.insert(id.0);
        }
        if needs.owners_beside.is_some() {
            self.owned.insert(id.0);
        }
        match &command.action {
            Action::Create(_) => {
                self.new_conversations += 1;
                self.positions += 2;
            }
            Action::MoveCursor(seq) => {
                self.cursors.insert((id, author, *seq));
            }
            Action::MoveDelivered(_) => {}
            _ => self.positions += 1,
        }
    }

    pub(crate) fn questions(self) -> Questions {
        let mut questions = Questions {
            kinds: Vec::new(),
            statements: Vec::new(),
            messages_twice: self.messages_twice,
        };
        if !self.directs.is_empty() {
            questions.ask(Kind::KeptPairs, blocks::keep_pairs_statement(&self.directs));
        }
        let conversations = self.conversations.into_iter().collect();
        let lock = Statement::new(LOCK_CONVERSATIONS).uuids(conversations);
        questions.ask(Kind::Conversations, lock);
        // Right behind the lock, and not later: see there.
        if self.positions > 0 {
            let [floor, positions] = feed::take_positions(self.positions);
            questions.ask(Kind::Floor, floor);
            questions.ask(Kind::Positions, positions);
        }
        let people = self.people.iter().map(UserId::to_string).collect();
        questions.ask(Kind::People, Statement::new(PEOPLE).texts(people));
        let (rooms, people) = self.places.iter().map(place_columns).unzip();
        let places = Statement::new(PLACES).uuids(rooms).texts(people);
        questions.ask(Kind::Places, places);
        if !self.messages.is_empty() {
            let messages = messages_statement(&self.messages);
            questions.ask(Kind::Messages, messages);
        }
        if !self.targets.is_empty() {
            let places = self.targets.iter();
            let (rooms, seqs) = places.map(|(id, seq)| (id.0, signed(seq.get()))).unzip();
            let targets = Statement::new(TARGETS).uuids(rooms).numbers(seqs);
            questions.ask(Kind::Targets, targets);
        }
        if let Some(amended) = self.amended.statement() {
            questions.ask(Kind::Amended, amended);
        }
        if let Some(roots) = self.roots.statement() {
            questions.ask(Kind::Roots, roots);
        }
        if !self.made.is_empty() {
            let made = self.made.iter();
            let (authors, names) = made.map(|(one, name)| (one.to_string(), name.0)).unzip();
            let made = Statement::new(CREATED_BY_CLIENT)
                .texts(authors)
                .uuids(names);
            questions.ask(Kind::Made, made);
        }
        if !self.directs.is_empty() {
            let pairs = self.directs.iter();
            let pairs = pairs.map(|(one, other)| (one.to_string(), other.to_string()));
            let (ones, others) = pairs.unzip();
            let directs = Statement::new(DIRECTS).texts(ones).texts(others);
            questions.ask(Kind::Directs, directs);
        }
        if !self.cursors.is_empty() {
            questions.ask(Kind::Tallies, tallies_statement(&self.cursors));
        }
        if !self.invites.is_empty() {
            let invites = invites::kept_statement(self.invites.into_iter().collect());
            questions.ask(Kind::Invites, invites);
        }
        if !self.blocks.is_empty() {
            questions.ask(Kind::Blocks, blocks::held_statement(&self.blocks));
        }
        if !self.uploads.is_empty() {
            questions.ask(Kind::Uploads, attachments::wanted_statement(&self.uploads));
        }
        if !self.owned.is_empty() {
            let owners = Statement::new(OWNERS)
                .uuids(self.owned.into_iter().collect())
                .number(page_size(self.commands + 1));
            questions.ask(Kind::Owners, owners);
        }
        if self.new_conversations > 0 {
            let keys =
                Statement::new(TAKE_CONVERSATION_KEYS).number(page_size(self.new_conversations));
            questions.ask(Kind::ConversationKeys, keys);
        }
        questions
    }
}

fn place_columns((id, user): &(ConversationId, UserId)) -> (Uuid, String) {
    (id.0, user.to_string())
}

fn messages_statement(messages: &BTreeSet<Named>) -> Statement {
    let rooms = messages.iter().map(|(id, ..)| id.0).collect();
    let authors = messages.iter().map(|(_, author, _)| author.to_string());
    let names = messages.iter().map(|(.., name)| name.0).collect();
    Statement::new(EARLIER_MESSAGES)
        .uuids(rooms)
        .texts(authors.collect())
        .uuids(names)
}

fn tallies_statement(cursors: &BTreeSet<(ConversationId, UserId, Seq)>) -> Statement {
    let rooms = cursors.iter().map(|(id, ..)| id.0).collect();
    let users = cursors
        .iter()
        .map(|(_, user, _)| user.to_string())
        .collect();
    let seqs = cursors.iter().map(|(.., seq)| signed(seq.get())).collect();
    Statement::new(TALLIES)
        .uuids(rooms)
        .texts(users)
        .numbers(seqs)
}

impl Questions {
    fn ask(&mut self, kind: Kind, statement: Statement) {
        self.kinds.push(kind);
        self.statements.push(statement);
    }

    /// Reads the answers, one for each statement.
    pub(crate) fn read(self, answers: &[Vec<Row>]) -> Result<Facts, Trouble> {
        let mut facts = Facts {
            messages_twice: self.messages_twice,
            ..Facts::default()
        };
        for (kind, rows) in self.kinds.into_iter().zip(answers) {
            match kind {
                Kind::Positions => facts.positions = feed::taken(rows)?,
                _ => {
                    for row in rows {
                        facts.read(kind, row)?;
                    }
                }
            }
        }
        Ok(facts)
    }
}

impl Facts {
    pub(crate) fn has_block(&self, user: &UserId, other: &UserId) -> bool {
        self.blocks.contains(&(user.clone(), other.clone()))
    }

    pub(crate) fn has_owner_beside(&self, id: ConversationId, user: &UserId) -> bool {
        let mut owners = self.owners.get(&id).into_iter().flatten();
        owners.any(|owner| owner != user)
    }

    /// Notes whether somebody is an owner from now on.
    pub(crate) fn note_owner(&mut self, id: ConversationId, user: &UserId, is_owner: bool) {
        if is_owner {
            self.owners.entry(id).or_default().insert(user.clone());
        } else if let Some(owners) = self.owners.get_mut(&id) {
            owners.remove(user);
        }
    }

    fn read(&mut self, kind: Kind, row: &Row) -> Result<(), Trouble> {
        match kind {
            Kind::Conversations => {
                let kept = rows::kept_conversation(row)?;
                self.conversations.insert(kept.state.id, kept);
            }
            Kind::People => {
                let key = column::get(row, 1)?;
                self.people.insert(column::user_id(row, 0)?, key);
            }
            Kind::Places => {
                let place = Place {
                    membership: rows::membership(row, 2)?,
                    sent: column::count_or_zero(row, 6)?,
                    sent_at: column::get::<Option<i64>>(row, 7)?.map(Timestamp),
                };
                let id = column::conversation_id(row, 0)?;
                self.places.insert((id, column::user_id(row, 1)?), place);
            }
            Kind::Messages => self.read_named(row)?,
            Kind::Targets => {
                let place = (column::conversation_id(row, 0)?, column::seq(row, 1)?);
                let target = match EventKind::from_number(column::get::<i16>(row, 2)?.into()) {
                    Some(EventKind::Message) => Target::Message,
                    _ => Target::Other,
                };
                self.targets.insert(place, target);
            }
            Kind::Amended => {
                let (id, found) = amendments::found(row)?;
                self.amended.insert(id, found);
            }
            Kind::Made => {
                let name = (column::user_id(row, 0)?, ClientId(column::get(row, 1)?));
                self.made.insert(name, column::conversation_id(row, 2)?);
            }
            Kind::Directs => {
                let pair = (column::user_id(row, 0)?, column::user_id(row, 1)?);
                self.directs.insert(pair, column::conversation_id(row, 2)?);
            }
            Kind::Tallies => {
                let id = column::conversation_id(row, 0)?;
                let place = (id, column::user_id(row, 1)?, column::seq(row, 2)?);
                let tally = Tally {
                    messages: column::count_or_zero(row, 3)?,
                    own: column::count_or_zero(row, 4)?,
                };
                let at_place = AtPlace {
                    tally,
                    mentions_above: column::count_or_zero(row, 5)?,
                    deleted_above: column::count_or_zero(row, 6)?,
                };
                self.at_places.insert(place, at_place);
            }
            Kind::Invites => {
                let (id, invite) = invites::kept(row)?;
                self.invites.entry(id).or_default().push(invite);
            }
            Kind::ConversationKeys => self.conversation_keys.push(column::get(row, 0)?),
            Kind::Roots => self.threads.read(row)?,
            Kind::Blocks => {
                let block = (column::user_id(row, 0)?, column::user_id(row, 1)?);
                self.blocks.insert(block);
            }
            Kind::Uploads => {
                let kept = uploads::kept(row)?;
                self.uploads.push(UploadFacts {
                    upload: kept.upload,
                    shown: kept.shown,
                });
            }
            Kind::Owners => {
                let owners = self.owners.entry(column::conversation_id(row, 0)?);
                owners.or_default().insert(column::user_id(row, 1)?);
            }
            Kind::Floor | Kind::Positions | Kind::KeptPairs => {}
        }
        Ok(())
    }

    fn read_named(&mut self, row: &Row) -> Result<(), Trouble> {
        let Some(event) = rows::entry(row, 0)?.map(|entry| entry.event) else {
            return Ok(());
        };
        let author = event.body.author().clone();
        if let Some(client_id) = event.body.client_id() {
            let earlier = Earlier {
                seq: event.seq,
                at: event.at,
                body: event.body,
            };
            let named = (event.conversation, author, client_id);
            self.earlier.insert(named, earlier);
        }
        Ok(())
    }
}

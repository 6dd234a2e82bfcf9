//! What a batch writes, as columns: one statement for each table, however many commands there are.

use std::collections::{BTreeMap, HashMap};

use tidemark_core::conversation::{Conversation, Event, InThread, Logged, Membership, Mentions};
use tidemark_core::unread::Tally;
use tidemark_core::upload::Attachment;
use tidemark_core::{ClientId, Position, Seq, Timestamp, UserId};
use uuid::Uuid;

use crate::columns::{EventKind, Origin, detail};

use super::amendments::Amending;
use super::attachments::AttachmentWrites;
use super::column::signed;
use super::invites::Invites;
use super::personal;
use super::rows::KeptConversation;
use super::statement::Statement;
use super::text;
use super::threads::ReplyWrites;

/// Stands for everybody in the `person` column of mentions; nobody has this key.
const EVERYBODY: i64 = 0;

/// In the order of the ids, so that two who bring the same people do not wait for each other in a circle.
const INSERT_PEOPLE: &str = "INSERT INTO tidemark.person (id, origin, created_at)
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[]) ORDER BY 1
    ON CONFLICT DO NOTHING";

const KEYS_OF_PEOPLE: &str = "SELECT id, key FROM tidemark.person WHERE id = ANY($1)";

const INSERT_CONVERSATIONS: &str = "INSERT INTO tidemark.conversation
        (key, id, kind, visibility, title, topic, retention_days, created_at, members, head,
         messages, active, history, slow_mode_seconds, announcements_only, mention_all)
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
        $13::text[], $14::bigint[], $15::boolean[], $16::text[])
    ORDER BY 2";

const CHANGE_CONVERSATIONS: &str = "UPDATE tidemark.conversation AS c
    SET visibility = u.visibility, title = u.title, topic = u.topic,
        retention_days = u.retention_days, members = u.members, head = u.head,
        messages = u.messages, active = u.active, history = u.history,
        slow_mode_seconds = u.slow_mode_seconds, announcements_only = u.announcements_only,
        mention_all = u.mention_all
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::boolean[],
        $13::text[])
        AS u(key, visibility, title, topic, retention_days, members, head, messages, active,
            history, slow_mode_seconds, announcements_only, mention_all)
    WHERE c.key = u.key";

const MOVE_HEADS: &str = "UPDATE tidemark.conversation AS c
    SET head = u.head, messages = u.messages, active = u.active
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS u(key, head, messages, active)
    WHERE c.key = u.key";

const INSERT_EVENTS: &str = "INSERT INTO tidemark.event
        (conversation, seq, position, at, author, messages, own, client_id, kind, text, detail,
         target)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
        $6::bigint[], $7::bigint[], $8::uuid[], $9::smallint[], $10::text[], $11::text[],
        $12::bigint[])";

/// People whom nobody knows here are left out: they cannot be members, and what was said before they become
/// one is never counted for them.
const INSERT_MENTIONS: &str = "INSERT INTO tidemark.mention
        (person, conversation, seq, author, position)
    SELECT p.key, u.conversation, u.seq, u.author, u.position
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS u(person, conversation, seq, author, position)
    JOIN tidemark.person AS p ON p.id = u.person
    WHERE p.key <> u.author";

const INSERT_MENTIONS_OF_ALL: &str = "INSERT INTO tidemark.mention
        (person, conversation, seq, author, position)
    SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])";

const PUT_MEMBERS: &str = "INSERT INTO tidemark.member
        (conversation, person, person_id, role, joined, departed, read, banned, delivered)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
        $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
    ON CONFLICT (conversation, person) DO UPDATE SET role = excluded.role,
        joined = excluded.joined, departed = excluded.departed, read = excluded.read,
        banned = excluded.banned, delivered = excluded.delivered";

const MOVE_DELIVERED: &str = "UPDATE tidemark.member AS m SET delivered = u.delivered
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u(conversation, person, delivered)
    WHERE m.conversation = u.conversation AND m.person = u.person";

const MOVE_CURSORS: &str = "UPDATE tidemark.member AS m SET read = u.read
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u(conversation, person, read)
    WHERE m.conversation = u.conversation AND m.person = u.person";

const INSERT_CREATED_BY_CLIENT: &str = "INSERT INTO tidemark.created_by_client
        (author, client_id, conversation)
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[])";

const INSERT_DIRECTS: &str = "INSERT INTO tidemark.direct (one, other, conversation)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])";

/// What to write. Complete when the ledger is finished.
pub(crate) struct Writes {
    /// The keys of those who exist.
    people: HashMap<UserId, i64>,
    new_people: BTreeMap<UserId, Timestamp>,
    begun: Vec<KeptConversation>,
    changed: Vec<KeptConversation>,
    heads: Vec<(i64, i64, i64, i64)>,
    events: Vec<EventRow>,
    amendments: Vec<Amending>,
    mentions: Vec<(UserId, MentionRow)>,
    mentions_of_all: Vec<MentionRow>,
    members: BTreeMap<(i64, UserId), Membership>,
    cursors: BTreeMap<(i64, UserId), Seq>,
    created_by_client: Vec<(UserId, ClientId, i64)>,
    directs: Vec<(UserId, UserId, i64)>,
    pub(crate) invites: Invites,
    witness: Option<Event>,
    delivered: BTreeMap<(i64, UserId), Seq>,
    replies: ReplyWrites,
    attachments: AttachmentWrites,
}

/// The key of a conversation, and a seq.
type Place = (i64, i64);

#[derive(Clone)]
struct MentionRow {
    place: Place,
    author: UserId,
    position: i64,
}

struct EventRow {
    place: Place,
    position: i64,
    at: i64,
    author: UserId,
    messages: i64,
    own: i64,
    client_id: Option<Uuid>,
    kind: i16,
    text: Option<String>,
    detail: Option<String>,
    target: Option<i64>,
}

impl Writes {
    pub(crate) fn new(people: HashMap<UserId, i64>) -> Self {
        Self {
            people,
            new_people: BTreeMap::new(),
            begun: Vec::new(),
            changed: Vec::new(),
            heads: Vec::new(),
            events: Vec::new(),
            amendments: Vec::new(),
            mentions: Vec::new(),
            mentions_of_all: Vec::new(),
            members: BTreeMap::new(),
            cursors: BTreeMap::new(),
            created_by_client: Vec::new(),
            directs: Vec::new(),
            invites: Invites::default(),
            witness: None,
            delivered: BTreeMap::new(),
            replies: ReplyWrites::default(),
            attachments: AttachmentWrites::default(),
        }
    }

    /// Whether there is such a person, or will be.
    pub(crate) fn is_known(&self, user: &UserId) -> bool {
        self.people.contains_key(user) || self.new_people.contains_key(user)
    }

    /// Makes sure that whoever causes an event exists. The server's own author begins to exist here; so does a
    /// caller whom the gateway has verified but not introduced.
    pub(crate) fn intern(&mut self, user: &UserId, at: Timestamp) {
        if !self.is_known(user) {
            self.new_people.insert(user.clone(), at);
        }
    }

    pub(crate) fn append(&mut self, conversation: i64, position: Position, logged: &Logged) {
        let event = &logged.event;
        let place = (conversation, signed(event.seq.get()));
        let message = event.body.as_message();
        let author = event.body.author();
        let mention = MentionRow {
            place,
            author: author.clone(),
            position: signed(position.0),
        };
        match message.map(|message| &message.mentions) {
            Some(Mentions::All) => self.mentions_of_all.push(mention),
            Some(Mentions::Users(users)) => {
                let mentions = users.iter();
                self.mentions
                    .extend(mentions.map(|user| (user.clone(), mention.clone())));
            }
            None => {}
        }
        self.events.push(EventRow {
            place,
            position: signed(position.0),
            at: event.at.0,
            author: author.clone(),
            messages: signed(logged.tally.messages),
            own: signed(logged.tally.own),
            client_id: event.body.client_id().map(|name| name.0),
            kind: EventKind::of(&event.body) as i16,
            text: prose(detail::text(&event.body)),
            detail: detail::write(&event.body),
            target: detail::target(&event.body).map(|seq| signed(seq.get())),
        });
        if self.witness.is_none() {
            self.witness = Some(event.clone());
        }
    }

    pub(crate) fn amend(&mut self, amending: Amending) {
        self.amendments.push(amending);
    }

    pub(crate) fn begin_conversation(&mut self, kept: KeptConversation) {
        self.begun.push(kept);
    }

    pub(crate) fn change_conversation(&mut self, kept: KeptConversation) {
        self.changed.push(kept);
    }

    pub(crate) fn move_head(&mut self, kept: &KeptConversation) {
        let state = &kept.state;
        self.heads.push((
            kept.key,
            signed(state.head.get()),
            signed(state.messages),
            signed(kept.active.0),
        ));
    }

    pub(crate) fn put_member(&mut self, conversation: i64, user: &UserId, membership: &Membership) {
        let place = (conversation, user.clone());
        self.cursors.remove(&place);
        self.delivered.remove(&place);
        self.members.insert(place, membership.clone());
    }

    pub(crate) fn move_cursor(&mut self, conversation: i64, user: &UserId, to: Seq) {
        let place = (conversation, user.clone());
        match self.members.get_mut(&place) {
            Some(membership) => membership.read = to,
            None => {
                self.cursors.insert(place, to);
            }
        }
    }

    pub(crate) fn move_delivered(&mut self, conversation: i64, user: &UserId, to: Seq) {
        let place = (conversation, user.clone());
        match self.members.get_mut(&place) {
            Some(membership) => membership.delivered = to,
            None => {
                self.delivered.insert(place, to);
            }
        }
    }

    pub(crate) fn reply(
        &mut self,
        conversation: i64,
        seq: Seq,
        position: Position,
        author: &UserId,
        reply: InThread,
        tally: Tally,
    ) {
        let replies = &mut self.replies;
        replies.add(conversation, seq, position, author, reply, tally);
    }

    /// The message at `seq`, accepted at `at`, shows these.
    pub(crate) fn show(
        &mut self,
        conversation: i64,
        seq: Seq,
        at: Timestamp,
        attachments: &[Attachment],
    ) {
        self.attachments.add(conversation, seq, at, attachments);
    }

    pub(crate) fn created_by_client(&mut self, author: &UserId, name: ClientId, key: i64) {
        self.created_by_client.push((author.clone(), name, key));
    }

    pub(crate) fn direct(&mut self, one: &UserId, other: &UserId, key: i64) {
        self.directs.push((one.clone(), other.clone(), key));
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.cursors.is_empty()
            && self.invites.is_empty()
            && self.delivered.is_empty()
    }

    /// An event that is in the log if and only if all of this is.
    pub(crate) fn witness(&mut self) -> Option<Event> {
        self.witness.take()
    }

    /// Statements that make those people exist who do not yet, and ask for their keys; to be run before
    /// [`statements`](Self::statements).
    pub(crate) fn people_statements(&self) -> Option<[Statement; 2]> {
        if self.new_people.is_empty() {
            return None;
        }
        let ids: Vec<String> = self.new_people.keys().map(UserId::to_string).collect();
        let origins = self.new_people.keys().map(|id| {
            if id.is_reserved() {
                Origin::Server as i16
            } else {
                Origin::External as i16
            }
        });
        let insert = Statement::new(INSERT_PEOPLE)
            .texts(ids.clone())
            .small_numbers(origins.collect())
            .numbers(self.new_people.values().map(|at| at.0).collect());
        Some([insert, Statement::new(KEYS_OF_PEOPLE).texts(ids)])
    }

    pub(crate) fn know(&mut self, user: UserId, key: i64) {
        self.people.insert(user, key);
    }

    /// The statements that write everything.
    pub(crate) fn statements(self) -> Vec<Statement> {
        let key = |user: &UserId| {
            let key = self.people.get(user).copied();
            key.expect("everybody who causes an event exists by now")
        };
        let mut statements = Vec::new();
        if !self.begun.is_empty() {
            statements.push(begin_statement(&self.begun));
        }
        if !self.changed.is_empty() {
            statements.push(change_statement(&self.changed));
        }
        if !self.heads.is_empty() {
            statements.push(heads_statement(&self.heads));
        }
        if !self.mentions.is_empty() {
            let people = self.mentions.iter().map(|(user, _)| user.to_string());
            let statement = Statement::new(INSERT_MENTIONS).texts(people.collect());
            let mentions = self.mentions.iter().map(|(_, mention)| mention);
            statements.push(with_mentions(statement, mentions, key));
        }
        if !self.mentions_of_all.is_empty() {
            let statement = Statement::new(INSERT_MENTIONS_OF_ALL).number(EVERYBODY);
            statements.push(with_mentions(statement, self.mentions_of_all.iter(), key));
        }
        if !self.members.is_empty() {
            statements.push(members_statement(&self.members, key));
            statements.extend(personal::forget_statement(&self.members, key));
        }
        if !self.cursors.is_empty() {
            statements.push(cursors_statement(MOVE_CURSORS, &self.cursors, key));
        }
        if !self.delivered.is_empty() {
            statements.push(cursors_statement(MOVE_DELIVERED, &self.delivered, key));
        }
        if !self.created_by_client.is_empty() {
            let made = self.created_by_client.iter();
            let statement = Statement::new(INSERT_CREATED_BY_CLIENT)
                .numbers(made.clone().map(|(author, ..)| key(author)).collect())
                .uuids(made.clone().map(|(_, name, _)| name.0).collect())
                .numbers(made.map(|(.., conversation)| *conversation).collect());
            statements.push(statement);
        }
        if !self.directs.is_empty() {
            let directs = self.directs.iter();
            let statement = Statement::new(INSERT_DIRECTS)
                .numbers(directs.clone().map(|(one, ..)| key(one)).collect())
                .numbers(directs.clone().map(|(_, other, _)| key(other)).collect())
                .numbers(directs.map(|(.., conversation)| *conversation).collect());
            statements.push(statement);
        }
        statements.extend(self.invites.statements(key));
        for amending in &self.amendments {
            statements.extend(amending.statements(key(&amending.amendment.by)));
        }
        if !self.events.is_empty() {
            let authors = self.events.iter().map(|event| key(&event.author));
            let authors = authors.collect();
            let replies = self.replies.statements(key);
            statements.push(events_statement(self.events, authors));
            statements.extend(replies);
            statements.extend(self.attachments.statements());
        }
        statements
    }
}

fn with_mentions<'a>(
    statement: Statement,
    mentions: impl Iterator<Item = &'a MentionRow> + Clone,
    key: impl Fn(&UserId) -> i64,
) -> Statement {
    statement
        .numbers(mentions.clone().map(|mention| mention.place.0).collect())
        .numbers(mentions.clone().map(|mention| mention.place.1).collect())
        .numbers(
            mentions
                .clone()
                .map(|mention| key(&mention.author))
                .collect(),
        )
        .numbers(mentions.map(|mention| mention.position).collect())
}

fn begin_statement(begun: &[KeptConversation]) -> Statement {
    let states = || begun.iter().map(|kept| &kept.state);
    let text = |value: &str| value.to_owned();
    let statement = Statement::new(INSERT_CONVERSATIONS)
        .numbers(begun.iter().map(|kept| kept.key).collect())
        .uuids(states().map(|state| state.id.0).collect())
        .texts(states().map(|state| text(state.kind.as_str())).collect())
        .texts(
            states()
                .map(|state| text(state.visibility.as_str()))
                .collect(),
        )
        .optional_texts(
            states()
                .map(|state| prose(state.title.as_deref()))
                .collect(),
        )
        .optional_texts(
            states()
                .map(|state| prose(state.topic.as_deref()))
                .collect(),
        )
        .optional_numbers(
            states()
                .map(|state| state.retention_days.map(i64::from))
                .collect(),
        )
        .numbers(states().map(|state| state.created_at.0).collect())
        .numbers(states().map(|state| signed(state.members)).collect())
        .numbers(states().map(|state| signed(state.head.get())).collect())
        .numbers(states().map(|state| signed(state.messages)).collect())
        .numbers(begun.iter().map(|kept| signed(kept.active.0)).collect());
    with_rules(statement, states)
}

fn change_statement(changed: &[KeptConversation]) -> Statement {
    let states = || changed.iter().map(|kept| &kept.state);
    let statement = Statement::new(CHANGE_CONVERSATIONS)
        .numbers(changed.iter().map(|kept| kept.key).collect())
        .texts(states().map(|state| state.visibility.to_string()).collect())
        .optional_texts(
            states()
                .map(|state| prose(state.title.as_deref()))
                .collect(),
        )
        .optional_texts(
            states()
                .map(|state| prose(state.topic.as_deref()))
                .collect(),
        )
        .optional_numbers(
            states()
                .map(|state| state.retention_days.map(i64::from))
                .collect(),
        )
        .numbers(states().map(|state| signed(state.members)).collect())
        .numbers(states().map(|state| signed(state.head.get())).collect())
        .numbers(states().map(|state| signed(state.messages)).collect())
        .numbers(changed.iter().map(|kept| signed(kept.active.0)).collect());
    with_rules(statement, states)
}

fn with_rules<'a, I>(statement: Statement, states: impl Fn() -> I) -> Statement
where
    I: Iterator<Item = &'a Conversation>,
{
    let rules = || states().map(|state| &state.rules);
    statement
        .texts(rules().map(|rules| rules.history.to_string()).collect())
        .numbers(
            rules()
                .map(|rules| rules.slow_mode_seconds.into())
                .collect(),
        )
        .flags(rules().map(|rules| rules.announcements_only).collect())
        .texts(rules().map(|rules| rules.mention_all.to_string()).collect())
}

fn heads_statement(heads: &[(i64, i64, i64, i64)]) -> Statement {
    Statement::new(MOVE_HEADS)
        .numbers(heads.iter().map(|head| head.0).collect())
        .numbers(heads.iter().map(|head| head.1).collect())
        .numbers(heads.iter().map(|head| head.2).collect())
        .numbers(heads.iter().map(|head| head.3).collect())
}

fn cursors_statement(
    sql: &'static str,
    cursors: &BTreeMap<(i64, UserId), Seq>,
    key: impl Fn(&UserId) -> i64,
) -> Statement {
    let cursors = cursors.iter();
    Statement::new(sql)
        .numbers(cursors.clone().map(|(place, _)| place.0).collect())
        .numbers(cursors.clone().map(|(place, _)| key(&place.1)).collect())
        .numbers(cursors.map(|(_, seq)| signed(seq.get())).collect())
}

fn members_statement(
    members: &BTreeMap<(i64, UserId), Membership>,
    key: impl Fn(&UserId) -> i64,
) -> Statement {
    let rows = || members.values();
    let places = || members.keys();
    Statement::new(PUT_MEMBERS)
        .numbers(places().map(|(conversation, _)| *conversation).collect())
        .numbers(places().map(|(_, user)| key(user)).collect())
        .texts(places().map(|(_, user)| user.to_string()).collect())
        .texts(rows().map(|member| member.role.to_string()).collect())
        .numbers(rows().map(|member| signed(member.joined.get())).collect())
        .optional_numbers(
            rows()
                .map(|member| member.left.map(|seq| signed(seq.get())))
                .collect(),
        )
        .numbers(rows().map(|member| signed(member.read.get())).collect())
        .optional_numbers(
            rows()
                .map(|member| member.banned.map(|seq| signed(seq.get())))
                .collect(),
        )
        .numbers(
            rows()
                .map(|member| signed(member.delivered.get()))
                .collect(),
        )
}

fn events_statement(events: Vec<EventRow>, authors: Vec<i64>) -> Statement {
    let rows = || events.iter();
    let statement = Statement::new(INSERT_EVENTS)
        .numbers(rows().map(|event| event.place.0).collect())
        .numbers(rows().map(|event| event.place.1).collect())
        .numbers(rows().map(|event| event.position).collect())
        .numbers(rows().map(|event| event.at).collect())
        .numbers(authors)
        .numbers(rows().map(|event| event.messages).collect())
        .numbers(rows().map(|event| event.own).collect())
        .optional_uuids(rows().map(|event| event.client_id).collect())
        .small_numbers(rows().map(|event| event.kind).collect());
    let targets = rows().map(|event| event.target).collect();
    let (texts, details) = events
        .into_iter()
        .map(|event| (event.text, event.detail))
        .unzip();
    let statement = statement.optional_texts(texts).optional_texts(details);
    statement.optional_numbers(targets)
}

fn prose(written: Option<&str>) -> Option<String> {
    written.map(|written| text::kept(written).into_owned())
}

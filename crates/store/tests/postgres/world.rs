//! A person, a conversation, and messages in it.

use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Event, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Limits, Seq, Timestamp, UserId};
use tidemark_simulator::postgres::Postgres;
use tidemark_store::postgres::{PostgresOptions, PostgresStore};
use tidemark_store::{CommitError, Health, Outcome, PageLimits, Store};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// A page of everything.
pub(crate) const WHOLE: PageLimits = PageLimits {
    entries_max: 1_000_000,
    text_bytes_max: usize::MAX,
};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn options(commit_wait: Duration) -> PostgresOptions {
    PostgresOptions {
        limits: Limits::default(),
        connections_max: 5,
        writers: 2,
        commit_wait,
    }
}

pub(crate) async fn open(server: &Postgres, database: &str, wait: Duration) -> PostgresStore {
    let opened = PostgresStore::open(&server.url(database), options(wait)).await;
    opened.unwrap()
}

pub(crate) fn ann() -> UserId {
    UserId::parse("ann").unwrap()
}

pub(crate) fn command(conversation: ConversationId, action: Action) -> Command {
    Command {
        conversation,
        caller: Caller::User(ann()),
        at: Timestamp(1_700_000_000_000),
        action,
    }
}

pub(crate) fn send(conversation: ConversationId, name: Uuid, text: &str) -> Command {
    command(
        conversation,
        Action::Send(NewMessage {
            client_id: ClientId(name),
            text: text.to_owned(),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            thread: None,
            attachments: Vec::new(),
        }),
    )
}

/// A new conversation of one person.
pub(crate) async fn room(store: &PostgresStore) -> ConversationId {
    let id = ConversationId(Uuid::new_v4());
    let new = NewConversation {
        kind: ConversationKind::Group,
        visibility: Visibility::Private,
        title: None,
        members: Vec::new(),
        client_id: None,
    };
    one(store, command(id, Action::Create(new))).await.unwrap();
    id
}

pub(crate) async fn one(store: &PostgresStore, command: Command) -> Result<Outcome, CommitError> {
    store.commit(vec![command]).await.remove(0)
}

/// Where an accepted message is.
pub(crate) fn place(outcome: &Outcome) -> Seq {
    match outcome {
        Outcome::Appended { events, .. } => events[0].seq,
        Outcome::Repeated { seq, .. } => *seq,
        other => panic!("not a message: {other:?}"),
    }
}

pub(crate) async fn log(store: &PostgresStore, conversation: ConversationId) -> Vec<Event> {
    let all = store.events_after(&Caller::Administrator, conversation, Seq::ZERO, WHOLE);
    all.await.unwrap().events
}

/// Waits until the store says that it is so.
pub(crate) async fn until_it_is(store: &PostgresStore, health: Health) {
    until(|| store.health() == health).await;
}

/// Waits until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to be");
        sleep(Duration::from_millis(5)).await;
    }
}

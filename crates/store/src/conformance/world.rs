//! What a case works with: a store, and short ways to say what happens in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Event, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{
    ClientId, ConversationId, Position, Refusal, RefusalCode, Seq, Timestamp, UserId,
};
use uuid::Uuid;

use super::Engine;
use crate::{CommitError, Directory, FeedEvent, NewAccount, Outcome, PageLimits, ReadError, Store};

/// A page that holds all that a case makes.
pub(crate) const WHOLE: PageLimits = PageLimits {
    entries_max: 100_000,
    text_bytes_max: usize::MAX,
};

/// A store and what a case needs to use it. Ids and times are counted, so a case does the same in
/// every run.
pub struct World<E: Engine> {
    engine: E,
    pub(crate) store: Arc<E::Store>,
    counter: AtomicU64,
}

impl<E: Engine> World<E> {
    pub(crate) fn create() -> Self {
        let (engine, store) = E::create();
        Self {
            engine,
            store: Arc::new(store),
            counter: AtomicU64::new(1),
        }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Arc::new(self.engine.reopen(&self.store));
    }

    /// Kills the store and opens what is left.
    pub(crate) fn kill_and_reopen(&mut self) {
        self.store = Arc::new(self.engine.reopen_killed(&self.store));
    }

    fn count(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// A time later than all before.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + i64::try_from(self.count()).expect("few times are taken"))
    }

    /// An id that was not there before.
    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(self.count()))
    }

    /// A conversation id that was not there before.
    pub(crate) fn conversation_id(&self) -> ConversationId {
        ConversationId(self.id())
    }

    /// A client id that was not there before.
    pub(crate) fn client_id(&self) -> ClientId {
        ClientId(self.id())
    }

    /// Registers people with these ids.
    pub(crate) async fn people<const N: usize>(&self, ids: [&str; N]) -> [UserId; N] {
        let people = ids.map(user_id);
        for id in &people {
            let account = NewAccount {
                id: id.clone(),
                display_name: None,
                password_hash: "$argon2id$of-a-test".to_owned(),
                at: self.now(),
            };
            let created = self.store.create_account(account).await;
            created.expect("a new name can be registered");
        }
        people
    }

    /// A message that says `text`, with a new client id.
    pub(crate) fn message(&self, text: &str) -> NewMessage {
        NewMessage {
            client_id: self.client_id(),
            text: text.to_owned(),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            thread: None,
            attachments: Vec::new(),
        }
    }

    /// A command of a person.
    pub(crate) fn command(
        &self,
        user: &UserId,
        conversation: ConversationId,
        action: Action,
    ) -> Command {
        self.command_of(Caller::User(user.clone()), conversation, action)
    }

    /// A command of whomever.
    pub(crate) fn command_of(
        &self,
        caller: Caller,
        conversation: ConversationId,
        action: Action,
    ) -> Command {
        Command {
            conversation,
            caller,
            at: self.now(),
            action,
        }
    }

    /// A command to send a new message.
    pub(crate) fn send(&self, user: &UserId, conversation: ConversationId, text: &str) -> Command {
        self.command(user, conversation, Action::Send(self.message(text)))
    }

    /// Commits one command.
    pub(crate) async fn commit(&self, command: Command) -> Result<Outcome, CommitError> {
        commit(&*self.store, command).await
    }

    /// Does what has to succeed.
    pub(crate) async fn done(
        &self,
        user: &UserId,
        conversation: ConversationId,
        action: Action,
    ) -> Outcome {
        let outcome = self.commit(self.command(user, conversation, action)).await;
        outcome.expect("the command is accepted")
    }

    /// Sends a new message; its place.
    pub(crate) async fn say(&self, user: &UserId, conversation: ConversationId, text: &str) -> Seq {
        let message = self.message(text);
        appended(&self.done(user, conversation, Action::Send(message)).await)[0].seq
    }

    /// Sends a new message that mentions; its place.
    pub(crate) async fn mention(
        &self,
        user: &UserId,
        conversation: ConversationId,
        mentions: Mentions,
    ) -> Seq {
        let mut message = self.message("look here");
        message.mentions = mentions;
        appended(&self.done(user, conversation, Action::Send(message)).await)[0].seq
    }

    /// A new private group.
    pub(crate) async fn group(&self, owner: &UserId, members: &[&UserId]) -> ConversationId {
        let new = new_conversation(ConversationKind::Group, members);
        self.begin(owner, new).await
    }

    /// A new public channel.
    pub(crate) async fn public_channel(
        &self,
        owner: &UserId,
        members: &[&UserId],
    ) -> ConversationId {
        let mut new = new_conversation(ConversationKind::Channel, members);
        new.visibility = Visibility::Public;
        self.begin(owner, new).await
    }

    /// A new conversation.
    pub(crate) async fn begin(&self, owner: &UserId, new: NewConversation) -> ConversationId {
        let id = self.conversation_id();
        appended(&self.done(owner, id, Action::Create(new)).await);
        id
    }

    /// A conversation's log.
    pub(crate) async fn events(&self, conversation: ConversationId) -> Vec<Event> {
        let page = self
            .store
            .events_after(&Caller::Administrator, conversation, Seq::ZERO, WHOLE);
        page.await
            .expect("an administrator reads everything")
            .events
    }

    /// The place of a conversation's last event.
    pub(crate) async fn head(&self, conversation: ConversationId) -> Seq {
        let view = self
            .store
            .conversation(&Caller::Administrator, conversation);
        view.await
            .expect("the conversation exists")
            .conversation
            .head
    }

    /// The log of everything.
    pub(crate) async fn feed(&self) -> Vec<FeedEvent> {
        let feed = self.store.feed(Position(0), WHOLE).await;
        feed.expect("the feed can be read")
    }
}

/// Commits one command to a store.
pub(crate) async fn commit(store: &impl Store, command: Command) -> Result<Outcome, CommitError> {
    let mut outcomes = store.commit(vec![command]).await;
    assert_eq!(outcomes.len(), 1, "one command has one outcome");
    outcomes.remove(0)
}

/// A user id.
pub(crate) fn user_id(text: &str) -> UserId {
    UserId::parse(text).expect("a valid user id")
}

/// A private conversation without title or client id.
pub(crate) fn new_conversation(kind: ConversationKind, members: &[&UserId]) -> NewConversation {
    NewConversation {
        kind,
        visibility: Visibility::Private,
        title: None,
        members: members.iter().map(|&member| member.clone()).collect(),
        client_id: None,
    }
}

/// The place with this number.
pub(crate) fn seq(number: u64) -> Seq {
    Seq::new(number).expect("a small number")
}

/// The events that a command appended.
#[track_caller]
pub(crate) fn appended(outcome: &Outcome) -> &[Event] {
    match outcome {
        Outcome::Appended { events, .. } => events,
        other => panic!("expected new events, not {other:?}"),
    }
}

/// The code with which a command was refused.
#[track_caller]
pub(crate) fn refused(outcome: Result<Outcome, CommitError>) -> RefusalCode {
    refusal(outcome).code
}

/// The refusal of a command.
#[track_caller]
pub(crate) fn refusal(outcome: Result<Outcome, CommitError>) -> Refusal {
    match outcome {
        Err(CommitError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

/// The refusal of a read.
#[track_caller]
pub(crate) fn read_refusal<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> Refusal {
    match answer {
        Err(ReadError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

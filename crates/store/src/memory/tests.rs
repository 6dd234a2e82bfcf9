//! What the faults do. That the store is a store at all is shown by the conformance suite.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Limits, Seq, Timestamp};

use super::{Faults, MemoryStore, Survival};
use crate::{CommitError, Health, Outcome, PageLimits, Store};
use uuid::Uuid;

const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(1));
const ALL: PageLimits = PageLimits {
    entries_max: 1_000,
    text_bytes_max: usize::MAX,
};

fn command(action: Action) -> Command {
    Command {
        conversation: CONVERSATION,
        caller: Caller::Administrator,
        at: Timestamp(1),
        action,
    }
}

fn create() -> Command {
    command(Action::Create(NewConversation {
        kind: ConversationKind::Channel,
        visibility: Visibility::Private,
        title: None,
        members: Vec::new(),
        client_id: None,
    }))
}

fn send(name: u128) -> Command {
    command(Action::Send(NewMessage {
        client_id: ClientId(Uuid::from_u128(name)),
        text: "hello".to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }))
}

async fn commit(store: &MemoryStore, command: Command) -> Result<Outcome, CommitError> {
    store.commit(vec![command]).await.remove(0)
}

/// A store with one conversation, whose head is 1.
async fn store_with_a_conversation() -> MemoryStore {
    let store = MemoryStore::new(Limits::default());
    commit(&store, create()).await.unwrap();
    store
}

async fn head(store: &MemoryStore) -> u64 {
    let page = store.events_after(&Caller::Administrator, CONVERSATION, Seq::ZERO, ALL);
    page.await.unwrap().head.get()
}

/// Lets a commit run until it waits for its flush.
async fn commit_held(
    store: &Arc<MemoryStore>,
    command: Command,
) -> tokio::task::JoinHandle<Result<Outcome, CommitError>> {
    let waiting = store.faults().batches_waiting();
    let committing = Arc::clone(store);
    let task = tokio::spawn(async move { commit(&committing, command).await });
    while store.faults().batches_waiting() == waiting {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_failed_flush_answers_unavailable_until_recovery() {
    let store = store_with_a_conversation().await;
    store.faults().fail_flushes(1, Survival::Lost);

    assert_eq!(commit(&store, send(1)).await, Err(CommitError::Unavailable));
    assert_eq!(store.health(), Health::Recovering);
    assert_eq!(commit(&store, send(2)).await, Err(CommitError::Unavailable));
    assert_eq!(head(&store).await, 1);

    store.faults().recover();
    assert_eq!(store.health(), Health::Accepting);
    assert_eq!(head(&store).await, 1);
    let sent = commit(&store, send(1)).await.unwrap();
    assert!(matches!(sent, Outcome::Appended { .. }), "{sent:?}");
}

#[tokio::test]
async fn events_of_a_failed_flush_may_survive_recovery() {
    let store = store_with_a_conversation().await;
    store.faults().fail_flushes(1, Survival::Kept);

    assert_eq!(commit(&store, send(1)).await, Err(CommitError::Unavailable));
    assert_eq!(head(&store).await, 1, "not seen before recovery");

    store.faults().recover();
    assert_eq!(head(&store).await, 2);
    let again = commit(&store, send(1)).await.unwrap();
    assert!(matches!(again, Outcome::Repeated { .. }), "{again:?}");
}

#[tokio::test]
async fn several_flushes_fail_one_recovery_after_another() {
    let faults = Faults {
        flush_failures: 2,
        ..Faults::default()
    };
    let store = MemoryStore::with_faults(Limits::default(), faults);
    for _ in 0..2 {
        assert_eq!(
            commit(&store, create()).await,
            Err(CommitError::Unavailable)
        );
        store.faults().recover();
    }
    commit(&store, create()).await.unwrap();
}

#[tokio::test]
async fn a_held_flush_answers_nobody_and_shows_nothing_until_it_is_released() {
    let store = Arc::new(store_with_a_conversation().await);
    store.faults().hold_flushes();

    let first = commit_held(&store, send(1)).await;
    let second = commit_held(&store, send(1)).await;
    assert!(!first.is_finished());
    assert_eq!(head(&store).await, 1);

    store.faults().release_flushes();
    let first = first.await.unwrap().unwrap();
    assert!(matches!(first, Outcome::Appended { .. }), "{first:?}");
    let second = second.await.unwrap().unwrap();
    assert!(matches!(second, Outcome::Repeated { .. }), "{second:?}");
    assert_eq!(head(&store).await, 2);
}

#[tokio::test]
async fn a_batch_happens_although_its_caller_has_gone() {
    let store = Arc::new(store_with_a_conversation().await);
    store.faults().hold_flushes();
    let sending = commit_held(&store, send(1)).await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());

    store.faults().release_flushes();
    assert_eq!(head(&store).await, 2);
}

#[tokio::test]
async fn a_crash_loses_exactly_what_was_not_flushed() {
    let store = Arc::new(store_with_a_conversation().await);
    commit(&store, send(1)).await.unwrap();
    store.faults().hold_flushes();
    let unflushed = commit_held(&store, send(2)).await;

    let restarted = store.crash();
    assert_eq!(unflushed.await.unwrap(), Err(CommitError::Unavailable));
    assert_eq!(store.health(), Health::Closed);
    assert_eq!(commit(&store, send(3)).await, Err(CommitError::Unavailable));

    assert_eq!(restarted.epoch(), store.epoch());
    assert_eq!(head(&restarted).await, 2);
    let sent = commit(&restarted, send(2)).await.unwrap();
    assert!(matches!(sent, Outcome::Appended { .. }), "{sent:?}");
}

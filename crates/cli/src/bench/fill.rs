//! Fills a store that no server has open, by the same door as a server: [`Store::commit`].

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Timestamp, UserId};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tidemark_store::{CommitError, Directory, Outcome, Store};
use uuid::Uuid;

use super::progress::Bar;
use crate::failure::Failure;

/// Commands that are made durable together, as many as a busy server puts into a batch.
pub(super) const BATCH: usize = 2_048;

/// What to put into a store.
pub(super) struct Filling {
    /// Conversations of these two people each; the first one sends.
    pub(super) pairs: Vec<[UserId; 2]>,
    /// Messages, spread evenly over the conversations.
    pub(super) events: u64,
    pub(super) text: String,
}

/// Makes the people, their conversations and the messages. Gives back the conversations.
pub(super) async fn fill(
    data: &Path,
    filling: &Filling,
    bar: &Bar,
) -> Result<Vec<ConversationId>, Failure> {
    let store = SqliteStore::open(data, SqliteOptions::default())
        .map_err(|error| Failure::failed(format!("cannot fill the store: {error}")))?;
    let conversations = begin(&store, filling).await?;
    let mut left = filling.events;
    let mut next = 0;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
        let at = now();
        let batch = (0..size).map(|_| {
            let place = next % conversations.len();
            next += 1;
            Command {
                conversation: conversations[place],
                caller: Caller::User(filling.pairs[place][0].clone()),
                at,
                action: Action::Send(message(&filling.text)),
            }
        });
        for outcome in store.commit(batch.collect()).await {
            expect_accepted(outcome)?;
        }
        left -= size as u64;
        bar.inc(size as u64);
    }
    store.close().await;
    Ok(conversations)
}

async fn begin(store: &SqliteStore, filling: &Filling) -> Result<Vec<ConversationId>, Failure> {
    let people = filling.pairs.iter().flatten();
    let people = people.map(|user| (user.clone(), None)).collect();
    store
        .ensure_external_users(people, false, now())
        .await
        .map_err(|error| Failure::failed(format!("cannot make users: {error}")))?;
    let mut conversations = Vec::with_capacity(filling.pairs.len());
    let mut batch = Vec::with_capacity(filling.pairs.len());
    for pair in &filling.pairs {
        let conversation = ConversationId(Uuid::now_v7());
        conversations.push(conversation);
        batch.push(Command {
            conversation,
            caller: Caller::Administrator,
            at: now(),
            action: Action::Create(NewConversation {
                kind: ConversationKind::Group,
                visibility: Visibility::Private,
                title: Some("Bench".to_owned()),
                members: pair.to_vec(),
                client_id: None,
            }),
        });
    }
    for outcome in store.commit(batch).await {
        expect_accepted(outcome)?;
    }
    Ok(conversations)
}

pub(super) fn message(text: &str) -> NewMessage {
    NewMessage {
        client_id: ClientId(Uuid::now_v7()),
        text: text.to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }
}

pub(super) fn expect_accepted(outcome: Result<Outcome, CommitError>) -> Result<(), Failure> {
    match outcome {
        Ok(Outcome::Appended { .. }) => Ok(()),
        Ok(other) => Err(Failure::failed(format!("the store answered {other:?}"))),
        Err(error) => Err(Failure::failed(format!("the store refused: {error:?}"))),
    }
}

pub(super) fn now() -> Timestamp {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = unix.map_or(0, |unix| unix.as_millis());
    Timestamp(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

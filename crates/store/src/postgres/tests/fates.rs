//! What became of a commit that was not answered.

use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Event, EventBody, NewConversation, Visibility,
};
use tidemark_core::{ConversationId, Limits, Timestamp};
use tokio::time::Instant;
use tokio_postgres::Client;
use uuid::Uuid;

use super::super::fate::{self, Fate};
use super::super::transaction::{Deadlines, Trace, attempt};
use super::database;
use crate::Outcome;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

fn in_a_while() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn creation() -> Command {
    Command {
        conversation: ConversationId(Uuid::new_v4()),
        caller: Caller::Administrator,
        at: Timestamp(1),
        action: Action::Create(NewConversation {
            kind: ConversationKind::Channel,
            visibility: Visibility::Public,
            title: Some("news".to_owned()),
            members: Vec::new(),
            client_id: None,
        }),
    }
}

async fn committed_event(client: &Client) -> Event {
    let deadlines = Deadlines {
        work: in_a_while(),
        commit: in_a_while(),
    };
    let performed = attempt(client, &Limits::default(), &[creation()], deadlines).await;
    match performed.ok().unwrap().remove(0).unwrap() {
        Outcome::Appended { mut events, .. } => events.remove(0),
        other => panic!("expected an event, not {other:?}"),
    }
}

async fn begin(client: &Client) -> String {
    client.batch_execute("BEGIN").await.unwrap();
    let id = "SELECT pg_current_xact_id()::text";
    client.query_typed(id, &[]).await.unwrap()[0].get(0)
}

fn trace(transaction: &str, witness: Option<Event>) -> Trace {
    Trace {
        transaction: transaction.to_owned(),
        witness: witness.map(Box::new),
    }
}

#[tokio::test]
async fn the_log_says_what_became_of_a_commit() {
    let connector = database().await;
    let client = connector.open_alone().await.unwrap();
    let event = committed_event(&client).await;
    let ended = begin(&client).await;
    client.batch_execute("COMMIT").await.unwrap();

    let there = trace(&ended, Some(event.clone()));
    assert_eq!(
        fate::of(&connector, &there, in_a_while()).await,
        Fate::Committed
    );

    // Another one took the place.
    let mut other = event.clone();
    if let EventBody::Created { title, .. } = &mut other.body {
        *title = Some("olds".to_owned());
    }
    let taken = trace(&ended, Some(other));
    assert_eq!(
        fate::of(&connector, &taken, in_a_while()).await,
        Fate::Aborted
    );

    // A server that never came as far as this transaction, as after a failover.
    let ahead = trace("4000000000", Some(event));
    assert_eq!(
        fate::of(&connector, &ahead, in_a_while()).await,
        Fate::Committed
    );
}

#[tokio::test]
async fn a_transaction_under_way_is_waited_for_and_never_guessed() {
    let connector = database().await;
    let client = connector.open_alone().await.unwrap();
    let mut event = committed_event(&client).await;
    event.conversation = ConversationId(Uuid::new_v4());
    let under_way = trace(&begin(&client).await, Some(event));
    assert_eq!(
        fate::of(&connector, &under_way, soon()).await,
        Fate::Unknown
    );
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(
        fate::of(&connector, &under_way, in_a_while()).await,
        Fate::Aborted
    );
}

#[tokio::test]
async fn cursors_leave_no_trace() {
    let connector = database().await;
    assert_eq!(
        fate::of(&connector, &trace("3", None), in_a_while()).await,
        Fate::Unknown
    );
}

//! A commit that was sent and not answered: found out, and never guessed.

use tidemark_core::conversation::Action;
use tidemark_core::{ConversationId, Seq};
use tidemark_simulator::postgres::Postgres;
use tidemark_store::postgres::PostgresStore;
use tidemark_store::{CommitError, Outcome};
use uuid::Uuid;

use crate::relay::{Next, Relay};
use crate::world::{PATIENCE, command, log, one, options, room, send};

const DATABASE: &str = "unanswered";

struct Scene {
    _server: Postgres,
    relay: Relay,
    store: PostgresStore,
    room: ConversationId,
}

async fn scene() -> Scene {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let port = server.query("postgres", "SHOW port").unwrap();
    let relay = Relay::to(format!("127.0.0.1:{port}").parse().unwrap()).await;
    let url = format!("postgres://tidemark@{}/{DATABASE}", relay.address);
    let store = PostgresStore::open(&url, options(PATIENCE)).await.unwrap();
    let room = room(&store).await;
    Scene {
        _server: server,
        relay,
        store,
        room,
    }
}

async fn a_message_is_there_once(next: Next) {
    let scene = scene().await;
    scene.relay.set(next);
    let outcome = one(&scene.store, send(scene.room, Uuid::new_v4(), "hello")).await;
    assert!(scene.relay.has_happened());
    let Ok(Outcome::Appended { events, .. }) = outcome else {
        panic!("expected the message, not {outcome:?}");
    };
    assert_eq!(log(&scene.store, scene.room).await[2..], events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_in_the_log() {
    a_message_is_there_once(Next::LosesAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_lost_is_done_again() {
    a_message_is_there_once(Next::LosesCommit).await;
}

/// Nothing in the log tells whether a cursor moved because of this command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_whose_answer_was_lost_is_unavailable_and_can_be_sent_again() {
    let scene = scene().await;
    let said = one(&scene.store, send(scene.room, Uuid::new_v4(), "hello")).await;
    said.unwrap();
    scene.relay.set(Next::LosesAnswer);
    let to = Action::MoveCursor(Seq::new(3).unwrap());
    let moved = one(&scene.store, command(scene.room, to.clone())).await;
    assert_eq!(moved, Err(CommitError::Unavailable));
    let Ok(Outcome::Cursor { cursor, .. }) = one(&scene.store, command(scene.room, to)).await
    else {
        panic!("expected a cursor");
    };
    assert_eq!(cursor.read.get(), 3);
}

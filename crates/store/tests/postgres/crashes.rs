//! Whatever dies in the middle of commits: all that was acknowledged is in the log, and nothing is there twice.

use std::collections::HashMap;
use std::process::Command as Program;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemark_core::Seq;
use tidemark_simulator::postgres::Postgres;
use tidemark_store::postgres::PostgresStore;
use tidemark_store::{CommitError, Health, Store};
use tokio::task::{JoinHandle, block_in_place};
use uuid::Uuid;

use crate::world::{PATIENCE, ann, log, one, open, place, room, send, until_it_is};

const DATABASE: &str = "crashes";

/// Sends messages, each again until it is acknowledged, until it is told to stop; where each is.
fn sender(
    store: Arc<PostgresStore>,
    conversation: tidemark_core::ConversationId,
    stop: Arc<AtomicBool>,
) -> JoinHandle<HashMap<Uuid, Seq>> {
    tokio::spawn(async move {
        let mut acknowledged = HashMap::new();
        while !stop.load(Ordering::Relaxed) || acknowledged.is_empty() {
            let name = Uuid::new_v4();
            let seq = loop {
                match one(&store, send(conversation, name, "hello")).await {
                    Ok(outcome) => break place(&outcome),
                    Err(CommitError::Unavailable) => {}
                    Err(CommitError::Refused(refusal)) => panic!("{refusal}"),
                }
            };
            acknowledged.insert(name, seq);
        }
        acknowledged
    })
}

fn kill_a_backend(server: &Postgres) {
    let writing = "SELECT pid FROM pg_stat_activity
        WHERE datname = 'crashes' AND application_name = 'tidemark' ORDER BY random() LIMIT 1";
    // While the server recovers from the last one, there is none to kill.
    if let Ok(process) = server.query("postgres", writing)
        && !process.is_empty()
    {
        Program::new("kill")
            .args(["-9", &process])
            .status()
            .unwrap();
    }
}

fn end_sessions(server: &Postgres) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = 'crashes' AND application_name = 'tidemark'";
    // As above.
    let _ = server.query("postgres", end);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_whatever_dies() {
    let mut server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let store = Arc::new(open(&server, DATABASE, Duration::from_secs(10)).await);
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(room(&store).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = rooms
        .iter()
        .flat_map(|&room| [room, room])
        .map(|room| (room, sender(Arc::clone(&store), room, Arc::clone(&stop))))
        .collect();

    block_in_place(|| {
        for round in 0..12 {
            match round % 3 {
                0 => end_sessions(&server),
                1 => kill_a_backend(&server),
                _ => {
                    server.crash().unwrap();
                    server.restart().unwrap();
                }
            }
        }
    });
    stop.store(true, Ordering::Relaxed);

    let mut acknowledged: HashMap<_, HashMap<Uuid, Seq>> = HashMap::new();
    for (room, sender) in senders {
        let of_sender = tokio::time::timeout(PATIENCE, sender)
            .await
            .unwrap()
            .unwrap();
        acknowledged.entry(room).or_default().extend(of_sender);
    }
    until_it_is(&store, Health::Accepting).await;
    for (room, acknowledged) in acknowledged {
        let events = log(&store, room).await;
        let mut found: HashMap<Uuid, Seq> = HashMap::new();
        for (event, place) in events.iter().zip(1..) {
            assert_eq!(event.seq.get(), place, "a hole in the log");
            if let Some(message) = event.body.as_message() {
                let before = found.insert(message.client_id.0, event.seq);
                assert_eq!(before, None, "a message is there twice");
            }
        }
        assert_eq!(found, acknowledged);
    }
    let memberships = store.memberships(&ann()).await.unwrap();
    assert_eq!(memberships.len(), rooms.len());
}

/// Two nodes, conversations that both write to: one order, no holes, and neither waits for the other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_to_the_same_conversations() {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(Arc::new(open(&server, DATABASE, PATIENCE).await));
    }
    let mut rooms = Vec::new();
    for _ in 0..40 {
        rooms.push(room(&nodes[0]).await);
    }
    let tasks: Vec<_> = nodes
        .iter()
        .map(|node| {
            let (node, mut rooms) = (Arc::clone(node), rooms.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    rooms.reverse();
                    let batch = rooms.iter().flat_map(|room| {
                        let send = || send(*room, Uuid::new_v4(), "hello");
                        [send(), send()]
                    });
                    for outcome in node.commit(batch.collect()).await {
                        outcome.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for room in rooms {
        let events = log(&nodes[1], room).await;
        let places: Vec<u64> = events.iter().map(|event| event.seq.get()).collect();
        assert_eq!(places, (1..=42).collect::<Vec<_>>());
    }
}

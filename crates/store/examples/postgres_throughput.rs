//! How many messages a second the PostgreSQL engine takes.
//!
//! ```text
//! cargo run --release -p tidemark-store --example postgres_throughput [URL]
//! ```
//!
//! Without a URL it starts a server of its own, with fsync, in a temporary directory.

#![expect(clippy::print_stdout, reason = "it is what the program is for")]

use std::error::Error;
use std::time::{Duration, Instant};

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Timestamp, UserId};
use tidemark_simulator::postgres::Postgres;
use tidemark_store::Store;
use tidemark_store::postgres::{PostgresOptions, PostgresStore};
use uuid::Uuid;

const DURATION: Duration = Duration::from_secs(10);
const TEXT_BYTES: usize = 200;

/// How many conversations a batch is about, and how many messages it has for each.
const SHAPES: &[(usize, usize)] = &[(1, 1), (16, 1), (64, 1), (64, 16), (256, 8)];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (url, _server) = if let Some(url) = std::env::args().nth(1) {
        (url, None)
    } else {
        let server = Postgres::start_with(&[
            "fsync=on",
            "full_page_writes=on",
            "shared_buffers=512MB",
            "max_wal_size=4GB",
        ])?;
        server.create_database("throughput")?;
        (server.url("throughput"), Some(server))
    };
    for writers in [1, 4] {
        let options = PostgresOptions {
            writers,
            ..PostgresOptions::default()
        };
        let store = PostgresStore::open(&url, options).await?;
        for &(rooms, messages) in SHAPES {
            measure(&store, writers, rooms, messages).await?;
        }
        store.close().await;
    }
    Ok(())
}

async fn measure(
    store: &PostgresStore,
    writers: usize,
    rooms: usize,
    messages: usize,
) -> Result<(), Box<dyn Error>> {
    let ann = UserId::parse("ann")?;
    let ids: Vec<_> = (0..rooms).map(|_| ConversationId(Uuid::now_v7())).collect();
    let create = |id: &ConversationId| command(&ann, *id, Action::Create(group()));
    for outcome in store.commit(ids.iter().map(create).collect()).await {
        outcome?;
    }
    let began = Instant::now();
    let mut batches = 0_u32;
    while began.elapsed() < DURATION {
        let batch = ids
            .iter()
            .flat_map(|id| std::iter::repeat_n(*id, messages))
            .map(|id| command(&ann, id, Action::Send(message())));
        for outcome in store.commit(batch.collect()).await {
            outcome?;
        }
        batches += 1;
    }
    let elapsed = began.elapsed();
    let events = f64::from(batches) * (rooms * messages) as f64;
    println!(
        "{writers} writers, {rooms} conversations x {messages}: {:.0} messages/s, {:.2} ms a batch",
        events / elapsed.as_secs_f64(),
        elapsed.as_secs_f64() * 1000.0 / f64::from(batches),
    );
    Ok(())
}

fn command(user: &UserId, conversation: ConversationId, action: Action) -> Command {
    Command {
        conversation,
        caller: Caller::User(user.clone()),
        at: Timestamp(1_700_000_000_000),
        action,
    }
}

fn group() -> NewConversation {
    NewConversation {
        kind: ConversationKind::Group,
        visibility: Visibility::Private,
        title: None,
        members: Vec::new(),
        client_id: None,
    }
}

fn message() -> NewMessage {
    NewMessage {
        client_id: ClientId(Uuid::now_v7()),
        text: "x".repeat(TEXT_BYTES),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }
}

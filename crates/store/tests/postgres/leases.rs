//! Leases between nodes: a holder that is cut off, and many who want the same one.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tidemark_core::Position;
use tidemark_simulator::postgres::Postgres;
use tidemark_simulator::proxy::{Faults, Proxy};
use tidemark_store::postgres::PostgresStore;
use tidemark_store::{Acquired, LeaseError, LeaseToken, Leases, Store};
use tokio::time::{Instant, sleep};

use crate::world::{PATIENCE, log, open, options, room};

const DATABASE: &str = "leases";
const NAME: &str = "audit";

async fn granted(node: &PostgresStore, holder: &str, lease: Duration) -> (LeaseToken, Position) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match node.acquire_lease(NAME, holder, lease).await {
            Ok(Acquired::Granted { token, position }) => return (token, position),
            Ok(Acquired::Held { remaining, .. }) => sleep(remaining).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the lease is never free");
}

/// The holder loses its way to the database for longer than its lease, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_was_cut_off_moves_nothing_when_it_is_back() {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let way = Proxy::start(server.address(), Faults::none())
        .await
        .unwrap();
    let through = format!(
        "postgres://tidemark@{}/{DATABASE}?application_name=one",
        way.address()
    );
    let one = PostgresStore::open(&through, options(Duration::from_secs(1)))
        .await
        .unwrap();
    let two = open(&server, DATABASE, PATIENCE).await;
    let (former, _) = granted(&one, "one", Duration::from_secs(1)).await;
    assert_eq!(one.advance(NAME, former, Position(5)).await, Ok(()));

    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    way.retarget(nobody.local_addr().unwrap());
    drop(nobody);
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'one'";
    server.query(DATABASE, cut).unwrap();
    let renewed = one.renew_lease(NAME, former, Duration::from_secs(1)).await;
    assert_eq!(renewed, Err(LeaseError::Unavailable));

    let (newest, begins) = granted(&two, "two", Duration::from_mins(1)).await;
    assert_eq!(begins, Position(5));
    assert!(newest > former);
    assert_eq!(two.advance(NAME, newest, Position(7)).await, Ok(()));

    way.retarget(server.address());
    let lost = Err(LeaseError::Lost);
    // The first connections after a cut may take longer than anybody waits for them.
    let moved = loop {
        match one.advance(NAME, former, Position(9)).await {
            Err(LeaseError::Unavailable) => {}
            answered => break answered,
        }
    };
    assert_eq!(moved, lost);
    let renewed = one.renew_lease(NAME, former, Duration::from_secs(1)).await;
    assert_eq!(renewed, lost);
    assert_eq!(one.release_lease(NAME, former).await, lost);
    assert_eq!(one.lease_position(NAME).await, Ok(Position(7)));
    let asked = one.acquire_lease(NAME, "one", Duration::from_secs(1)).await;
    assert!(
        matches!(&asked, Ok(Acquired::Held { holder, .. }) if holder == "two"),
        "{asked:?}"
    );
}

/// Leases so short that they end while others ask: no token is granted twice, and each grant hands over all
/// that was done before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_granted_twice() {
    const ROUNDS: usize = 60;
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let mut tasks = Vec::new();
    for node in 0..2 {
        let store = Arc::new(open(&server, DATABASE, PATIENCE).await);
        for runner in 0..2 {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let holder = format!("{node}-{runner}");
                let mut held = Vec::new();
                while held.len() < ROUNDS {
                    let lease = Duration::from_millis(3);
                    let (token, begins) = granted(&store, &holder, lease).await;
                    // Under a token that is not the newest any more, this does nothing.
                    let done = store.advance(NAME, token, Position(begins.0 + 1)).await;
                    held.push((token, begins, done.is_ok()));
                }
                held
            }));
        }
    }
    let mut grants = BTreeMap::new();
    for task in tasks {
        for (token, begins, has_advanced) in task.await.unwrap() {
            let twice = grants.insert(token, (begins, has_advanced));
            assert_eq!(twice, None, "{token:?} was granted twice");
        }
    }
    let mut expected = Position(0);
    for (token, (begins, has_advanced)) in grants {
        assert_eq!(begins, expected, "{token:?}");
        expected.0 += u64::from(has_advanced);
    }
}

/// The tables of the version before get what leases need, while a node of that version may run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_the_version_before_is_brought_up_to_date() {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let before = open(&server, DATABASE, PATIENCE).await;
    for statement in [
        "DROP TABLE tidemark.lease, tidemark.dead_letter, tidemark.webhook, tidemark.bot_endpoint",
        "UPDATE tidemark.meta SET version = 1",
    ] {
        server.query(DATABASE, statement).unwrap();
    }
    let after = open(&server, DATABASE, PATIENCE).await;
    assert_eq!(after.epoch(), before.epoch());
    granted(&after, "one", Duration::from_secs(1)).await;
    let room = room(&before).await;
    assert_eq!(log(&after, room).await.len(), 2);
}

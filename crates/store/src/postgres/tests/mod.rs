//! What cannot be seen from outside: plans, the order of positions, and the fate of transactions.

mod fates;
mod order;
mod plans;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tidemark_simulator::postgres::Postgres;

use super::connector::Connector;
use super::schema;

/// A database with tables and nothing in them. The server ends with this process.
async fn database() -> Connector {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| Postgres::start().unwrap());
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{number}");
    server.create_database(&name).unwrap();
    let connector = Connector::new(&server.url(&name)).unwrap();
    let mut client = connector.open_alone().await.unwrap();
    schema::prepare(&mut client).await.unwrap();
    connector
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    let server = Postgres::start().unwrap();
    server.create_database("together").unwrap();
    let connector = Connector::new(&server.url("together")).unwrap();
    let starts = (0..6).map(|_| async {
        let mut client = connector.open_alone().await.unwrap();
        schema::prepare(&mut client).await.unwrap()
    });
    let epochs = futures_util::future::join_all(starts).await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
    let rows = server.query("together", "SELECT count(*) FROM tidemark.meta");
    assert_eq!(rows.unwrap(), "1");
}

#[tokio::test]
async fn tables_of_a_later_version_are_left_alone() {
    let connector = database().await;
    let mut client = connector.open_alone().await.unwrap();
    let later = "UPDATE tidemark.meta SET version = version + 1";
    client.batch_execute(later).await.unwrap();
    let refused = schema::prepare(&mut client).await.unwrap_err();
    assert!(
        matches!(refused, crate::OpenError::TooNew { .. }),
        "{refused}"
    );
}

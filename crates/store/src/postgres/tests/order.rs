//! Transactions that take positions and end in every order, beside a consumer that reads after each step.

use std::time::Duration;

use tidemark_core::Position;
use tokio_postgres::Client;

use super::super::column;
use super::super::connector::Connector;
use super::super::feed::{Selection, look, take_positions, taken};
use super::super::pool::Connections;
use super::database;
use crate::PageLimits;

const WHOLE: PageLimits = PageLimits {
    entries_max: 1_000,
    text_bytes_max: usize::MAX,
};

/// What a transaction does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It has locked its conversations and says where it begins.
    Announce,
    /// It takes a position and writes its event.
    Write,
    Commit,
    Abort,
}

/// Every order in which the steps of transactions can follow each other; each entry names whose step is next.
fn interleavings(lengths: &[usize]) -> Vec<Vec<usize>> {
    if lengths.iter().all(|length| *length == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for one in 0..lengths.len() {
        if lengths[one] > 0 {
            let mut rest = lengths.to_vec();
            rest[one] -= 1;
            for mut order in interleavings(&rest) {
                order.insert(0, one);
                all.push(order);
            }
        }
    }
    all
}

struct Scene {
    clients: Vec<Client>,
    connections: Connections,
    seq: i64,
    seen: Vec<Position>,
}

impl Scene {
    async fn set(connector: &Connector, transactions: usize) -> Self {
        let mut clients = Vec::new();
        for _ in 0..transactions {
            clients.push(connector.open_alone().await.unwrap());
        }
        clients[0]
            .batch_execute(
                "INSERT INTO tidemark.person (id, origin, created_at) VALUES ('ann', 0, 0);
                 INSERT INTO tidemark.conversation
                 VALUES (1, gen_random_uuid(), 'group', 'private', NULL, NULL, NULL, 0, 1, 0, 0, 0)",
            )
            .await
            .unwrap();
        Self {
            clients,
            connections: Connections::new(connector, 1, Duration::from_mins(1)).unwrap(),
            seq: 0,
            seen: Vec::new(),
        }
    }

    async fn take(&mut self, one: usize, step: Step) {
        let client = &self.clients[one];
        let [announce, take] = take_positions(1);
        match step {
            Step::Announce => {
                client.batch_execute("BEGIN").await.unwrap();
                announce.run(client).await.unwrap();
            }
            Step::Write => {
                let position = taken(&take.run(client).await.unwrap()).unwrap()[0];
                self.seq += 1;
                let (seq, position) = (self.seq, position.0);
                let insert = format!(
                    "INSERT INTO tidemark.event
                     SELECT 1, {seq}, {position}, 0, key, 0, 0, NULL, 0, NULL, NULL
                     FROM tidemark.person"
                );
                client.batch_execute(&insert).await.unwrap();
            }
            Step::Commit => client.batch_execute("COMMIT").await.unwrap(),
            Step::Abort => client.batch_execute("ROLLBACK").await.unwrap(),
        }
    }

    /// A consumer goes on from the last position that it has seen.
    async fn consume(&mut self) {
        let after = self.seen.last().copied().unwrap_or_default();
        let look = look(&self.connections, Selection::Everything, after, WHOLE)
            .await
            .unwrap();
        self.seen
            .extend(look.entries.iter().map(|entry| entry.position));
    }

    async fn everything(&self) -> Vec<Position> {
        let all = "SELECT position FROM tidemark.event ORDER BY position";
        let rows = self.clients[0].query_typed(all, &[]).await.unwrap();
        rows.iter()
            .map(|row| column::position(row, 0).unwrap())
            .collect()
    }
}

/// Plays every interleaving of these transactions. After each the consumer has seen every event, and in order.
async fn play(transactions: &[&[Step]]) {
    let connector = database().await;
    let mut scene = Scene::set(&connector, transactions.len()).await;
    let lengths: Vec<_> = transactions.iter().map(|steps| steps.len()).collect();
    for order in interleavings(&lengths) {
        let mut done = vec![0; transactions.len()];
        for &one in &order {
            scene.take(one, transactions[one][done[one]]).await;
            done[one] += 1;
            scene.consume().await;
        }
        assert_eq!(scene.seen, scene.everything().await, "in order {order:?}");
    }
}

#[tokio::test]
async fn a_consumer_misses_nothing_of_two_transactions_in_any_order() {
    let steps = [Step::Announce, Step::Write, Step::Write, Step::Commit];
    play(&[&steps, &steps]).await;
}

#[tokio::test]
async fn a_consumer_misses_nothing_of_three_transactions_in_any_order() {
    let commits = [Step::Announce, Step::Write, Step::Commit];
    let aborts = [Step::Announce, Step::Abort];
    play(&[&commits, &commits, &aborts]).await;
}

/// What other programs do in the same database and the same server holds nothing back.
#[tokio::test]
async fn locks_and_transactions_of_others_do_not_hold_the_feed_back() {
    let connector = database().await;
    let mut scene = Scene::set(&connector, 2).await;
    let other = connector.open_alone().await.unwrap();
    other
        .batch_execute(
            "BEGIN; CREATE TABLE elsewhere (n int);
             SELECT pg_advisory_xact_lock_shared(0), pg_advisory_xact_lock_shared(7, 7)",
        )
        .await
        .unwrap();
    for step in [Step::Announce, Step::Write, Step::Commit] {
        scene.take(0, step).await;
    }
    scene.consume().await;
    assert_eq!(scene.seen.len(), 1);
}

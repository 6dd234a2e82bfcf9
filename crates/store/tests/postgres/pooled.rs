//! Through PgBouncer, where each transaction may run on another connection.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tidemark_simulator::postgres::{Pooler, Postgres};
use tidemark_store::conformance::{self, Engine};
use tidemark_store::postgres::PostgresStore;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::world::{PATIENCE, options};

/// Fewer than one store wants.
const CONNECTIONS: usize = 3;

struct PooledEngine {
    url: String,
}

impl Engine for PooledEngine {
    type Store = PostgresStore;

    fn create() -> (Self, PostgresStore) {
        static POOLED: OnceLock<(Pooler, Postgres)> = OnceLock::new();
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let (pooler, server) = POOLED.get_or_init(|| {
            let server = Postgres::start().unwrap();
            (Pooler::start(&server, CONNECTIONS).unwrap(), server)
        });
        let name = format!("pooled_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.create_database(&name).unwrap();
        let url = pooler.url(&name);
        let store = open(&url);
        (Self { url }, store)
    }

    fn reopen(&mut self, _closed: &PostgresStore) -> PostgresStore {
        open(&self.url)
    }

    fn reopen_killed(&mut self, _running: &PostgresStore) -> PostgresStore {
        open(&self.url)
    }
}

fn open(url: &str) -> PostgresStore {
    let opened = PostgresStore::open(url, options(PATIENCE));
    block_in_place(|| Handle::current().block_on(opened)).unwrap()
}

macro_rules! through_a_pooler {
    ($($theme:ident::$case:ident,)+) => {
        $(#[test]
        fn $case() {
            conformance::run::<PooledEngine>(conformance::$theme::$case);
        })+
    };
}

through_a_pooler!(
    access::a_membership_follows_joining_and_leaving,
    counting::counts_equal_a_recount_after_any_history,
    directory::a_token_stands_for_its_session_until_revoked,
    durability::all_that_was_acknowledged_is_there_after_a_kill,
    durability::closing_finishes_what_was_handed_over,
    feed::a_consumer_that_follows_misses_nothing,
    idempotency::a_pair_that_begins_at_once_has_one_direct_conversation,
    leases::a_former_holder_moves_no_position,
    leases::a_lease_is_held_by_one,
    leases::of_all_who_ask_at_once_one_is_granted,
    log::seqs_are_gapless_over_concurrent_commits,
    pages::pages_of_messages_hold_what_is_beside,
);

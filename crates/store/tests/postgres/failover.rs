//! No server that takes writes, for a while or at the place where it was.

use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::{Position, Seq};
use tidemark_simulator::postgres::Postgres;
use tidemark_store::postgres::PostgresStore;
use tidemark_store::{CommitError, Health, OpenError, Store};
use tokio::time::Instant;
use uuid::Uuid;

use crate::world::{
    PATIENCE, WHOLE, log, one, open, options, place, room, send, until, until_it_is,
};

const DATABASE: &str = "failover";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_commits_are_answered_in_time_and_go_on_when_it_is_back() {
    let mut server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let wait = Duration::from_millis(500);
    let store = open(&server, DATABASE, wait).await;
    let room = room(&store).await;
    server.crash().unwrap();
    until_it_is(&store, Health::Recovering).await;
    let began = Instant::now();
    let refused = one(&store, send(room, Uuid::new_v4(), "hello")).await;
    assert_eq!(refused, Err(CommitError::Unavailable));
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    assert_eq!(store.health(), Health::Recovering);
    server.restart().unwrap();
    until_it_is(&store, Health::Accepting).await;
    one(&store, send(room, Uuid::new_v4(), "hello"))
        .await
        .unwrap();
    assert_eq!(log(&store, room).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_waits_for_the_server_that_takes_over() {
    let mut server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let standby = server.standby().unwrap();
    let url = server.url_with(&standby, DATABASE);
    let store = PostgresStore::open(&url, options(PATIENCE)).await.unwrap();
    let room = room(&store).await;
    for _ in 0..20 {
        one(&store, send(room, Uuid::new_v4(), "before"))
            .await
            .unwrap();
    }
    let before = store.feed(Position(0), WHOLE).await.unwrap();
    server.crash().unwrap();
    let name = Uuid::new_v4();
    let commit = async { one(&store, send(room, name, "meanwhile")).await };
    let promote = async {
        until_it_is(&store, Health::Recovering).await;
        standby.promote().unwrap();
    };
    let (outcome, ()) = tokio::join!(commit, promote);
    assert_eq!(place(&outcome.unwrap()).get(), 23);
    let after = store.feed(Position(0), WHOLE).await.unwrap();
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
    let again = one(&store, send(room, name, "meanwhile")).await.unwrap();
    assert_eq!(place(&again).get(), 23);
}

/// A commit waits for the standby, and the primary crashes. When it is back, it has the commit in its own log,
/// where anybody can read it; but the standby has not, and it is the standby that may take over next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standby_lacks_is_neither_answered_nor_shown_after_a_crash() {
    let mut server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let mut standby = server.standby().unwrap();
    let wait = Duration::from_secs(2);
    let store = open(&server, DATABASE, wait).await;
    let room = room(&store).await;
    let before = log(&store, room).await;
    standby.crash().unwrap();
    let name = Uuid::new_v4();
    let commit = async { one(&store, send(room, name, "hello")).await };
    let crash = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        until(|| server.query("postgres", waiting).unwrap() == "1").await;
        server.crash().unwrap();
        server.restart().unwrap();
    };
    let (outcome, ()) = tokio::join!(commit, crash);
    assert_eq!(outcome, Err(CommitError::Unavailable));
    let everybody = Caller::Administrator;
    let shown = store.events_after(&everybody, room, Seq::ZERO, WHOLE).await;
    assert!(
        shown.as_ref().map_or(true, |page| page.events == before),
        "{shown:?}"
    );
    standby.restart().unwrap();
    until_it_is(&store, Health::Accepting).await;
    let again = one(&store, send(room, name, "hello")).await.unwrap();
    assert_eq!(place(&again).get(), before.len() as u64 + 1);
    assert_eq!(log(&store, room).await.len(), before.len() + 1);
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_refused() {
    let server = Postgres::start_with(&["synchronous_commit=off"]).unwrap();
    server.create_database(DATABASE).unwrap();
    let opened = PostgresStore::open(&server.url(DATABASE), options(PATIENCE)).await;
    let Err(OpenError::Engine(said)) = opened else {
        panic!("it was opened");
    };
    assert!(said.contains("synchronous_commit"), "{said}");
}

/// Somebody turns it off while the store is open, which every transaction overrides for itself.
#[tokio::test]
async fn a_setting_that_loses_commits_is_overridden() {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let store = open(&server, DATABASE, PATIENCE).await;
    let room = room(&store).await;
    // What a transaction is committed with is seen by a trigger that runs at its end.
    for statement in [
        "CREATE TABLE public.seen (setting text)",
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
            INSERT INTO public.seen VALUES (current_setting('synchronous_commit'));
            RETURN NULL;
         END $$",
        "CREATE CONSTRAINT TRIGGER see AFTER UPDATE ON tidemark.conversation
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see()",
        "ALTER DATABASE failover SET synchronous_commit = off",
        // New sessions have it, so there must be no old ones.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'tidemark'",
    ] {
        server.query(DATABASE, statement).unwrap();
    }
    for _ in 0..4 {
        let said = one(&store, send(room, Uuid::new_v4(), "hello")).await;
        said.unwrap_or_else(|error| panic!("{error}: {}", server.log()));
    }
    let sessions = server.query(DATABASE, "SHOW synchronous_commit").unwrap();
    assert_eq!(sessions, "off");
    let seen = server
        .query(DATABASE, "SELECT DISTINCT setting FROM public.seen")
        .unwrap();
    assert_eq!(seen, "local");
}

/// The server says no at the very end: that is an answer, so there is nothing to wait for or to look up.
#[tokio::test]
async fn what_the_server_refuses_at_the_end_is_not_there() {
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let store = open(&server, DATABASE, PATIENCE).await;
    let room = room(&store).await;
    for statement in [
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON tidemark.conversation
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    ] {
        server.query(DATABASE, statement).unwrap();
    }
    let name = Uuid::new_v4();
    let began = Instant::now();
    let refused = one(&store, send(room, name, "hello")).await;
    assert_eq!(refused, Err(CommitError::Unavailable));
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(log(&store, room).await.len(), 2);
    let allow = "DROP TRIGGER refuse ON tidemark.conversation";
    server.query(DATABASE, allow).unwrap();
    let said = one(&store, send(room, name, "hello")).await.unwrap();
    assert_eq!(place(&said).get(), 3);
}

#[tokio::test]
async fn a_place_without_a_server_is_an_error_that_hides_the_password() {
    let opened = PostgresStore::open(
        "postgres://ann:hunter2@127.0.0.1:1/chat",
        options(Duration::from_millis(100)),
    );
    let said = opened.await.err().unwrap().to_string();
    assert!(!said.contains("hunter2"), "{said}");
}

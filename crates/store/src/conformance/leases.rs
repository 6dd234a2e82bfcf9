//! Leases: one at a time, tokens that only grow, and positions that a former holder cannot move.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::Position;
use tokio::time::{Instant, sleep};

use super::{Engine, World};
use crate::{Acquired, LeaseError, LeaseToken, Leases, Store};

const NAME: &str = "audit";
/// Ends within no case.
const LONG: Duration = Duration::from_hours(1);
/// Ends within a case that waits for it.
const SHORT: Duration = Duration::from_millis(100);
/// How long a case waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

async fn acquire<E: Engine>(world: &World<E>, holder: &str, duration: Duration) -> Acquired {
    let acquired = world.store.acquire_lease(NAME, holder, duration).await;
    acquired.expect("the store answers")
}

/// Takes a lease that is free.
async fn granted<E: Engine>(
    world: &World<E>,
    holder: &str,
    duration: Duration,
) -> (LeaseToken, Position) {
    match acquire(world, holder, duration).await {
        Acquired::Granted { token, position } => (token, position),
        held @ Acquired::Held { .. } => panic!("the lease is free, and not {held:?}"),
    }
}

/// Takes a lease as soon as it ends.
async fn granted_in_time<E: Engine>(world: &World<E>, holder: &str) -> (LeaseToken, Position) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match acquire(world, holder, LONG).await {
            Acquired::Granted { token, position } => return (token, position),
            Acquired::Held { remaining, .. } => {
                assert!(Instant::now() < deadline, "the lease does not end");
                sleep(remaining.min(SHORT)).await;
            }
        }
    }
}

async fn position<E: Engine>(world: &World<E>) -> Position {
    let position = world.store.lease_position(NAME).await;
    position.expect("the store answers")
}

/// Who comes second hears who has it and for how long; a lease of another name is another one.
pub async fn a_lease_is_held_by_one<E: Engine>(world: World<E>) {
    let (token, position) = granted(&world, "one", LONG).await;
    assert_eq!(position, Position(0));
    match acquire(&world, "two", LONG).await {
        Acquired::Held { holder, remaining } => {
            assert_eq!(holder, "one");
            assert!(remaining <= LONG && remaining > LONG / 2, "{remaining:?}");
        }
        Acquired::Granted { .. } => panic!("it was granted twice"),
    }
    let other = world.store.acquire_lease("search", "two", LONG).await;
    assert!(matches!(other, Ok(Acquired::Granted { .. })), "{other:?}");
    let renewed = world.store.renew_lease(NAME, token, LONG).await;
    assert_eq!(renewed, Ok(()));
}

/// Of many who ask at the same time, also before it ever was, one is granted it.
pub async fn of_all_who_ask_at_once_one_is_granted<E: Engine>(world: World<E>) {
    for round in 0..4 {
        let name = format!("round {round}");
        let asking = (0..16).map(|number| {
            let (store, name) = (Arc::clone(&world.store), name.clone());
            tokio::spawn(async move {
                let holder = format!("holder {number}");
                store.acquire_lease(&name, &holder, LONG).await
            })
        });
        let mut granted = 0;
        for task in asking.collect::<Vec<_>>() {
            let acquired = task.await.expect("the task ends").expect("an answer");
            granted += usize::from(matches!(acquired, Acquired::Granted { .. }));
        }
        assert_eq!(granted, 1);
    }
}

/// It ends when its time has passed, not before, and the next token is newer.
pub async fn a_lease_ends_when_its_time_has_passed<E: Engine>(world: World<E>) {
    let began = Instant::now();
    let (first, _) = granted(&world, "one", SHORT).await;
    let (second, _) = granted_in_time(&world, "two").await;
    // Times are kept in milliseconds.
    assert!(began.elapsed() + Duration::from_millis(1) >= SHORT);
    assert!(second > first, "{second:?} after {first:?}");
}

/// A renewal counts from now.
pub async fn a_renewed_lease_lasts<E: Engine>(world: World<E>) {
    let (token, _) = granted(&world, "one", PATIENCE).await;
    let renewed = world.store.renew_lease(NAME, token, LONG).await;
    assert_eq!(renewed, Ok(()));
    match acquire(&world, "two", LONG).await {
        Acquired::Held { remaining, .. } => assert!(remaining > PATIENCE, "{remaining:?}"),
        Acquired::Granted { .. } => panic!("it was granted twice"),
    }
    // It may also make it shorter.
    let renewed = world.store.renew_lease(NAME, token, SHORT).await;
    assert_eq!(renewed, Ok(()));
    granted_in_time(&world, "two").await;
}

/// Whoever lost it cannot renew it or end that of another.
pub async fn a_lost_lease_is_not_renewed<E: Engine>(world: World<E>) {
    let (former, _) = granted(&world, "one", SHORT).await;
    let (newest, _) = granted_in_time(&world, "two").await;
    let store = &world.store;
    let lost = Err(LeaseError::Lost);
    assert_eq!(store.renew_lease(NAME, former, LONG).await, lost);
    assert_eq!(store.release_lease(NAME, former).await, lost);
    let unknown = LeaseToken(newest.0 + 1);
    assert_eq!(store.renew_lease(NAME, unknown, LONG).await, lost);
    assert_eq!(store.renew_lease("nothing", newest, LONG).await, lost);
    let asked = acquire(&world, "three", LONG).await;
    assert!(matches!(asked, Acquired::Held { holder, .. } if holder == "two"));
}

/// What ended stays ended, also if nobody else wants it; but its work is still the newest.
pub async fn a_lease_that_ended_stays_ended<E: Engine>(world: World<E>) {
    let store = &world.store;
    let (token, _) = granted(&world, "one", SHORT).await;
    assert_eq!(store.release_lease(NAME, token).await, Ok(()));
    let lost = Err(LeaseError::Lost);
    assert_eq!(store.renew_lease(NAME, token, LONG).await, lost);
    assert_eq!(store.release_lease(NAME, token).await, lost);
    assert_eq!(store.advance(NAME, token, Position(3)).await, Ok(()));
}

/// Who comes next need not wait for the rest of its time.
pub async fn a_released_lease_is_free_at_once<E: Engine>(world: World<E>) {
    let (first, _) = granted(&world, "one", LONG).await;
    assert_eq!(world.store.release_lease(NAME, first).await, Ok(()));
    let (second, _) = granted(&world, "two", LONG).await;
    assert!(second > first);
}

/// Whoever was granted it and never heard of that asks again, and need not wait.
pub async fn a_holder_may_ask_again<E: Engine>(world: World<E>) {
    let (first, _) = granted(&world, "one", LONG).await;
    let (second, _) = granted(&world, "one", LONG).await;
    assert!(second > first);
    let stale = world.store.advance(NAME, first, Position(1)).await;
    assert_eq!(stale, Err(LeaseError::Lost));
}

/// The next holder begins where the last one was, and from then on that one moves nothing.
pub async fn a_former_holder_moves_no_position<E: Engine>(world: World<E>) {
    let store = &world.store;
    let lost = Err(LeaseError::Lost);
    assert_eq!(store.advance(NAME, LeaseToken(1), Position(1)).await, lost);
    assert_eq!(position(&world).await, Position(0));
    let (former, _) = granted(&world, "one", SHORT).await;
    assert_eq!(store.advance(NAME, former, Position(5)).await, Ok(()));
    let (newest, begins) = granted_in_time(&world, "two").await;
    assert_eq!(begins, Position(5));
    assert_eq!(store.advance(NAME, former, Position(9)).await, lost);
    assert_eq!(position(&world).await, Position(5));
    assert_eq!(store.advance(NAME, newest, Position(7)).await, Ok(()));
    assert_eq!(store.advance(NAME, former, Position(9)).await, lost);
    assert_eq!(position(&world).await, Position(7));
}

/// A position does not go back, and each name has its own.
pub async fn a_position_only_grows<E: Engine>(world: World<E>) {
    let store = &world.store;
    let (token, _) = granted(&world, "one", LONG).await;
    for (advance, stands) in [(4, 4), (4, 4), (2, 4), (1 << 40, 1 << 40)] {
        let advanced = store.advance(NAME, token, Position(advance)).await;
        assert_eq!(advanced, Ok(()));
        assert_eq!(position(&world).await, Position(stands));
    }
    assert_eq!(store.lease_position("search").await, Ok(Position(0)));
}

/// Tokens and positions are durable: after a restart and after a kill.
pub async fn tokens_and_positions_outlive_the_process<E: Engine>(mut world: World<E>) {
    let (mut last, _) = granted(&world, "one", SHORT).await;
    for (place, is_killed) in [(10, false), (20, true), (30, false), (40, true)] {
        let position = Position(place);
        assert_eq!(world.store.advance(NAME, last, position).await, Ok(()));
        if is_killed {
            world.kill_and_reopen();
        } else {
            world.reopen().await;
        }
        assert_eq!(self::position(&world).await, position);
        // Of an engine that is one process, the holder died with it; another engine waits for the end of the lease.
        let shorten = world.store.renew_lease(NAME, last, SHORT).await;
        assert!(matches!(shorten, Ok(()) | Err(LeaseError::Lost)));
        let (token, begins) = granted_in_time(&world, &format!("after {place}")).await;
        assert_eq!(begins, position);
        assert!(token > last, "{token:?} after {last:?}");
        last = token;
    }
}

/// A store that is closed grants nothing and keeps nothing.
pub async fn a_closed_store_grants_nothing<E: Engine>(world: World<E>) {
    let (token, _) = granted(&world, "one", LONG).await;
    let store = &world.store;
    store.close().await;
    let unavailable = LeaseError::Unavailable;
    let asked = store.acquire_lease(NAME, "two", LONG).await;
    assert_eq!(asked, Err(unavailable));
    assert_eq!(store.renew_lease(NAME, token, LONG).await, Err(unavailable));
    assert_eq!(store.release_lease(NAME, token).await, Err(unavailable));
    let advanced = store.advance(NAME, token, Position(1)).await;
    assert_eq!(advanced, Err(unavailable));
    assert_eq!(store.lease_position(NAME).await, Err(unavailable));
}

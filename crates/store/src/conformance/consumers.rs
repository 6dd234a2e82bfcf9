//! Consumers: who may say how far they are, what operators may do, and dead letters.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::{ConversationId, Position, Seq, Timestamp};
use uuid::Uuid;

use super::{Engine, World};
use crate::{
    Acquired, ConsumerError, ConsumerState, Consumers, DEAD_LETTERS_MAX, DeadLetter, LeaseToken,
    Leases, Paused, Store, Trouble,
};

const NAME: &str = "index";
/// Ends within no case.
const LONG: Duration = Duration::from_hours(1);

/// Has `holder` granted the lease, which is theirs or nobody's.
async fn granted<E: Engine>(world: &World<E>, name: &str, holder: &str) -> LeaseToken {
    match world.store.acquire_lease(name, holder, LONG).await {
        Ok(Acquired::Granted { token, .. }) => token,
        other => panic!("the lease is free, and not {other:?}"),
    }
}

/// A consumer that is at work, and its token.
async fn enrolled<E: Engine>(world: &World<E>) -> LeaseToken {
    let token = granted(world, NAME, "one").await;
    assert_eq!(world.store.enrol_consumer(NAME, token).await, Ok(()));
    token
}

async fn state<E: Engine>(world: &World<E>) -> ConsumerState {
    let state = world.store.consumer(NAME).await;
    state.expect("there is this consumer")
}

fn letter(position: u64) -> DeadLetter {
    DeadLetter {
        position: Position(position),
        conversation: ConversationId(Uuid::from_u128(7)),
        seq: Seq::new(position).expect("a seq"),
        at: Timestamp(1_000 + i64::try_from(position).expect("a small number")),
        attempts: 1,
        reason: format!("it does not like {position}"),
        replay: false,
    }
}

async fn letters<E: Engine>(world: &World<E>) -> Vec<u64> {
    let letters = world.store.dead_letters(NAME, false, Position(0), 100);
    let letters = letters.await.expect("there is this consumer");
    letters.into_iter().map(|it| it.position.0).collect()
}

/// Leases alone are none, and a name that was never enrolled is unknown to every question.
pub async fn consumers_are_those_that_were_enrolled<E: Engine>(world: World<E>) {
    let store = &world.store;
    let other = granted(&world, "uploads", "one").await;
    assert_eq!(store.consumers().await, Ok(Vec::new()));
    let unknown = ConsumerError::Unknown;
    for name in ["uploads", "nothing"] {
        assert_eq!(store.consumer(name).await, Err(unknown));
        assert_eq!(store.pause_consumer(name, None).await, Err(unknown));
        let rewound = store.rewind_consumer(name, None, Position(0)).await;
        assert_eq!(rewound, Err(unknown));
        let letters = store.dead_letters(name, false, Position(0), 1).await;
        assert_eq!(letters, Err(unknown));
        assert_eq!(store.replay_dead_letters(name, None).await, Err(unknown));
        assert_eq!(store.drop_dead_letters(name, None).await, Err(unknown));
        assert_eq!(store.forget_consumer(name).await, Err(unknown));
    }
    let buried = store.bury("uploads", other, letter(1)).await;
    assert_eq!(buried, Err(ConsumerError::Lost));

    let token = enrolled(&world).await;
    assert_eq!(store.advance(NAME, token, Position(5)).await, Ok(()));
    let expected = ConsumerState {
        name: NAME.to_owned(),
        position: Position(5),
        token,
        holder: Some("one".to_owned()),
        paused: None,
        rewound: None,
        trouble: None,
        failures: 0,
        dead_letters: 0,
        replays: 0,
    };
    assert_eq!(store.consumers().await, Ok(vec![expected.clone()]));
    assert_eq!(state(&world).await, expected);
    assert_eq!(store.release_lease(NAME, token).await, Ok(()));
    assert_eq!(state(&world).await.holder, None);
}

/// A pause is kept with its reason, and ends.
pub async fn a_pause_is_kept_until_it_ends<E: Engine>(world: World<E>) {
    let store = &world.store;
    enrolled(&world).await;
    let paused = Paused {
        at: Timestamp(17),
        reason: Some("the index moves \0".to_owned()),
    };
    let done = store.pause_consumer(NAME, Some(paused.clone())).await;
    assert_eq!(done, Ok(()));
    assert_eq!(state(&world).await.paused, Some(paused));
    assert_eq!(store.pause_consumer(NAME, None).await, Ok(()));
    assert_eq!(state(&world).await.paused, None);
}

/// Whoever is at work when an operator rewinds moves nothing any more, and hears where to begin.
pub async fn a_rewind_makes_whoever_works_begin_there<E: Engine>(world: World<E>) {
    let store = &world.store;
    let token = enrolled(&world).await;
    assert_eq!(store.advance(NAME, token, Position(50)).await, Ok(()));
    for position in [10, 30, 40] {
        assert_eq!(store.bury(NAME, token, letter(position)).await, Ok(()));
    }
    let rewound = store.rewind_consumer(NAME, None, Position(30)).await;
    assert_eq!(rewound, Ok(()));
    let now = state(&world).await;
    assert_eq!(
        (now.position, now.rewound),
        (Position(30), Some(Position(30)))
    );
    assert!(now.token > token);
    assert_eq!(letters(&world).await, [10, 30]);

    let lost = Err(ConsumerError::Lost);
    assert!(store.advance(NAME, token, Position(51)).await.is_err());
    assert!(store.renew_lease(NAME, token, LONG).await.is_err());
    assert_eq!(store.bury(NAME, token, letter(51)).await, lost);
    assert_eq!(store.settle(NAME, token, Position(10)).await, lost);
    assert_eq!(store.note_trouble(NAME, token, None).await, lost);
    assert_eq!(store.note_rewound(NAME, token).await, lost);
    assert_eq!(letters(&world).await, [10, 30]);

    // It asks again, and need not wait.
    let again = store.acquire_lease(NAME, "one", LONG).await;
    let Ok(Acquired::Granted { token, position }) = again else {
        panic!("it is theirs: {again:?}");
    };
    assert_eq!(position, Position(30));
    assert_eq!(store.note_rewound(NAME, token).await, Ok(()));
    assert_eq!(state(&world).await.rewound, None);
    // Forwards is no way back.
    let forwards = store.rewind_consumer(NAME, None, Position(31)).await;
    assert_eq!(forwards, Ok(()));
    let now = state(&world).await;
    assert_eq!(
        (now.position, now.rewound, now.token),
        (Position(30), None, token)
    );
}

/// The holder goes back without losing the lease; a former one does not.
pub async fn a_holder_that_lost_its_effects_goes_back<E: Engine>(world: World<E>) {
    let store = &world.store;
    let former = enrolled(&world).await;
    let token = granted(&world, NAME, "one").await;
    assert_eq!(store.advance(NAME, token, Position(50)).await, Ok(()));
    let refused = store.rewind_consumer(NAME, Some(former), Position(0)).await;
    assert_eq!(refused, Err(ConsumerError::Lost));
    assert_eq!(state(&world).await.position, Position(50));
    let back = store.rewind_consumer(NAME, Some(token), Position(20)).await;
    assert_eq!(back, Ok(()));
    let now = state(&world).await;
    assert_eq!(
        (now.position, now.rewound, now.token),
        (Position(20), None, token)
    );
    assert_eq!(store.renew_lease(NAME, token, LONG).await, Ok(()));
    assert_eq!(store.advance(NAME, token, Position(21)).await, Ok(()));
}

/// Trouble is counted, and forgotten when it is over.
pub async fn trouble_is_kept_until_it_is_over<E: Engine>(world: World<E>) {
    let store = &world.store;
    let token = enrolled(&world).await;
    for attempts in 1..=3 {
        let trouble = Trouble {
            since: Timestamp(5),
            attempts,
            reason: format!("no answer, {attempts}"),
        };
        let noted = store.note_trouble(NAME, token, Some(trouble.clone())).await;
        assert_eq!(noted, Ok(()));
        let now = state(&world).await;
        assert_eq!(
            (now.trouble, now.failures),
            (Some(trouble), u64::from(attempts))
        );
    }
    assert_eq!(store.note_trouble(NAME, token, None).await, Ok(()));
    let now = state(&world).await;
    assert_eq!((now.trouble, now.failures), (None, 3));
}

/// From the burial to what becomes of it.
pub async fn dead_letters_are_replayed_or_dropped<E: Engine>(world: World<E>) {
    let store = &world.store;
    let token = enrolled(&world).await;
    for position in [9, 3, 7, 5] {
        assert_eq!(store.bury(NAME, token, letter(position)).await, Ok(()));
    }
    let first = store.dead_letters(NAME, false, Position(0), 2).await;
    assert_eq!(first, Ok(vec![letter(3), letter(5)]));
    let rest = store.dead_letters(NAME, false, Position(5), 9).await;
    assert_eq!(rest, Ok(vec![letter(7), letter(9)]));

    let replayed = store.replay_dead_letters(NAME, Some(Position(5))).await;
    assert_eq!(replayed, Ok(1));
    let unknown = Err(ConsumerError::Unknown);
    let none = store.replay_dead_letters(NAME, Some(Position(6))).await;
    assert_eq!(none, unknown);
    let none = store.drop_dead_letters(NAME, Some(Position(6))).await;
    assert_eq!(none, unknown);
    let asked = DeadLetter {
        replay: true,
        ..letter(5)
    };
    let replays = store.dead_letters(NAME, true, Position(0), 9).await;
    assert_eq!(replays, Ok(vec![asked]));
    let now = state(&world).await;
    assert_eq!((now.dead_letters, now.replays), (4, 1));

    // It failed again, and is no longer asked for.
    let again = DeadLetter {
        attempts: 2,
        reason: "still not".to_owned(),
        ..letter(5)
    };
    assert_eq!(store.bury(NAME, token, again.clone()).await, Ok(()));
    assert_eq!(state(&world).await.replays, 0);
    let kept = store.dead_letters(NAME, false, Position(4), 1).await;
    assert_eq!(kept, Ok(vec![again]));

    assert_eq!(store.settle(NAME, token, Position(5)).await, Ok(()));
    assert_eq!(store.settle(NAME, token, Position(5)).await, Ok(()));
    assert_eq!(
        store.drop_dead_letters(NAME, Some(Position(9))).await,
        Ok(1)
    );
    assert_eq!(letters(&world).await, [3, 7]);
    assert_eq!(store.replay_dead_letters(NAME, None).await, Ok(2));
    assert_eq!(state(&world).await.replays, 2);
    assert_eq!(store.drop_dead_letters(NAME, None).await, Ok(2));
    assert_eq!(store.drop_dead_letters(NAME, None).await, Ok(0));
    assert_eq!(letters(&world).await, Vec::<u64>::new());
}

/// So many and no more; one that is there already can always be written again.
pub async fn dead_letters_are_bounded<E: Engine>(world: World<E>) {
    let store = &world.store;
    let token = enrolled(&world).await;
    let mut burying = tokio::task::JoinSet::new();
    for part in 0..16 {
        let store = Arc::clone(store);
        burying.spawn(async move {
            for position in (1..=DEAD_LETTERS_MAX).filter(|position| position % 16 == part) {
                assert_eq!(store.bury(NAME, token, letter(position)).await, Ok(()));
            }
        });
    }
    while let Some(buried) = burying.join_next().await {
        buried.expect("a part is buried");
    }
    let more = store.bury(NAME, token, letter(DEAD_LETTERS_MAX + 1)).await;
    assert_eq!(more, Err(ConsumerError::Full));
    assert_eq!(store.bury(NAME, token, letter(1)).await, Ok(()));
    assert_eq!(state(&world).await.dead_letters, DEAD_LETTERS_MAX);
}

/// What is forgotten begins anew, under a token that was never granted.
pub async fn a_forgotten_consumer_begins_anew<E: Engine>(world: World<E>) {
    let store = &world.store;
    let token = enrolled(&world).await;
    assert_eq!(store.advance(NAME, token, Position(5)).await, Ok(()));
    assert_eq!(store.bury(NAME, token, letter(3)).await, Ok(()));
    let at_work = store.forget_consumer(NAME).await;
    assert_eq!(at_work, Err(ConsumerError::AtWork));
    assert_eq!(store.release_lease(NAME, token).await, Ok(()));
    assert_eq!(store.forget_consumer(NAME).await, Ok(()));
    assert_eq!(store.consumers().await, Ok(Vec::new()));
    let stale = store.bury(NAME, token, letter(4)).await;
    assert_eq!(stale, Err(ConsumerError::Lost));
    let next = enrolled(&world).await;
    assert!(next > token);
    let now = state(&world).await;
    assert_eq!((now.position, now.dead_letters), (Position(0), 0));
}

/// All of it is durable, and unavailable when the store is closed.
pub async fn consumers_outlive_the_process<E: Engine>(mut world: World<E>) {
    let token = enrolled(&world).await;
    let store = &world.store;
    assert_eq!(store.advance(NAME, token, Position(9)).await, Ok(()));
    assert_eq!(store.bury(NAME, token, letter(3)).await, Ok(()));
    let paused = Paused {
        at: Timestamp(1),
        reason: None,
    };
    let done = store.pause_consumer(NAME, Some(paused)).await;
    assert_eq!(done, Ok(()));
    let before = state(&world).await;
    world.kill_and_reopen();
    let after = ConsumerState {
        // Whose lease ends with its process, and whose does not, is the engine's.
        holder: before.holder.clone(),
        ..state(&world).await
    };
    assert_eq!(after, before);
    assert_eq!(letters(&world).await, [3]);
    world.store.close().await;
    let unavailable = ConsumerError::Unavailable;
    assert_eq!(world.store.consumers().await, Err(unavailable));
    let paused = world.store.pause_consumer(NAME, None).await;
    assert_eq!(paused, Err(unavailable));
}

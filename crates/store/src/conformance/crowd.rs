//! Reads for many people at once, who get what each of them would get alone.

use tidemark_core::access::{Caller, Horizon};
use tidemark_core::conversation::Action;
use tidemark_core::{ConversationId, Seq, UserId};

use super::world::{WHOLE, user_id};
use super::{Engine, World};
use crate::{PageLimits, ReadError, Store};

/// Two members, one who left, a stranger, somebody nobody knows, and the server side.
async fn crowd<E: Engine>(world: &World<E>) -> (ConversationId, Vec<UserId>, Vec<Caller>) {
    let [ann, bob, cyd, eve] = world.people(["ann", "bob", "cyd", "eve"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    for (author, text) in [(&ann, "one"), (&bob, "two"), (&cyd, "three")] {
        world.say(author, room, text).await;
    }
    world.done(&cyd, room, Action::Leave).await;
    world.say(&ann, room, "four").await;
    let users = vec![eve, ann, user_id("nobody"), cyd, bob];
    let mut callers: Vec<_> = users.iter().cloned().map(Caller::User).collect();
    callers.insert(2, Caller::Administrator);
    (room, users, callers)
}

/// Read together, each gets the page, or the refusal, that they would get alone.
pub async fn each_of_a_crowd_reads_what_they_read_alone<E: Engine>(world: World<E>) {
    let (room, _, callers) = crowd(&world).await;
    let head = world.head(room).await;
    let short = PageLimits {
        entries_max: 2,
        ..WHOLE
    };
    for after in [Seq::ZERO, Seq::ZERO.next(), head, Seq::MAX] {
        for limits in [WHOLE, short] {
            let read = world.store.events_for(&callers, room, after, limits).await;
            let read = read.expect("a store that answers");
            assert_eq!(read.access.len(), callers.len());
            for (caller, access) in callers.iter().zip(read.access) {
                let alone = world.store.events_after(caller, room, after, limits).await;
                let of_crowd = access.map(|horizon| {
                    assert_eq!(horizon, Horizon::EVERYTHING);
                    read.page.clone()
                });
                assert_eq!(of_crowd.map_err(ReadError::Refused), alone);
            }
        }
    }
}

/// A crowd of outsiders hears of a private conversation what it hears of an unknown id.
pub async fn nobody_of_a_crowd_learns_of_what_they_may_not_see<E: Engine>(world: World<E>) {
    let (room, _, callers) = crowd(&world).await;
    let is_outside = |caller: &&Caller| {
        let insiders = [user_id("ann"), user_id("bob")];
        caller.user().is_some_and(|user| !insiders.contains(user))
    };
    let outsiders: Vec<_> = callers.iter().filter(is_outside).cloned().collect();
    let unknown = world.conversation_id();
    let of_room = world.store.events_for(&outsiders, room, Seq::ZERO, WHOLE);
    let of_unknown = world
        .store
        .events_for(&outsiders, unknown, Seq::ZERO, WHOLE);
    let of_room = of_room.await.expect("a store that answers");
    assert_eq!(of_room, of_unknown.await.expect("a store that answers"));
    assert_eq!(
        (of_room.page.events, of_room.page.head),
        (Vec::new(), Seq::ZERO)
    );
}

/// Counted together, each gets what they would get alone.
pub async fn each_of_a_crowd_is_counted_as_alone<E: Engine>(world: World<E>) {
    let (room, users, _) = crowd(&world).await;
    world
        .done(
            &user_id("bob"),
            room,
            Action::MoveCursor(world.head(room).await),
        )
        .await;
    world.say(&user_id("bob"), room, "five").await;
    let all = world.store.counts_of(&users, room).await;
    let all = all.expect("a store that answers");
    let view = world.store.conversation(&Caller::Administrator, room).await;
    assert_eq!(all.head, view.expect("a conversation").conversation.head);
    for (user, counts) in users.iter().zip(all.counts) {
        let caller = Caller::User(user.clone());
        let alone = world.store.conversation(&caller, room).await;
        let of_crowd = counts.map_err(ReadError::Refused);
        assert_eq!(of_crowd, alone.map(|view| view.counts), "{user}");
    }
    let unread = world.store.counts(&user_id("ann"), room).await;
    assert_eq!(unread.expect("a member").1.unread, 3, "two, three and five");
}

//! People who block others.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, ConversationKind, Delivery, Joined, NewAmendment, Role, Wish,
};
use tidemark_core::{ConversationId, RefusalCode, UserId};

use super::Engine;
use super::world::{World, appended, commit, new_conversation, refused, seq, user_id};
use crate::{CommitError, Outcome, Store};

impl<E: Engine> World<E> {
    async fn block(&self, user: &UserId, other: &UserId, on: bool) -> Result<bool, CommitError> {
        self.store.change_block(user, other, on, self.now()).await
    }

    async fn blocked_by(&self, user: &UserId) -> Vec<UserId> {
        let page = self.store.blocks(user, None, 100).await.expect("a page");
        assert!(!page.more);
        page.users.into_iter().map(|blocked| blocked.user).collect()
    }

    async fn direct(&self, one: &UserId, other: &UserId) -> Result<Outcome, CommitError> {
        let new = new_conversation(ConversationKind::Direct, &[other]);
        let id = self.conversation_id();
        self.commit(self.command(one, id, Action::Create(new)))
            .await
    }

    /// Whether this one can write to their direct conversation now.
    async fn writes(&self, user: &UserId, direct: ConversationId) -> bool {
        match self.commit(self.send(user, direct, "hello")).await {
            Ok(_) => true,
            outcome => {
                assert_eq!(refused(outcome), RefusalCode::Forbidden);
                false
            }
        }
    }
}

fn code(changed: Result<bool, CommitError>) -> RefusalCode {
    match changed {
        Err(CommitError::Refused(refusal)) => refusal.code,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

/// A block is there once, however often it is wished, and its pages join into all of them.
pub async fn blocks_are_listed_in_the_order_of_ids<E: Engine>(mut world: World<E>) {
    let [ann, cem, bob, dot] = world.people(["ann", "cem", "bob", "dot"]).await;
    for (other, is_new) in [(&dot, true), (&bob, true), (&cem, true), (&bob, false)] {
        assert_eq!(world.block(&ann, other, true).await, Ok(is_new));
    }
    assert_eq!(world.block(&bob, &ann, true).await, Ok(true));
    world.kill_and_reopen();
    assert_eq!(
        world.blocked_by(&ann).await,
        [&bob, &cem, &dot].map(Clone::clone)
    );
    assert_eq!(world.blocked_by(&bob).await, std::slice::from_ref(&ann));
    assert_eq!(world.blocked_by(&dot).await, []);
    assert_eq!(world.blocked_by(&user_id("nobody")).await, []);
    for entries_max in [1, 2, 3] {
        let mut seen = Vec::new();
        loop {
            let after = seen.last();
            let page = world.store.blocks(&ann, after, entries_max).await;
            let page = page.expect("a page");
            assert!(page.users.len() <= entries_max);
            seen.extend(page.users.into_iter().map(|blocked| blocked.user));
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, [&bob, &cem, &dot].map(Clone::clone));
    }
    assert_eq!(world.block(&ann, &cem, false).await, Ok(true));
    assert_eq!(world.block(&ann, &cem, false).await, Ok(false));
    assert_eq!(world.blocked_by(&ann).await, [bob, dot]);
}

/// Oneself, nobody and the server itself cannot be blocked.
pub async fn a_block_is_of_somebody_else<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    assert_eq!(
        code(world.block(&ann, &ann, true).await),
        RefusalCode::Invalid
    );
    for unknown in [user_id("nobody"), UserId::administrator()] {
        for on in [true, false] {
            let changed = world.block(&ann, &unknown, on).await;
            assert_eq!(code(changed), RefusalCode::NotFound);
        }
    }
    assert_eq!(world.blocked_by(&ann).await, []);
}

/// Neither of the two writes while one blocks the other, whatever the writer remembers of their conversation.
pub async fn a_direct_conversation_follows_the_blocks_of_its_pair<E: Engine>(mut world: World<E>) {
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    let begun = world.direct(&ann, &bob).await.expect("it begins");
    let direct = appended(&begun)[0].conversation;
    let message = world.message("before");
    let said = world
        .done(&bob, direct, Action::Send(message.clone()))
        .await;
    let said = appended(&said)[0].seq;
    // Not of this pair.
    assert_eq!(world.block(&cem, &bob, true).await, Ok(true));
    assert!(world.writes(&bob, direct).await);

    assert_eq!(world.block(&ann, &bob, true).await, Ok(true));
    for user in [&ann, &bob] {
        assert!(!world.writes(user, direct).await);
    }
    let pin = NewAmendment {
        target: said,
        client_id: None,
        wish: Wish::Pin { on: true },
    };
    let pinned = world.command(&ann, direct, Action::Amend(pin));
    assert_eq!(refused(world.commit(pinned).await), RefusalCode::Forbidden);
    let again = world.done(&bob, direct, Action::Send(message)).await;
    assert!(matches!(again, Outcome::Repeated { seq, .. } if seq == said));
    let found = world.direct(&bob, &ann).await;
    assert_eq!(found, Ok(Outcome::Existing(direct)));
    let delete = NewAmendment {
        target: said,
        client_id: None,
        wish: Wish::Delete,
    };
    world.done(&bob, direct, Action::Amend(delete)).await;

    assert_eq!(world.block(&bob, &ann, true).await, Ok(true));
    assert_eq!(world.block(&ann, &bob, false).await, Ok(true));
    assert!(!world.writes(&ann, direct).await);
    world.kill_and_reopen();
    assert!(!world.writes(&ann, direct).await);
    assert_eq!(world.block(&bob, &ann, false).await, Ok(true));
    for user in [&ann, &bob] {
        assert!(world.writes(user, direct).await);
    }
}

/// Whoever is blocked begins nothing with the blocker and adds them nowhere.
pub async fn whoever_is_blocked_brings_the_blocker_nowhere<E: Engine>(world: World<E>) {
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    world.block(&ann, &bob, true).await.expect("a block");
    for (one, other) in [(&ann, &bob), (&bob, &ann)] {
        let begun = world.direct(one, other).await;
        assert_eq!(refused(begun), RefusalCode::Forbidden);
    }
    for kind in [ConversationKind::Group, ConversationKind::Channel] {
        let new = new_conversation(kind, &[&cem, &ann]);
        let id = world.conversation_id();
        let begun = world.commit(world.command(&bob, id, Action::Create(new)));
        assert_eq!(refused(begun.await), RefusalCode::Forbidden);
    }
    let add = |user: &UserId| {
        Action::AddMembers(vec![Joined {
            user: user.clone(),
            role: Role::Member,
        }])
    };
    let room = world.group(&bob, &[&cem]).await;
    let added = world.commit(world.command(&bob, room, add(&ann))).await;
    assert_eq!(refused(added), RefusalCode::Forbidden);
    let own = world.group(&ann, &[&bob]).await;
    assert!(world.writes(&bob, own).await);

    world.block(&ann, &bob, false).await.expect("no block");
    appended(&world.done(&bob, room, add(&ann)).await);
    let begun = world.direct(&bob, &ann).await.expect("it begins");
    assert!(world.writes(&ann, appended(&begun)[0].conversation).await);
}

/// Whoever shares a conversation with somebody does not count as acquainted while one of the two blocks the other.
pub async fn who_blocks_is_not_acquainted<E: Engine>(world: World<E>) {
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    world.group(&ann, &[&bob, &cem]).await;
    let everybody = [&ann, &bob, &cem].map(Clone::clone);
    let of = async |user: &UserId| {
        let found = world.store.acquainted(user, &everybody).await;
        BTreeSet::from_iter(found.expect("an answer"))
    };
    let set = |users: &[&UserId]| users.iter().map(|&user| user.clone()).collect();
    world.block(&ann, &bob, true).await.expect("a block");
    assert_eq!(of(&bob).await, set(&[&bob, &cem]));
    assert_eq!(of(&ann).await, set(&[&ann, &cem]));
    assert_eq!(of(&cem).await, set(&[&ann, &bob, &cem]));
    world.block(&ann, &bob, false).await.expect("no block");
    assert_eq!(of(&bob).await, set(&[&ann, &bob, &cem]));
}

/// Whatever comes at the same time, a pair that has a direct conversation in the end finds in it what their blocks say.
pub async fn blocks_and_beginnings_at_once_agree<E: Engine>(world: World<E>) {
    let block = |user: &UserId, other: &UserId, on| {
        let (store, at) = (Arc::clone(&world.store), world.now());
        let (user, other) = (user.clone(), other.clone());
        tokio::spawn(async move { store.change_block(&user, &other, on, at).await })
    };
    for round in 0..10 {
        let names = [format!("one-{round}"), format!("other-{round}")];
        let [one, other] = world.people([&names[0], &names[1]]).await;
        world.block(&other, &one, true).await.expect("a block");
        let changes = [
            block(&other, &one, false),
            block(&one, &other, round % 2 == 0),
        ];
        let new = new_conversation(ConversationKind::Direct, &[&other]);
        let id = world.conversation_id();
        let create = world.command(&one, id, Action::Create(new));
        let store = Arc::clone(&world.store);
        let begun = tokio::spawn(async move { commit(&*store, create).await });
        for change in changes {
            let outcome = change.await.expect("no panic");
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        if begun.await.expect("no panic").is_ok() {
            let writes = world.writes(&other, id).await;
            assert_eq!(writes, world.blocked_by(&one).await.is_empty());
        }
    }
    // Of a crowd of devices, one is told that it made the block.
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let wishes: Vec<_> = (0..8).map(|_| block(&ann, &bob, true)).collect();
    let mut news = 0;
    for wish in wishes {
        news += usize::from(wish.await.expect("no panic").expect("a block"));
    }
    assert_eq!(news, 1);
}

/// While one of a pair blocks the other, each sees only the own cursor, and nobody is told of one that moves.
pub async fn a_blocked_pair_does_not_see_how_far_the_other_is<E: Engine>(world: World<E>) {
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    let direct = match world.direct(&ann, &bob).await {
        Ok(Outcome::Appended { events, .. }) => events[0].conversation,
        other => panic!("expected a conversation, not {other:?}"),
    };
    let group = world.group(&ann, &[&bob, &cem]).await;
    for room in [direct, group] {
        world.say(&ann, room, "one").await;
        world.say(&ann, room, "two").await;
    }
    let is_hidden = async |user: &UserId, room, action| match world.done(user, room, action).await {
        Outcome::Cursor { is_hidden, .. } | Outcome::Delivered { is_hidden, .. } => is_hidden,
        other => panic!("{other:?}"),
    };
    let deliver = |place| {
        Action::MoveDelivered(Delivery {
            seq: seq(place),
            members_max: 100,
        })
    };
    let shown = async |caller: Caller, room| {
        let receipts = world.store.readers(&caller, room, seq(3), 1).await;
        let receipts = receipts.expect("they may ask");
        let members = world.store.members(&caller, room, None, 10).await;
        let members = members.expect("they may ask").members;
        (
            receipts
                .readers
                .into_iter()
                .map(|it| it.user)
                .collect::<Vec<_>>(),
            receipts
                .delivered
                .into_iter()
                .map(|it| it.user)
                .collect::<Vec<_>>(),
            members
                .into_iter()
                .map(|it| it.read.get())
                .collect::<Vec<_>>(),
        )
    };
    let of = |user: &UserId| Caller::User(user.clone());
    assert!(!is_hidden(&ann, direct, Action::MoveCursor(seq(3))).await);
    assert!(!is_hidden(&bob, direct, deliver(3)).await);
    let open = (vec![ann.clone()], vec![bob.clone()], vec![3, 2]);
    for caller in [of(&ann), of(&bob), Caller::Administrator] {
        assert_eq!(shown(caller, direct).await, open);
    }
    assert_eq!(world.block(&ann, &bob, true).await, Ok(true));
    assert!(is_hidden(&bob, direct, deliver(4)).await);
    assert!(is_hidden(&ann, direct, Action::MoveCursor(seq(4))).await);
    assert_eq!(
        shown(of(&ann), direct).await,
        (vec![ann.clone()], vec![], vec![4, 2])
    );
    assert_eq!(
        shown(of(&bob), direct).await,
        (vec![], vec![bob.clone()], vec![2, 2])
    );
    // Also where the other one would come first, and only one is asked for.
    assert!(is_hidden(&bob, direct, Action::MoveCursor(seq(3))).await);
    assert_eq!(
        shown(of(&bob), direct).await,
        (vec![bob.clone()], vec![], vec![2, 3])
    );
    assert_eq!(
        shown(Caller::Administrator, direct).await,
        (vec![ann.clone()], vec![], vec![4, 3])
    );
    // What they share with others goes on as before.
    assert!(!is_hidden(&bob, group, Action::MoveCursor(seq(3))).await);
    assert_eq!(
        shown(of(&ann), group).await,
        (vec![bob.clone()], vec![], vec![2, 3, 2])
    );
    assert_eq!(world.block(&ann, &bob, false).await, Ok(true));
    assert!(!is_hidden(&bob, direct, Action::MoveCursor(seq(4))).await);
    assert_eq!(
        shown(of(&bob), direct).await,
        (vec![ann.clone()], vec![], vec![4, 4])
    );
}

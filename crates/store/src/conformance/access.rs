//! Who sees what, and what one hears who does not.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, ConversationKind, Joined, Role, SettingsChange, Visibility,
};
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Refusal, RefusalCode, Seq, UserId};

use super::world::{
    WHOLE, appended, new_conversation, read_refusal, refusal, refused, seq, user_id,
};
use super::{Engine, World};
use crate::{Directory, Outcome, Store, Window};

/// What each read and each command answers to `user`, all of which have to be refusals.
async fn refusals<E: Engine>(
    world: &World<E>,
    user: &UserId,
    conversation: ConversationId,
) -> Vec<Refusal> {
    let mut refusals = read_refusals(world, user, conversation).await;
    let caller = Caller::User(user.clone());
    refusals.push(read_refusal(
        world.store.conversation(&caller, conversation).await,
    ));
    let somebody = Joined {
        user: user.clone(),
        role: Role::Member,
    };
    for action in [
        Action::Send(world.message("hello")),
        Action::Send(world.message("")),
        Action::AddMembers(vec![somebody]),
        Action::AddMembers(Vec::new()),
        Action::RemoveMember(user_id("ann")),
        Action::ChangeRole(user_id("ann"), Role::Member),
        Action::Join,
        Action::Leave,
        Action::ChangeSettings(SettingsChange::default()),
        Action::MoveCursor(seq(1)),
        Action::MoveCursor(Seq::ZERO),
    ] {
        let command = world.command(user, conversation, action);
        refusals.push(refusal(world.commit(command).await));
    }
    refusals
}

/// What the reads for members answer to `user`, all of which have to be refusals.
async fn read_refusals<E: Engine>(
    world: &World<E>,
    user: &UserId,
    conversation: ConversationId,
) -> Vec<Refusal> {
    let store = &world.store;
    let caller = Caller::User(user.clone());
    let mut refusals = vec![
        read_refusal(
            store
                .events_after(&caller, conversation, Seq::ZERO, WHOLE)
                .await,
        ),
        read_refusal(store.counts(user, conversation).await),
        read_refusal(store.members(&caller, conversation, None, 10).await),
        read_refusal(store.readers(&caller, conversation, seq(1), 10).await),
    ];
    let windows = [
        Window::Latest,
        Window::Before(seq(3)),
        Window::After(Seq::ZERO),
        Window::Around(seq(3)),
    ];
    for window in windows {
        let page = store.messages(&caller, conversation, window, WHOLE).await;
        refusals.push(read_refusal(page));
    }
    refusals
}

/// Nobody can find out whether a private conversation exists: not a stranger, not whoever left, not
/// whoever was removed.
pub async fn who_may_not_see_a_conversation_hears_what_an_unknown_id_hears<E: Engine>(
    world: World<E>,
) {
    let [ann, bob, cyd, eve] = world.people(["ann", "bob", "cyd", "eve"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    world.say(&ann, room, "hello").await;
    world.say(&bob, room, "hello").await;
    world.done(&bob, room, Action::Leave).await;
    world
        .done(&ann, room, Action::RemoveMember(cyd.clone()))
        .await;
    let head = world.head(room).await;
    let unknown = world.conversation_id();
    for outsider in [&bob, &cyd, &eve] {
        let of_unknown = refusals(&world, outsider, unknown).await;
        assert!(
            of_unknown
                .iter()
                .all(|refusal| refusal.code == RefusalCode::NotFound)
        );
        assert_eq!(refusals(&world, outsider, room).await, of_unknown);
        let inbox = world
            .store
            .inbox(outsider, None, 10)
            .await
            .expect("an inbox");
        assert_eq!(inbox.conversations, []);
        let memberships = world.store.memberships(outsider).await;
        assert_eq!(memberships.expect("a list"), []);
    }
    assert_eq!(world.head(room).await, head, "nothing happened");
}

/// Whoever left a public channel is to it like someone who never was there: sees it, and may join.
pub async fn former_members_of_a_public_channel_may_not_read<E: Engine>(world: World<E>) {
    let [ann, bob, cyd, eve] = world.people(["ann", "bob", "cyd", "eve"]).await;
    let room = world.public_channel(&ann, &[&bob, &cyd]).await;
    world.say(&bob, room, "hello").await;
    world.done(&bob, room, Action::Leave).await;
    world
        .done(&ann, room, Action::RemoveMember(cyd.clone()))
        .await;
    for outsider in [&bob, &cyd, &eve] {
        for refusal in read_refusals(&world, outsider, room).await {
            assert_eq!(refusal.code, RefusalCode::Forbidden);
        }
        let send = world.commit(world.send(outsider, room, "hello")).await;
        assert_eq!(refused(send), RefusalCode::Forbidden);
        let caller = Caller::User(outsider.clone());
        let view = world.store.conversation(&caller, room).await;
        let view = view.expect("a public channel is seen by everybody");
        assert_eq!(view.membership, None);
        assert_eq!(view.last_message, None);
        assert_eq!(view.counts, Counts::default());
        assert_eq!(view.conversation.members, 1);
        let inbox = world
            .store
            .inbox(outsider, None, 10)
            .await
            .expect("an inbox");
        assert_eq!(inbox.conversations, []);
    }
    for outsider in [bob, cyd, eve] {
        appended(&world.done(&outsider, room, Action::Join).await);
        world.say(&outsider, room, "back again").await;
    }
}

/// Joining, leaving and joining again leave one membership, which says what is so now.
pub async fn a_membership_follows_joining_and_leaving<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[]).await;
    let caller = Caller::User(bob.clone());
    let joined = world.done(&bob, room, Action::Join).await;
    assert!(matches!(joined, Outcome::Appended { members: 2, .. }));
    let again = world.done(&bob, room, Action::Join).await;
    assert_eq!(again, Outcome::Unchanged { head: seq(3) });
    world
        .done(&ann, room, Action::ChangeRole(bob.clone(), Role::Admin))
        .await;
    let left = world.done(&bob, room, Action::Leave).await;
    assert!(matches!(left, Outcome::Appended { members: 1, .. }));
    world.done(&bob, room, Action::Join).await;
    let view = world
        .store
        .conversation(&caller, room)
        .await
        .expect("a member sees it");
    let membership = view.membership.expect("a member has a membership");
    assert_eq!(membership.role, Role::Member);
    assert_eq!(membership.joined, seq(6));
    assert_eq!(membership.read, seq(6));
    assert_eq!(membership.left, None);
    assert_eq!(view.conversation.members, 2);
}

/// A role is there from the next command on, in the same batch and after reopening.
pub async fn a_role_counts_from_the_next_command_on<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let add_cyd = Action::AddMembers(vec![Joined {
        user: cyd.clone(),
        role: Role::Member,
    }]);
    let batch = vec![
        world.command(&bob, room, add_cyd.clone()),
        world.command(&ann, room, Action::ChangeRole(bob.clone(), Role::Admin)),
        world.command(&bob, room, add_cyd),
    ];
    let mut outcomes = world.store.commit(batch).await;
    assert_eq!(refused(outcomes.remove(0)), RefusalCode::Forbidden);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    world.reopen().await;
    let by_cyd = world.command(&cyd, room, Action::RemoveMember(bob.clone()));
    assert_eq!(refused(world.commit(by_cyd).await), RefusalCode::Forbidden);
    world.done(&bob, room, Action::RemoveMember(cyd)).await;
}

/// Whoever is in already is not added again; whoever is named twice joins once.
pub async fn adding_members_adds_those_who_are_not_in<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let member = |user: &UserId| Joined {
        user: user.clone(),
        role: Role::Member,
    };
    let only_bob = Action::AddMembers(vec![member(&bob)]);
    let unchanged = world.done(&ann, room, only_bob).await;
    assert_eq!(unchanged, Outcome::Unchanged { head: seq(2) });
    let both = Action::AddMembers(vec![member(&cyd), member(&bob), member(&cyd)]);
    let Outcome::Appended {
        events, members, ..
    } = world.done(&ann, room, both).await
    else {
        panic!("expected new events");
    };
    assert_eq!((events.len(), members), (1, 3));
}

/// Only who is known can be made a member, be it a new user who never signed in.
pub async fn unknown_users_cannot_be_made_members<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let stranger = user_id("stranger@elsewhere");
    let add = Action::AddMembers(vec![Joined {
        user: stranger.clone(),
        role: Role::Member,
    }]);
    let add = world.command(&ann, room, add);
    let begin = Action::Create(new_conversation(ConversationKind::Direct, &[&stranger]));
    let begin = world.command(&ann, world.conversation_id(), begin);
    for command in [&add, &begin] {
        let outcome = world.commit(command.clone()).await;
        assert_eq!(refused(outcome), RefusalCode::Invalid);
    }
    let known = vec![(stranger, None)];
    let known = world
        .store
        .ensure_external_users(known, false, world.now())
        .await;
    known.expect("the directory takes external users");
    for command in [add, begin] {
        appended(&world.commit(command).await.expect("accepted now"));
    }
}

/// A change of visibility is seen by the next read and the next command.
pub async fn hiding_a_channel_hides_it_at_once<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[]).await;
    let caller = Caller::User(bob.clone());
    let visible = |visibility| {
        Action::ChangeSettings(SettingsChange {
            visibility: Some(visibility),
            ..SettingsChange::default()
        })
    };
    let hide = world.command(&ann, room, visible(Visibility::Private));
    let join = world.command(&bob, room, Action::Join);
    let mut outcomes = world.store.commit(vec![hide, join.clone()]).await;
    assert_eq!(
        refused(outcomes.remove(1)),
        RefusalCode::NotFound,
        "in the same batch"
    );
    let view = world.store.conversation(&caller, room).await;
    assert_eq!(read_refusal(view).code, RefusalCode::NotFound);
    world.done(&ann, room, visible(Visibility::Public)).await;
    appended(&world.commit(join).await.expect("it is public again"));
}

/// The server side reads and writes everywhere, and is a member nowhere.
pub async fn an_administrator_is_above_membership<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[]).await;
    let administrator = Caller::Administrator;
    let by_administrator = |action| world.command_of(Caller::Administrator, room, action);
    let notice = by_administrator(Action::Send(world.message("maintenance tonight")));
    let sent = world.commit(notice.clone()).await.expect("accepted");
    let event = appended(&sent)[0].clone();
    assert_eq!(event.body.author(), &UserId::administrator());
    let again = world.commit(notice).await;
    let repeated = Outcome::Repeated {
        seq: event.seq,
        at: event.at,
    };
    assert_eq!(again, Ok(repeated));
    let add = Action::AddMembers(vec![Joined {
        user: bob.clone(),
        role: Role::Owner,
    }]);
    appended(&world.commit(by_administrator(add)).await.expect("accepted"));
    for action in [Action::Join, Action::Leave, Action::MoveCursor(seq(1))] {
        let outcome = world.commit(by_administrator(action)).await;
        assert_eq!(refused(outcome), RefusalCode::Forbidden);
    }
    let view = world.store.conversation(&administrator, room).await;
    let view = view.expect("an administrator sees everything");
    assert_eq!(view.membership, None);
    assert_eq!(view.counts, Counts::default());
    assert_eq!(
        view.last_message.map(|message| message.seq),
        Some(event.seq)
    );
    assert_eq!(view.conversation.members, 2);
    let members = world.store.members(&administrator, room, None, 10).await;
    let members = members.expect("an administrator reads everything").members;
    let ids: Vec<_> = members.iter().map(|member| &member.user).collect();
    assert_eq!(ids, [&ann, &bob]);
    let unread = world.store.counts(&ann, room).await.expect("a member").1;
    assert_eq!(unread.unread, 1, "what an administrator says is unread");
}

/// A channel that the application makes may be empty, and takes members later.
pub async fn an_administrator_makes_a_channel_without_members<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.conversation_id();
    let create = Action::Create(new_conversation(ConversationKind::Channel, &[]));
    let create = world.command_of(Caller::Administrator, room, create);
    let Ok(Outcome::Appended {
        events, members, ..
    }) = world.commit(create).await
    else {
        panic!("expected a new channel");
    };
    assert_eq!((events.len(), members), (1, 0));
    let add = Action::AddMembers(vec![Joined {
        user: ann.clone(),
        role: Role::Owner,
    }]);
    let add = world.command_of(Caller::Administrator, room, add);
    appended(&world.commit(add).await.expect("accepted"));
    world.say(&ann, room, "hello").await;
}

//! What somebody who came later reads, where newcomers see nothing of before.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, History, Joined, Mentions, NewAmendment, Role, RulesChange, SettingsChange, Wish,
};
use tidemark_core::{ConversationId, RefusalCode, Seq, UserId};

use super::Engine;
use super::world::{WHOLE, World, appended, read_refusal, refused, seq};
use crate::{Outcome, PageLimits, Receipts, Store, Window};

fn shown_to_newcomers(history: History) -> Action {
    Action::ChangeSettings(SettingsChange {
        rules: RulesChange {
            history: Some(history),
            ..RulesChange::default()
        },
        ..SettingsChange::default()
    })
}

fn person(user: &UserId) -> Caller {
    Caller::User(user.clone())
}

/// Bob, who was in ann's group, left when something had been said, and is back.
struct Newcomer {
    ann: UserId,
    bob: UserId,
    room: ConversationId,
    /// A message that he does not see, which ann has edited since he is back.
    before: Seq,
    joined: Seq,
    edited: Seq,
    /// What was said since.
    after: [Seq; 3],
}

impl Newcomer {
    async fn come<E: Engine>(world: &World<E>) -> Self {
        let [ann, bob] = world.people(["ann", "bob"]).await;
        let room = world.group(&ann, &[&bob]).await;
        world
            .done(&ann, room, shown_to_newcomers(History::SinceJoined))
            .await;
        let before = world.say(&ann, room, "before").await;
        world.mention(&ann, room, Mentions::All).await;
        world.done(&bob, room, Action::Leave).await;
        let back = Joined {
            user: bob.clone(),
            role: Role::Member,
        };
        let back = Action::AddMembers(vec![back]);
        let joined = appended(&world.done(&ann, room, back).await)[0].seq;
        let view = world.store.conversation(&person(&bob), room).await;
        let view = view.expect("a member sees it");
        assert_eq!(view.last_message, None, "all that was said was before");
        let inbox = world.store.inbox(&bob, None, 9).await;
        assert_eq!(inbox.expect("he is known").conversations, [view]);
        let edit = Action::Amend(NewAmendment {
            target: before,
            client_id: None,
            wish: Wish::Edit {
                text: "of before".to_owned(),
                mentions: Some(Mentions::All),
            },
        });
        Self {
            edited: appended(&world.done(&ann, room, edit).await)[0].seq,
            after: [
                world.say(&ann, room, "one").await,
                world.say(&ann, room, "two").await,
                world.say(&ann, room, "three").await,
            ],
            ann,
            bob,
            room,
            before,
            joined,
        }
    }
}

/// A page of before begins where the reader came, without a hole, and says so.
pub async fn events_begin_where_the_newcomer_came<E: Engine>(world: World<E>) {
    let Newcomer {
        bob,
        room,
        before,
        joined,
        edited,
        after,
        ..
    } = Newcomer::come(&world).await;
    let store = &world.store;
    let (bob_sees, all) = (person(&bob), Caller::Administrator);
    for place in [Seq::ZERO, before, joined.previous()] {
        let page = store
            .events_after(&bob_sees, room, place, WHOLE)
            .await
            .expect("it is there");
        assert_eq!(page.visible_from, Some(joined));
        assert_eq!(page.events[0].seq, joined, "no hole after {place}");
        let hidden = page
            .events
            .iter()
            .find(|event| event.seq == edited)
            .expect("it is there");
        assert_eq!(hidden.body.text_bytes(), 0, "{hidden:?}");
        let shown = world.events(room).await;
        let shown = shown.into_iter().filter(|event| event.seq >= joined);
        let mut shown: Vec<_> = shown.collect();
        shown
            .iter_mut()
            .filter(|event| event.seq == edited)
            .for_each(|event| event.body.redact());
        assert_eq!(page.events, shown);
    }
    let rest = store
        .events_after(&bob_sees, room, after[0], WHOLE)
        .await
        .expect("it is there");
    assert_eq!(rest.events.len(), 2);
    let everything = store
        .events_after(&all, room, Seq::ZERO, WHOLE)
        .await
        .expect("it is there");
    assert_eq!(
        (everything.events.len() as u64, everything.visible_from),
        (everything.head.get(), None)
    );
}

/// In every window, and with pages that are full.
pub async fn messages_of_before_are_in_no_page<E: Engine>(world: World<E>) {
    let Newcomer {
        bob,
        room,
        before,
        after,
        ..
    } = Newcomer::come(&world).await;
    let store = &world.store;
    let bob_sees = person(&bob);
    let windows = [
        (Window::Latest, &after[..]),
        (Window::Before(after[1]), &after[..1]),
        (Window::Before(before.next()), &[]),
        (Window::After(Seq::ZERO), &after[..]),
        (Window::Around(before), &after[..]),
    ];
    for (window, expected) in windows {
        let page = store
            .messages(&bob_sees, room, window, WHOLE)
            .await
            .expect("it is there");
        let seqs: Vec<_> = page.messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, expected, "{window:?}");
        assert!(!page.more, "{window:?}");
    }
    let small = PageLimits {
        entries_max: 2,
        ..WHOLE
    };
    let page = store
        .messages(&bob_sees, room, Window::Latest, small)
        .await
        .expect("it is there");
    assert_eq!((page.messages.len(), page.more), (2, true));
    let page = store
        .messages(&bob_sees, room, Window::Before(after[1]), small)
        .await
        .expect("it is there");
    assert_eq!((page.messages.len(), page.more), (1, false));
}

/// What is hidden is not counted, not answered and not changed, and answers as if it were not there.
pub async fn what_is_hidden_is_as_if_it_were_not_there<E: Engine>(world: World<E>) {
    let Newcomer {
        bob,
        room,
        before,
        joined,
        ..
    } = Newcomer::come(&world).await;
    let store = &world.store;
    let bob_sees = person(&bob);
    assert_eq!(
        store
            .readers(&bob_sees, room, before, 9)
            .await
            .expect("it is there"),
        Receipts::default()
    );
    assert_eq!(
        store
            .readers(&bob_sees, room, joined, 9)
            .await
            .expect("it is there")
            .readers
            .len(),
        1
    );
    let mentions = store
        .mentions(&bob, None, WHOLE)
        .await
        .expect("it is there");
    assert_eq!(mentions.mentions, []);
    let (_, counts) = store.counts(&bob, room).await.expect("it is there");
    assert_eq!((counts.unread, counts.mentions), (3, 0));
    let below = world.done(&bob, room, Action::MoveCursor(seq(1))).await;
    assert!(
        matches!(below, Outcome::Cursor { cursor, .. } if cursor.read == joined && !cursor.moved)
    );

    let mut answer = world.message("that one");
    answer.reply_to = Some(before);
    let answer = world.command(&bob, room, Action::Send(answer));
    assert_eq!(refused(world.commit(answer).await), RefusalCode::Invalid);
    let react = world.command(
        &bob,
        room,
        Action::Amend(NewAmendment {
            target: before,
            client_id: None,
            wish: Wish::Pin { on: true },
        }),
    );
    assert_eq!(refused(world.commit(react).await), RefusalCode::NotFound);
    let versions = store
        .versions(&bob_sees, room, before, Seq::ZERO, WHOLE)
        .await;
    assert_eq!(read_refusal(versions).code, RefusalCode::NotFound);
}

/// Each sees what there is since they came themselves, and everything again without the rule.
pub async fn the_rule_counts_when_something_is_read<E: Engine>(world: World<E>) {
    let Newcomer { ann, bob, room, .. } = Newcomer::come(&world).await;
    let store = &world.store;
    let page = store
        .events_after(&person(&ann), room, Seq::ZERO, WHOLE)
        .await
        .expect("it is there");
    assert_eq!(page.visible_from, Some(seq(2)));
    world
        .done(&ann, room, shown_to_newcomers(History::All))
        .await;
    let page = store
        .events_after(&person(&bob), room, Seq::ZERO, WHOLE)
        .await
        .expect("it is there");
    assert_eq!(
        (page.events, page.visible_from),
        (world.events(room).await, None)
    );
}

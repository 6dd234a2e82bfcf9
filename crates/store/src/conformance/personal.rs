//! What people keep of conversations for themselves.

use tidemark_core::access::Caller;
use tidemark_core::conversation::Action;
use tidemark_core::personal::{Draft, Personal, PersonalChange, Versioned};
use tidemark_core::{ConversationId, RefusalCode, Seq, Timestamp, UserId};

use super::world::{WHOLE, seq, user_id};
use super::{Engine, World};
use crate::{CommitError, PageLimits, PersonalChanged, PersonalPage, Store};

fn draft(text: &str) -> PersonalChange {
    PersonalChange {
        draft: Some(Some(Draft {
            text: text.to_owned(),
            reply_to: None,
        })),
        ..PersonalChange::default()
    }
}

fn archive(archived: bool) -> PersonalChange {
    PersonalChange {
        archived: Some(archived),
        ..PersonalChange::default()
    }
}

fn mark(place: u64) -> PersonalChange {
    PersonalChange {
        marked_unread_at: Some(Some(seq(place))),
        ..PersonalChange::default()
    }
}

impl<E: Engine> World<E> {
    async fn keep(
        &self,
        user: &UserId,
        room: ConversationId,
        change: PersonalChange,
    ) -> PersonalChanged {
        let changed = self.store.change_personal(user, room, change).await;
        changed.expect("the change is accepted")
    }

    async fn changes(&self, user: &UserId, after: u64) -> PersonalPage {
        let page = self.store.personal_changes(user, after, WHOLE).await;
        page.expect("a page")
    }

    /// What the view of a conversation says, and the inbox with it.
    async fn kept(&self, user: &UserId, room: ConversationId) -> Versioned {
        let caller = Caller::User(user.clone());
        let view = self.store.conversation(&caller, room).await;
        let kept = view.expect("a member sees it").personal;
        let inbox = self.store.inbox(user, None, 100).await.expect("an inbox");
        let mut entries = inbox.conversations.into_iter();
        let entry = entries.find(|entry| entry.conversation.id == room);
        assert_eq!(entry.expect("an entry").personal, kept);
        kept
    }
}

/// What is set is there, field by field, and each change that is one has the next version.
pub async fn a_change_leaves_what_it_does_not_name<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let said = world.say(&bob, room, "hello").await;
    let first = PersonalChange {
        muted_until: Some(Some(Timestamp(0))),
        favourite: Some(true),
        marked_unread_at: Some(Some(said)),
        draft: Some(Some(Draft {
            text: "wörds \0 and \u{FFFF}".to_owned(),
            reply_to: Some(said),
        })),
        ..PersonalChange::default()
    };
    let mut expected = Personal {
        muted_until: Some(Timestamp(0)),
        archived: false,
        favourite: true,
        marked_unread_at: Some(said),
        draft: first.draft.clone().flatten(),
    };
    let mut version = 0;
    let mut changes = vec![(first.clone(), expected.clone()), (first, expected.clone())];
    expected.archived = true;
    changes.push((archive(true), expected.clone()));
    changes.push((PersonalChange::default(), expected.clone()));
    expected.draft = None;
    changes.push((draft(""), expected.clone()));
    expected.muted_until = None;
    expected.favourite = false;
    expected.marked_unread_at = None;
    let take_away = PersonalChange {
        muted_until: Some(None),
        favourite: Some(false),
        marked_unread_at: Some(None),
        draft: Some(None),
        ..PersonalChange::default()
    };
    changes.push((take_away, expected.clone()));
    let mut before = Personal::default();
    for (change, expected) in changes {
        let differs = expected != before;
        version += u64::from(differs);
        let state = Versioned {
            version,
            personal: expected.clone(),
        };
        let answer = world.keep(&ann, room, change).await;
        assert_eq!(
            (answer.state.clone(), answer.changed),
            (state.clone(), differs)
        );
        assert_eq!(
            world.changes(&ann, version - 1).await.changes,
            [(room, state.clone())]
        );
        let mut shown = state;
        shown.personal.draft = None;
        assert_eq!(world.kept(&ann, room).await, shown, "a view has no draft");
        before = expected;
    }
    assert_eq!(version, 4);
    assert_eq!(world.kept(&bob, room).await, Versioned::default());
    assert_eq!(world.changes(&bob, 0).await.changes, []);
}

/// Whoever may not see a conversation hears what an unknown id hears; whoever only sees it may keep nothing.
pub async fn only_members_keep_something<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let private = world.group(&ann, &[]).await;
    let public = world.public_channel(&ann, &[]).await;
    let unknown = world.conversation_id();
    let nobody = user_id("nobody");
    for (user, room, expected) in [
        (&bob, private, RefusalCode::NotFound),
        (&bob, unknown, RefusalCode::NotFound),
        (&bob, public, RefusalCode::Forbidden),
        (&nobody, private, RefusalCode::NotFound),
    ] {
        match world.store.change_personal(user, room, archive(true)).await {
            Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code, expected),
            other => panic!("expected a refusal, not {other:?}"),
        }
        let page = world.changes(user, 0).await;
        assert_eq!((page.version, page.more, page.changes), (0, false, vec![]));
    }
}

/// A change that the rules refuse changes nothing, not even the version.
pub async fn a_refused_change_changes_nothing<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let head = world.head(room).await;
    let kept = world.keep(&ann, room, draft("kept")).await.state;
    let answer = |text: &str, reply_to| PersonalChange {
        favourite: Some(true),
        draft: Some(Some(Draft {
            text: text.to_owned(),
            reply_to,
        })),
        ..PersonalChange::default()
    };
    let early = PersonalChange {
        muted_until: Some(Some(Timestamp(-1))),
        ..archive(true)
    };
    for (change, expected) in [
        (early, RefusalCode::Invalid),
        (mark(0), RefusalCode::Invalid),
        (mark(head.get() + 1), RefusalCode::Invalid),
        (answer("hi", Some(Seq::ZERO)), RefusalCode::Invalid),
        (answer("hi", Some(head.next())), RefusalCode::Invalid),
        (
            answer(&"x".repeat(16 * 1024 + 1), None),
            RefusalCode::TooLarge,
        ),
    ] {
        match world.store.change_personal(&ann, room, change).await {
            Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code, expected),
            other => panic!("expected a refusal, not {other:?}"),
        }
    }
    assert_eq!(world.changes(&ann, 0).await.changes, [(room, kept)]);
    let longest = world.keep(&ann, room, answer(&"x".repeat(16 * 1024), None));
    assert_eq!(longest.await.state.version, 2);
}

/// A mark holds until its owner reads on or writes; what others do does not touch it.
pub async fn a_mark_ends_by_reading_or_writing<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let said = world.say(&bob, room, "hello").await;
    world.done(&ann, room, Action::MoveCursor(said)).await;
    let marked = async || world.kept(&ann, room).await.personal.marked_unread_at;
    world.keep(&ann, room, archive(true)).await;

    world.keep(&ann, room, mark(said.get())).await;
    let next = world.say(&bob, room, "more").await;
    world.done(&bob, room, Action::MoveCursor(next)).await;
    world.done(&ann, room, Action::MoveCursor(said)).await;
    assert_eq!(
        marked().await,
        Some(said),
        "the cursor stands where it stood"
    );
    world.done(&ann, room, Action::MoveCursor(next)).await;
    assert_eq!(marked().await, None);
    assert!(world.kept(&ann, room).await.personal.archived);

    world.keep(&ann, room, mark(said.get())).await;
    assert_eq!(marked().await, Some(said), "the same mark again is news");
    world.say(&ann, room, "my own").await;
    assert_eq!(marked().await, None);
    let page = world.changes(&ann, 0).await;
    assert_eq!(page.changes[0].1.personal.marked_unread_at, None);
    let changed = world.keep(&ann, room, draft("begun")).await;
    assert_eq!(changed.state.personal.marked_unread_at, None);
    assert_eq!(marked().await, None);
}

/// Whoever leaves drops what they kept, and has nothing when they are back.
pub async fn a_later_membership_begins_anew<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[&bob]).await;
    let other = world.group(&ann, &[&bob]).await;
    world.keep(&bob, room, draft("of before")).await;
    world.keep(&bob, other, archive(true)).await;
    world.keep(&ann, room, draft("of ann")).await;
    world.done(&bob, room, Action::Leave).await;
    let rooms = |page: PersonalPage| {
        page.changes
            .into_iter()
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    assert_eq!(rooms(world.changes(&bob, 0).await), [other]);
    world.done(&bob, room, Action::Join).await;
    assert_eq!(world.kept(&bob, room).await, Versioned::default());
    assert_eq!(rooms(world.changes(&bob, 0).await), [other]);
    let again = world.keep(&bob, room, archive(true)).await;
    assert_eq!((again.state.version, again.state.personal.draft), (3, None));
    world
        .done(&ann, room, Action::RemoveMember(bob.clone()))
        .await;
    assert_eq!(rooms(world.changes(&bob, 0).await), [other]);
    assert_eq!(world.changes(&ann, 0).await.changes.len(), 1);
}

/// A device that asks from page to page, and from the last version on, holds the last state of everything.
pub async fn pages_of_changes_join_into_all_of_them<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let mut rooms = Vec::new();
    for n in 0..9 {
        let room = world.group(&ann, &[]).await;
        rooms.push(room);
        world.keep(&ann, room, draft(&format!("draft {n}"))).await;
    }
    world.keep(&ann, rooms[4], draft("a new one")).await;
    let all = world.changes(&ann, 0).await;
    assert_eq!((all.version, all.more, all.changes.len()), (10, false, 9));
    assert_eq!(all.changes[8].0, rooms[4], "in the order of versions");
    let sizes = [
        (1, usize::MAX),
        (4, usize::MAX),
        (9, usize::MAX),
        (100, 20),
        (100, 1),
    ];
    for (entries_max, text_bytes_max) in sizes {
        let limits = PageLimits {
            entries_max,
            text_bytes_max,
        };
        let (mut walked, mut after) = (Vec::new(), 0);
        loop {
            let page = world.store.personal_changes(&ann, after, limits).await;
            let page = page.expect("a page");
            assert!(page.changes.len() <= entries_max && page.version > after);
            walked.extend(page.changes);
            after = page.version;
            if !page.more {
                break;
            }
        }
        assert_eq!((walked, after), (all.changes.clone(), 10));
    }
    for after in [10, 11, u64::MAX] {
        let page = world.changes(&ann, after).await;
        assert_eq!((page.changes, page.version, page.more), (vec![], 10, false));
    }
}

/// Changes of several devices at once: none is lost, and each has a version of its own.
pub async fn changes_at_once_are_all_kept<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(world.group(&ann, &[]).await);
    }
    let mut devices = tokio::task::JoinSet::new();
    for room in rooms.clone() {
        let wishes = [
            archive(true),
            draft("begun"),
            PersonalChange {
                favourite: Some(true),
                ..PersonalChange::default()
            },
        ];
        for wish in wishes {
            let (store, ann) = (std::sync::Arc::clone(&world.store), ann.clone());
            devices.spawn(async move { store.change_personal(&ann, room, wish).await });
        }
    }
    let mut versions = Vec::new();
    while let Some(done) = devices.join_next().await {
        let changed = done.expect("no panic").expect("accepted");
        versions.push(changed.state.version);
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=9).collect::<Vec<_>>());
    let page = world.changes(&ann, 0).await;
    assert_eq!((page.version, page.changes.len()), (9, 3));
    for (_, state) in page.changes {
        assert!(state.personal.archived && state.personal.favourite);
        assert!(state.personal.draft.is_some());
    }
}

/// What was answered is there after a kill.
pub async fn what_is_kept_survives_a_kill<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let kept = world.keep(&ann, room, draft("begun")).await.state;
    world.kill_and_reopen();
    let page = world.changes(&ann, 0).await;
    assert_eq!((page.version, page.changes), (1, vec![(room, kept)]));
    world.reopen().await;
    assert_eq!(world.keep(&ann, room, archive(true)).await.state.version, 2);
}

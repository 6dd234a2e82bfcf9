//! Uploads, and the messages that show them.

use futures_util::future::join_all;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, EventBody, History, Joined, Message, NewAmendment, NewMessage, Role, RulesChange,
    SettingsChange, Wish,
};
use tidemark_core::upload::{
    MadeFile, MediaFacts, NewUpload, Upload, UploadChange, UploadState, Variant,
};
use tidemark_core::{ConversationId, RefusalCode, Seq, Timestamp, UploadId, UserId};

use super::Engine;
use super::world::{WHOLE, World, appended, refused, user_id};
use crate::{CommitError, Outcome, ReadError, Store, UploadChanged, Uploads, Window};

const SIZE: u64 = 1_000;
const LATER: Timestamp = Timestamp(i64::MAX);

impl<E: Engine> World<E> {
    fn new_upload(&self, owner: &UserId, name: &str) -> NewUpload {
        let at = self.now();
        NewUpload {
            id: UploadId(self.id()),
            owner: owner.clone(),
            name: name.to_owned(),
            content_type: "image/png".to_owned(),
            size: SIZE,
            sha256: None,
            at,
            expires_at: Timestamp(at.0 + 1_000),
        }
    }

    async fn announce(&self, owner: &UserId) -> UploadId {
        let new = self.new_upload(owner, "cat.png");
        let begun = self.store.begin_upload(new).await;
        begun.expect("the upload begins").id
    }

    async fn change(&self, id: UploadId, change: UploadChange) -> UploadChanged {
        let changed = self.store.change_upload(id, change).await;
        changed.expect("the upload takes the change")
    }

    /// An upload whose bytes have come.
    async fn uploaded(&self, owner: &UserId) -> UploadId {
        let id = self.announce(owner).await;
        self.change(id, arrived(self.now())).await;
        id
    }

    async fn ready(&self, owner: &UserId) -> UploadId {
        let id = self.uploaded(owner).await;
        self.change(id, UploadChange::ScanBegan).await;
        self.change(id, found()).await;
        id
    }

    fn showing(&self, uploads: &[UploadId]) -> NewMessage {
        NewMessage {
            attachments: uploads.to_vec(),
            ..self.message("")
        }
    }

    async fn show(&self, user: &UserId, room: ConversationId, uploads: &[UploadId]) -> Seq {
        let action = Action::Send(self.showing(uploads));
        appended(&self.done(user, room, action).await)[0].seq
    }

    async fn delete(&self, user: &UserId, room: ConversationId, target: Seq) {
        let wish = NewAmendment {
            target,
            client_id: None,
            wish: Wish::Delete,
        };
        self.done(user, room, Action::Amend(wish)).await;
    }

    async fn upload_now(&self, id: UploadId) -> Upload {
        let upload = self.store.upload(id).await.expect("it can be asked for");
        upload.expect("there is such an upload")
    }

    /// Whether this one gets the upload.
    async fn gets(&self, caller: &Caller, id: UploadId) -> bool {
        match self.store.upload_for(caller, id).await {
            Ok(upload) => {
                assert_eq!(upload.id, id);
                true
            }
            Err(ReadError::Refused(refusal)) => {
                assert_eq!(refusal, tidemark_core::Refusal::no_such_upload());
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A message as a page of events and one of the timeline have it, which is the same.
    async fn shown(&self, room: ConversationId, place: Seq) -> Message {
        let events = self.events(room).await;
        let event = events.into_iter().find(|event| event.seq == place);
        let EventBody::Message(message) = event.expect("an event").body else {
            panic!("no message at {place}");
        };
        let all = Caller::Administrator;
        let around = Window::Around(place);
        let page = self.store.messages(&all, room, around, WHOLE).await;
        let mut messages = page.expect("a page").messages.into_iter();
        let of_page = messages.find(|it| it.seq == place).expect("a message");
        assert_eq!(of_page.message, message);
        message
    }

    async fn expired(&self) -> Vec<UploadId> {
        let expired = self.store.uploads_expired(LATER, 100).await;
        let mut ids: Vec<_> = expired
            .expect("they can be asked for")
            .iter()
            .map(|it| it.id)
            .collect();
        ids.sort_unstable();
        ids
    }
}

fn arrived(at: Timestamp) -> UploadChange {
    UploadChange::Arrived {
        expires_at: Timestamp(at.0 + 1_000_000),
    }
}

fn facts() -> MediaFacts {
    MediaFacts {
        width: Some(640),
        height: Some(480),
        duration_ms: Some(1_234),
        blur: Some("LEHV6nWB2yk8".to_owned()),
        waveform: Some(vec![0, 128, 255]),
        files: vec![MadeFile {
            variant: Variant::Thumbnail,
            content_type: "image/jpeg".to_owned(),
            width: Some(64),
            height: Some(48),
        }],
    }
}

fn found() -> UploadChange {
    UploadChange::Ready {
        content_type: "image/webp".to_owned(),
        facts: facts(),
    }
}

fn person(user: &UserId) -> Caller {
    Caller::User(user.clone())
}

/// What was announced is there after a kill, on the pages of its owner, and counts for the share of its owner.
pub async fn an_upload_is_kept_as_it_was_announced<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let mut ids = Vec::new();
    for name in ["one.png", "two.png", "drei 🐈.png"] {
        let mut new = world.new_upload(&ann, name);
        new.sha256 = Some([9; 32]);
        let begun = world.store.begin_upload(new.clone()).await.expect("begins");
        assert_eq!(begun.state, UploadState::Waiting);
        assert_eq!(begun.content, new.id);
        assert_eq!((&*begun.name, begun.size), (name, SIZE));
        ids.push(begun);
    }
    world.kill_and_reopen();
    for begun in &ids {
        assert_eq!(world.upload_now(begun.id).await, *begun);
    }
    assert_eq!(world.store.upload(UploadId(world.id())).await, Ok(None));
    let mut listed = Vec::new();
    loop {
        let before = listed.last().map(|upload: &Upload| upload.id);
        let page = world.store.uploads_of(&ann, before, 2).await.expect("page");
        assert_eq!((page.held.count, page.held.bytes), (3, 3 * SIZE));
        listed.extend(page.uploads);
        if !page.more {
            break;
        }
    }
    ids.reverse();
    assert_eq!(listed, ids);
    let none = world.store.uploads_of(&bob, None, 2).await.expect("a page");
    assert_eq!((none.uploads.len(), none.held.count), (0, 0));
    let unknown = user_id("nobody");
    let none = world.store.uploads_of(&unknown, None, 2).await;
    assert_eq!(none.expect("a page").uploads, []);
    // An API key uploads, too.
    let server = UserId::administrator();
    let id = world.announce(&server).await;
    assert_eq!(world.upload_now(id).await.owner, server);
}

/// What is over the share of an owner is refused, and what is refused or gone counts no more.
pub async fn nobody_has_more_than_their_share<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let limits = tidemark_core::Limits::default();
    let mut large = world.new_upload(&ann, "large");
    large.size = limits.upload_bytes_max;
    let most = limits.upload_quota_bytes / large.size;
    let mut last = large.id;
    for _ in 0..most {
        let next = NewUpload {
            id: UploadId(world.id()),
            ..large.clone()
        };
        last = next.id;
        world.store.begin_upload(next).await.expect("it begins");
    }
    let one_more = world.store.begin_upload(large.clone()).await;
    match one_more {
        Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::TooLarge),
        other => panic!("expected a refusal, not {other:?}"),
    }
    world.change(last, UploadChange::Deleting).await;
    world
        .store
        .begin_upload(large)
        .await
        .expect("there is room again");
}

/// Each step is durable; what is to be looked at is listed in the order in which it waits, and what is over is, too.
pub async fn a_life_is_kept_step_by_step<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let first = world.announce(&ann).await;
    let parts = UploadChange::PartsBegan("parts-7".to_owned());
    assert!(world.change(first, parts.clone()).await.changed);
    assert!(!world.change(first, parts).await.changed);
    assert_eq!(
        world.upload_now(first).await.parts.as_deref(),
        Some("parts-7")
    );
    world.change(first, arrived(world.now())).await;
    let second = world.uploaded(&ann).await;
    world.announce(&ann).await;
    let due = async |world: &World<E>, now: i64| {
        let due = world.store.uploads_due(Timestamp(now), 10).await;
        due.expect("they can be asked for")
            .iter()
            .map(|it| it.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&world, 5).await, [first, second]);
    world.change(first, UploadChange::ScanBegan).await;
    let until = Timestamp(10);
    let put_off = world.change(first, UploadChange::PutOff { until }).await;
    assert_eq!(put_off.upload.attempts, 1);
    assert_eq!(due(&world, 9).await, [second]);
    assert_eq!(due(&world, 10).await, [second, first]);
    world.kill_and_reopen();
    assert_eq!(world.upload_now(first).await, put_off.upload);
    world.change(first, UploadChange::ScanBegan).await;
    let ready = world.change(first, found()).await.upload;
    assert_eq!(
        (&*ready.content_type, &ready.facts),
        ("image/webp", &facts())
    );
    world.change(second, UploadChange::ScanBegan).await;
    let reason = "harmful \u{0} thing".to_owned();
    world.change(second, UploadChange::Refused { reason }).await;
    world.reopen().await;
    assert_eq!(world.upload_now(first).await, ready);
    let refused = world.upload_now(second).await;
    assert_eq!(refused.state, UploadState::Refused);
    assert!(
        refused
            .reason
            .is_some_and(|reason| reason.starts_with("harmful"))
    );
    assert_eq!(due(&world, i64::MAX).await, []);

    let unknown = UploadId(world.id());
    let changed = world.store.change_upload(unknown, UploadChange::ScanBegan);
    match changed.await {
        Err(CommitError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::NotFound),
        other => panic!("expected a refusal, not {other:?}"),
    }
}

/// What a message shows is written with it and says what becomes of the upload, however it is read.
pub async fn a_message_says_what_becomes_of_what_it_shows<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let other_room = world.group(&ann, &[]).await;
    let (early, late) = (world.uploaded(&ann).await, world.ready(&ann).await);
    let place = world.show(&ann, room, &[late, early, late]).await;
    let elsewhere = world.show(&ann, other_room, &[early]).await;
    let message = world.shown(room, place).await;
    let shown: Vec<_> = message.attachments.iter().map(|it| it.upload).collect();
    assert_eq!(
        shown,
        [late, early],
        "each once, in the order of the sender"
    );
    assert_eq!(
        message.attachments[0],
        world.upload_now(late).await.attachment()
    );
    assert_eq!(message.attachments[1].state, UploadState::Uploaded);
    assert_eq!(world.upload_now(early).await.expires_at, None);

    world.change(early, UploadChange::ScanBegan).await;
    let changed = world.change(early, found()).await;
    let mut everywhere = vec![(room, place), (other_room, elsewhere)];
    everywhere.sort_unstable();
    assert_eq!(changed.shown, everywhere);
    world.kill_and_reopen();
    for (room, place) in everywhere {
        let message = world.shown(room, place).await;
        let known = message.attachments.iter().find(|it| it.upload == early);
        assert_eq!(known, Some(&changed.upload.attachment()));
        assert_eq!(known.expect("it is shown").facts, facts());
    }
}

/// Only what is one's own and there can be shown; everything else is as if it did not exist.
pub async fn a_message_shows_what_is_its_senders<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let (foreign, waiting) = (world.ready(&bob).await, world.announce(&ann).await);
    let unknown = UploadId(world.id());
    let gone = world.ready(&ann).await;
    world.change(gone, UploadChange::Deleting).await;
    for (uploads, code) in [
        (vec![foreign], RefusalCode::Invalid),
        (vec![unknown], RefusalCode::Invalid),
        (vec![gone], RefusalCode::Invalid),
        (vec![waiting], RefusalCode::Conflict),
        (vec![foreign; 11], RefusalCode::TooLarge),
        (vec![], RefusalCode::Invalid),
    ] {
        let action = Action::Send(world.showing(&uploads));
        let outcome = world.commit(world.command(&ann, room, action)).await;
        assert_eq!(refused(outcome), code, "{uploads:?}");
    }
    let (one, other) = (world.ready(&ann).await, world.ready(&ann).await);
    let message = world.showing(&[one]);
    let sent = world.done(&ann, room, Action::Send(message.clone())).await;
    let place = appended(&sent)[0].seq;
    let again = world.done(&ann, room, Action::Send(message.clone())).await;
    assert!(matches!(again, Outcome::Repeated { seq, .. } if seq == place));
    for uploads in [vec![other], vec![one, other], vec![]] {
        let mut contradiction = message.clone();
        contradiction.attachments = uploads;
        let command = world.command(&ann, room, Action::Send(contradiction));
        let outcome = world.commit(command).await;
        assert_eq!(refused(outcome), RefusalCode::Conflict);
    }
}

/// A deletion takes what was shown along, wherever the message is read; what nothing shows any more is over.
pub async fn a_deletion_takes_what_was_shown_along<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let (once, twice) = (world.ready(&ann).await, world.ready(&ann).await);
    let first = world.show(&ann, room, &[once, twice]).await;
    let second = world.show(&ann, room, &[twice]).await;
    assert_eq!(world.expired().await, []);
    let in_the_way = world
        .store
        .change_upload(once, UploadChange::Deleting)
        .await;
    assert!(
        matches!(in_the_way, Err(CommitError::Refused(refusal)) if refusal.code == RefusalCode::Conflict)
    );
    world.delete(&ann, room, first).await;
    let gone = world.shown(room, first).await;
    assert!(gone.is_redacted() && gone.attachments.is_empty());
    world.kill_and_reopen();
    assert_eq!(world.expired().await, [once]);
    // It is over at once, and not when it would have been had nothing shown it.
    let now = world.store.uploads_expired(world.now(), 10).await;
    assert_eq!(now.expect("they can be asked for").len(), 1);
    world.delete(&ann, room, second).await;
    assert_eq!(world.expired().await, [once, twice]);

    let contents = [once, twice];
    let used = async |world: &World<E>| world.store.contents_in_use(&contents).await;
    assert_eq!(used(&world).await.map(|it| it.len()), Ok(2));
    world
        .store
        .forget_upload(once)
        .await
        .expect("nothing happens");
    assert!(world.gets(&person(&ann), once).await);
    world.change(once, UploadChange::Deleting).await;
    assert_eq!(used(&world).await, Ok(vec![twice]));
    assert!(!world.gets(&person(&ann), once).await);
    let late = world.store.change_upload(once, arrived(world.now())).await;
    assert!(
        matches!(late, Err(CommitError::Refused(refusal)) if refusal.code == RefusalCode::NotFound)
    );
    world.kill_and_reopen();
    assert_eq!(world.expired().await, [once, twice]);
    world
        .store
        .forget_upload(once)
        .await
        .expect("it is forgotten");
    assert_eq!(world.store.upload(once).await, Ok(None));
    assert_eq!(world.expired().await, [twice]);
}

/// An upload is for whoever sees a message that shows it.
pub async fn an_upload_is_for_those_who_see_it<E: Engine>(world: World<E>) {
    let [ann, bob, cem] = world.people(["ann", "bob", "cem"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let upload = world.ready(&ann).await;
    let ends = async |wanted: [bool; 3]| {
        for (user, wanted) in [&ann, &bob, &cem].into_iter().zip(wanted) {
            assert_eq!(world.gets(&person(user), upload).await, wanted, "{user}");
        }
        assert!(world.gets(&Caller::Administrator, upload).await);
    };
    ends([true, false, false]).await;
    let place = world.show(&ann, room, &[upload]).await;
    ends([true, true, false]).await;
    world.done(&bob, room, Action::Leave).await;
    ends([true, false, false]).await;

    // Who comes later sees what was before, until they are not to.
    let bring = |user: &UserId| {
        Action::AddMembers(vec![Joined {
            user: user.clone(),
            role: Role::Guest,
        }])
    };
    world.done(&ann, room, bring(&cem)).await;
    ends([true, false, true]).await;
    let rules = RulesChange {
        history: Some(History::SinceJoined),
        ..RulesChange::default()
    };
    let hidden = SettingsChange {
        rules,
        ..SettingsChange::default()
    };
    world.done(&ann, room, Action::ChangeSettings(hidden)).await;
    ends([true, false, false]).await;
    let again = world.show(&ann, room, &[upload]).await;
    ends([true, false, true]).await;
    world.delete(&ann, room, again).await;
    ends([true, false, false]).await;
    world.delete(&ann, room, place).await;
    ends([true, false, false]).await;
    assert!(!world.gets(&person(&ann), UploadId(world.id())).await);
}

/// The same bytes of one owner are kept once, and go when the last that has them does.
pub async fn the_same_bytes_are_kept_once<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let digest = [5; 32];
    let first = world.uploaded(&ann).await;
    world.change(first, UploadChange::ScanBegan).await;
    world.change(first, UploadChange::Identified(digest)).await;
    world.change(first, found()).await;
    // Known before they are sent.
    let mut known = world.new_upload(&ann, "again.png");
    known.sha256 = Some(digest);
    let known = world.store.begin_upload(known).await.expect("it begins");
    assert_eq!((known.state, known.content), (UploadState::Ready, first));
    assert_eq!((&*known.name, known.facts), ("again.png", facts()));
    // Found out after.
    let late = world.uploaded(&ann).await;
    world.change(late, UploadChange::ScanBegan).await;
    let late = world.change(late, UploadChange::Identified(digest)).await;
    assert_eq!(
        (late.upload.state, late.upload.content),
        (UploadState::Ready, first)
    );
    // Not of somebody else.
    let foreign = world.uploaded(&bob).await;
    world.change(foreign, UploadChange::ScanBegan).await;
    let foreign = world
        .change(foreign, UploadChange::Identified(digest))
        .await;
    assert_eq!(foreign.upload.state, UploadState::Scanning);

    for id in [first, known.id, late.upload.id] {
        let used = world.store.contents_in_use(&[first]).await;
        assert_eq!(used, Ok(vec![first]));
        world.change(id, UploadChange::Deleting).await;
    }
    assert_eq!(world.store.contents_in_use(&[first]).await, Ok(vec![]));
    // And who comes after that brings them along.
    let mut new = world.new_upload(&ann, "new.png");
    new.sha256 = Some(digest);
    let new = world.store.begin_upload(new).await.expect("it begins");
    assert_eq!((new.state, new.content), (UploadState::Waiting, new.id));
}

/// Whatever comes at the same time, each message says in the end what the upload is.
pub async fn changes_and_messages_at_once_agree<E: Engine>(world: World<E>) {
    const MESSAGES: usize = 12;
    let [ann] = world.people(["ann"]).await;
    for _ in 0..4 {
        let room = world.group(&ann, &[]).await;
        let other_room = world.group(&ann, &[]).await;
        let upload = world.uploaded(&ann).await;
        let messages = join_all((0..MESSAGES).map(async |number| {
            let room = if number % 2 == 0 { room } else { other_room };
            let place = world.show(&ann, room, &[upload]).await;
            if number % 3 == 0 {
                world.delete(&ann, room, place).await;
                return None;
            }
            Some((room, place))
        }));
        let changes = async {
            world.change(upload, UploadChange::ScanBegan).await;
            world.change(upload, found()).await;
        };
        let (messages, ()) = tokio::join!(messages, changes);
        let mut shown: Vec<_> = messages.into_iter().flatten().collect();
        shown.sort_unstable();
        let known = world.change(upload, UploadChange::ScanBegan).await;
        assert_eq!(known.shown, shown);
        for (room, place) in shown {
            let message = world.shown(room, place).await;
            assert_eq!(message.attachments, [known.upload.attachment()]);
        }
    }
}

//! Engines are compared to the model: the same history, the same outcomes, the same answers.

mod script;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidemark_store::conformance::{Engine, Snapshot};
use tidemark_store::{Directory, NewAccount, ProfileChange, Store};

use self::script::{PERSON_NAMES, Step, conversation, people, steps};
use crate::engines::{MemoryEngine, PostgresEngine, SqliteEngine};

/// One engine in the middle of a script.
struct Actor<E: Engine> {
    engine: E,
    store: E::Store,
}

impl<E: Engine> Actor<E> {
    fn create() -> Self {
        let (engine, store) = E::create();
        Self { engine, store }
    }

    /// Plays one step; what the store said, as text to compare.
    async fn play(&mut self, step: &Step) -> String {
        match step {
            Step::Commit(batch) => format!("{:#?}", self.store.commit(batch.clone()).await),
            Step::Register(id, at) => {
                let account = NewAccount {
                    id: id.clone(),
                    display_name: None,
                    password_hash: "$argon2id$of-a-test".to_owned(),
                    at: *at,
                };
                format!("{:?}", self.store.create_account(account).await)
            }
            Step::EnsureExternal(users, rename, at) => {
                let users = users.clone();
                let ensured = self.store.ensure_external_users(users, *rename, *at);
                format!("{:?}", ensured.await)
            }
            Step::Rename(id, name) => {
                let change = ProfileChange {
                    display_name: Some(name.clone()),
                    ..ProfileChange::default()
                };
                let renamed = self.store.update_profile(id, change);
                format!("{:?}", renamed.await)
            }
            Step::ChangePersonal(user, id, change) => {
                let changed = self.store.change_personal(user, *id, change.clone());
                format!("{:#?}", changed.await)
            }
            Step::MoveThreadCursor(user, id, root, seq) => {
                let moved = self.store.move_thread_cursor(user, *id, *root, *seq);
                format!("{:#?}", moved.await)
            }
            Step::ChangeBlock([user, other], on, at) => {
                let changed = self.store.change_block(user, other, *on, *at);
                format!("{:?}", changed.await)
            }
            Step::Reopen => {
                self.store.close().await;
                self.store = self.engine.reopen(&self.store);
                String::new()
            }
            Step::Kill => {
                self.store = self.engine.reopen_killed(&self.store);
                String::new()
            }
            question => self.ask(question).await,
        }
    }

    /// Plays a step that only reads.
    async fn ask(&self, step: &Step) -> String {
        match step {
            Step::FindUsers(prefix) => {
                format!("{:?}", self.store.users_by_prefix(prefix, 3).await)
            }
            Step::ReadEvents(caller, id, after, limits) => {
                let page = self.store.events_after(caller, *id, *after, *limits);
                format!("{:#?}", page.await)
            }
            Step::ReadMessages(caller, id, window, limits) => {
                let page = self.store.messages(caller, *id, *window, *limits);
                format!("{:#?}", page.await)
            }
            Step::ReadMembers(caller, id, after, entries_max) => {
                let members = self
                    .store
                    .members(caller, *id, after.as_ref(), *entries_max);
                format!("{:#?}", members.await)
            }
            Step::ReadReaders(caller, id, seq, entries_max) => {
                let readers = self.store.readers(caller, *id, *seq, *entries_max);
                format!("{:#?}", readers.await)
            }
            Step::ReadInvites(caller, id) => {
                format!("{:#?}", self.store.invites(caller, *id).await)
            }
            Step::ReadInvitation(caller, code, at) => {
                format!("{:#?}", self.store.invitation(caller, *code, *at).await)
            }
            Step::ReadBans(caller, id, after, entries_max) => {
                let bans = self.store.bans(caller, *id, after.as_ref(), *entries_max);
                format!("{:#?}", bans.await)
            }
            Step::ReadVersions(caller, id, [place, after], limits) => {
                let versions = self.store.versions(caller, *id, *place, *after, *limits);
                format!("{:#?}", versions.await)
            }
            Step::ReadMain(caller, id, window, limits) => {
                let page = self.store.main_messages(caller, *id, *window, *limits);
                format!("{:#?}", page.await)
            }
            Step::ReadThread(caller, id, root, window, limits) => {
                let page = self.store.thread(caller, *id, *root, *window, *limits);
                format!("{:#?}", page.await)
            }
            Step::ReadThreads(user, only, limits) => {
                // Positions differ between engines, and the snapshot compares their order.
                let page = self.store.threads(user, *only, None, *limits).await;
                let page = page.map(|page| {
                    let threads = page.threads.into_iter();
                    let threads = threads.map(|it| (it.conversation, it.root, it.standing));
                    (threads.collect::<Vec<_>>(), page.next.is_some())
                });
                format!("{page:#?}")
            }
            Step::ReadBlocks(user, after, entries_max) => {
                let blocks = self.store.blocks(user, after.as_ref(), *entries_max);
                format!("{:#?}", blocks.await)
            }
            Step::ReadAcquainted(user) => {
                let found = self.store.acquainted(user, &people()).await;
                format!("{:?}", found.map(BTreeSet::from_iter))
            }
            other => panic!("this is no question: {other:?}"),
        }
    }

    async fn snapshot(&self) -> Snapshot {
        let conversations: Vec<_> = (0..script::CONVERSATIONS).map(conversation).collect();
        Snapshot::of(&self.store, &people(), &conversations).await
    }
}

async fn play_on_both<E: Engine>(steps: Vec<Step>) {
    let mut model = Actor::<MemoryEngine>::create();
    let mut engine = Actor::<E>::create();
    let registered = PERSON_NAMES[..4].iter().zip(0..);
    let registered = registered.map(|(name, at)| Step::register(name, at));
    for step in registered.chain(steps) {
        let expected = model.play(&step).await;
        let actual = engine.play(&step).await;
        assert_same(&actual, &expected, &step);
        if step.changes() {
            let expected = model.snapshot().await;
            let actual = engine.snapshot().await;
            assert_same(&format!("{actual:#?}"), &format!("{expected:#?}"), &step);
        }
    }
}

/// Fails with the first lines that differ; a whole snapshot would hide them.
#[track_caller]
fn assert_same(actual: &str, expected: &str, step: &Step) {
    let pairs = actual.lines().zip(expected.lines());
    let same = pairs.take_while(|(actual, expected)| actual == expected);
    let same = same.count();
    let from_there = |text: &str| {
        let around = text.lines().skip(same.saturating_sub(10)).take(20);
        around.collect::<Vec<_>>().join("\n")
    };
    assert!(
        actual == expected,
        "expected:\n{}\ngot:\n{}\nfrom {step:#?}",
        from_there(expected),
        from_there(actual)
    );
}

fn play<E: Engine>(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a test can start threads");
    runtime.block_on(play_on_both::<E>(steps));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sqlite_answers_as_the_model_does(steps in steps()) {
        play::<SqliteEngine>(steps);
    }
}

proptest! {
    // Each makes a database and asks it a few thousand questions.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn postgres_answers_as_the_model_does(steps in steps()) {
        play::<PostgresEngine>(steps);
    }
}

//! Users, passwords, sessions and keys.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, ConversationKind, Joined, Role};
use tidemark_core::{RefusalCode, SessionId, UserId};

use super::world::{appended, new_conversation, refused, user_id};
use super::{Engine, World};
use crate::{
    Directory, DirectoryError, KeyPowers, NewAccount, NewApiKey, NewBot, NewSession, ProfileChange,
    SecretHash, User, UserOrigin,
};

fn account<E: Engine>(world: &World<E>, id: &str) -> NewAccount {
    NewAccount {
        id: user_id(id),
        display_name: None,
        password_hash: format!("$argon2id$of-{id}"),
        at: world.now(),
    }
}

/// A key that may do everything.
fn key<E: Engine>(world: &World<E>, name: &str, secret: u8) -> NewApiKey {
    NewApiKey {
        name: name.to_owned(),
        hash: SecretHash([secret; 32]),
        powers: KeyPowers::default(),
        at: world.now(),
    }
}

async fn external<E: Engine>(world: &World<E>, ids: &[&str]) {
    let users = ids.iter().map(|id| (user_id(id), None)).collect();
    let ensured = world
        .store
        .ensure_external_users(users, false, world.now())
        .await;
    ensured.expect("external users can be there");
}

async fn found<E: Engine>(world: &World<E>, prefix: &str, entries_max: usize) -> Vec<String> {
    let users = world.store.users_by_prefix(prefix, entries_max).await;
    let users = users.expect("users can be looked up").into_iter();
    users.map(|user| user.id.to_string()).collect()
}

/// A new account is found under its id, with what was given.
pub async fn an_account_is_found_after_registration<E: Engine>(world: World<E>) {
    let mut new = account(&world, "Ann");
    new.display_name = Some("Ann Ångström".to_owned());
    let expected = User {
        id: user_id("Ann"),
        username: "Ann".to_owned(),
        display_name: Some("Ann Ångström".to_owned()),
        avatar: None,
        origin: UserOrigin::Local,
        shows_last_seen: true,
    };
    let created = world.store.create_account(new).await;
    assert_eq!(created.as_ref(), Ok(&expected));
    assert_eq!(world.store.user(&user_id("Ann")).await, Ok(expected));
    let unknown = world.store.user(&user_id("bob")).await;
    assert_eq!(unknown, Err(DirectoryError::NotFound));
}

/// Nobody can register a name that is read as somebody else's.
pub async fn a_name_that_looks_like_another_is_taken<E: Engine>(world: World<E>) {
    world.people(["paypal", "arnie", "bob-0"]).await;
    for id in ["paypa1", "PaypaI", "amie", "bob-O"] {
        let again = world.store.create_account(account(&world, id)).await;
        assert_eq!(again, Err(DirectoryError::Taken), "{id}");
    }
    for id in ["paypals", "armie", "bob_0"] {
        let other = world.store.create_account(account(&world, id)).await;
        assert!(other.is_ok(), "{id}");
    }
}

/// Nobody registers a name that only differs in its case, also when both try at once.
pub async fn a_name_is_taken_in_any_case<E: Engine>(world: World<E>) {
    world.people(["Ann"]).await;
    for id in ["Ann", "ann", "ANN"] {
        let again = world.store.create_account(account(&world, id)).await;
        assert_eq!(again, Err(DirectoryError::Taken), "{id}");
    }
    let credentials = world.store.credentials("Ann").await;
    let kept = credentials.expect("the first account is untouched");
    assert_eq!(kept.password_hash, "$argon2id$of-a-test");
    let tasks: Vec<_> = ["bob", "Bob", "bOb", "boB"]
        .map(|id| {
            let store = Arc::clone(&world.store);
            let new = account(&world, id);
            tokio::spawn(async move { store.create_account(new).await })
        })
        .into();
    let mut made = 0;
    for task in tasks {
        match task.await.expect("the task ends") {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error, DirectoryError::Taken),
        }
    }
    assert_eq!(made, 1);
}

/// An account does not take over an external user, nor the other way round.
pub async fn local_and_external_users_never_mix<E: Engine>(world: World<E>) {
    external(&world, &["Eve"]).await;
    let same = world.store.create_account(account(&world, "Eve")).await;
    assert_eq!(same, Err(DirectoryError::Taken));
    let other_case = world.store.create_account(account(&world, "eve")).await;
    let other_case = other_case.expect("only local names are compared without case");
    external(&world, &["eve"]).await;
    assert_eq!(world.store.user(&user_id("eve")).await, Ok(other_case));
    let eve = world.store.user(&user_id("Eve")).await.expect("she stays");
    assert_eq!(eve.origin, UserOrigin::External);
    assert_eq!(eve.username, "Eve");
    let credentials = world.store.credentials("Eve").await;
    let credentials = credentials.expect("those of the account");
    assert_eq!(credentials.user, user_id("eve"));
}

/// An external user has no password, and gets none.
pub async fn an_external_user_has_no_password<E: Engine>(world: World<E>) {
    external(&world, &["eve"]).await;
    let credentials = world.store.credentials("eve").await;
    assert_eq!(
        credentials.map(|one| one.user),
        Err(DirectoryError::NotFound)
    );
    let password = "$argon2id$new".to_owned();
    let set = world.store.set_password(&user_id("eve"), password).await;
    assert_eq!(set, Err(DirectoryError::NotFound));
}

/// The embedding application's names are taken for new users, and for others only when it says so.
pub async fn display_names_of_external_users_change_only_on_request<E: Engine>(world: World<E>) {
    world.people(["ann"]).await;
    let name = async |id: &str| {
        let user = world.store.user(&user_id(id)).await;
        user.expect("the user exists").display_name
    };
    let ensure = async |names: &[(&str, Option<&str>)], rename: bool| {
        let users = names
            .iter()
            .map(|(id, name)| (user_id(id), name.map(str::to_owned)))
            .collect();
        let ensured = world
            .store
            .ensure_external_users(users, rename, world.now())
            .await;
        ensured.expect("external users can be there");
    };
    ensure(
        &[("eve", Some("Eve")), ("fay", None), ("eve", Some("Twice"))],
        false,
    )
    .await;
    assert_eq!(name("eve").await.as_deref(), Some("Eve"));
    assert_eq!(name("fay").await, None);
    ensure(&[("eve", Some("Evelyn")), ("ann", Some("Anna"))], false).await;
    assert_eq!(name("eve").await.as_deref(), Some("Eve"));
    ensure(&[("eve", Some("Evelyn")), ("ann", Some("Anna"))], true).await;
    assert_eq!(name("eve").await.as_deref(), Some("Evelyn"));
    assert_eq!(name("ann").await, None, "an account stays as it is");
}

/// What is not mentioned stays; what is taken away is gone.
pub async fn a_profile_changes_field_by_field<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let set = |text: &str| Some(Some(text.to_owned()));
    let steps = [
        (
            set("Ann"),
            set("https://a/1"),
            Some("Ann"),
            Some("https://a/1"),
        ),
        (None, set("https://a/2"), Some("Ann"), Some("https://a/2")),
        (Some(None), None, None, Some("https://a/2")),
        (None, None, None, Some("https://a/2")),
        (set("A"), Some(None), Some("A"), None),
    ];
    for (display_name, avatar, shown_name, shown_avatar) in steps {
        let change = ProfileChange {
            display_name,
            avatar,
            shows_last_seen: None,
        };
        let updated = world.store.update_profile(&ann, change).await;
        let updated = updated.expect("the user exists");
        assert_eq!(updated.display_name.as_deref(), shown_name);
        assert_eq!(updated.avatar.as_deref(), shown_avatar);
        assert!(updated.shows_last_seen);
        assert_eq!(world.store.user(&ann).await, Ok(updated));
    }
    let nobody = world
        .store
        .update_profile(&user_id("nobody"), ProfileChange::default())
        .await;
    assert_eq!(nobody, Err(DirectoryError::NotFound));
}

/// Whoever hides when they were last there does so until they say otherwise, whatever else of their profile changes.
pub async fn who_hides_when_they_were_there_is_kept<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    external(&world, &["eve"]).await;
    let everybody = [ann.clone(), bob, user_id("eve"), user_id("nobody")];
    assert_eq!(world.store.hiding_last_seen(&everybody).await, Ok(vec![]));
    let shows = |shows| ProfileChange {
        shows_last_seen: Some(shows),
        ..ProfileChange::default()
    };
    for (user, shown) in [(&ann, false), (&user_id("eve"), false), (&ann, true)] {
        let changed = world.store.update_profile(user, shows(shown)).await;
        assert_eq!(changed.map(|it| it.shows_last_seen), Ok(shown));
    }
    let eve = user_id("eve");
    let renamed = world.store.update_profile(&eve, named("Eve")).await;
    assert!(!renamed.expect("she exists").shows_last_seen);
    world.reopen().await;
    let hiding = world.store.hiding_last_seen(&everybody).await;
    assert_eq!(hiding, Ok(vec![user_id("eve")]));
    let kept = world.store.user(&user_id("eve")).await.expect("she exists");
    assert_eq!(
        (kept.shows_last_seen, kept.display_name.as_deref()),
        (false, Some("Eve"))
    );
    let found = world.store.users_by_prefix("", 10).await.expect("a list");
    let visible: Vec<_> = found.iter().map(|it| it.shows_last_seen).collect();
    assert_eq!(visible, [true, true, false]);
}

fn named(name: &str) -> ProfileChange {
    ProfileChange {
        display_name: Some(Some(name.to_owned())),
        ..ProfileChange::default()
    }
}

/// Users are found by how their ids or shown names begin, in the order of their ids.
pub async fn users_are_found_by_prefix<E: Engine>(world: World<E>) {
    let people = world.people(["anna", "Andy", "bob", "cyd"]).await;
    external(&world, &["anton", "zoe"]).await;
    let change = named("AnneMarie");
    let renamed = world.store.update_profile(&people[3], change).await;
    renamed.expect("the user exists");
    assert_eq!(
        found(&world, "an", 10).await,
        ["Andy", "anna", "anton", "cyd"]
    );
    assert_eq!(
        found(&world, "AN", 10).await,
        ["Andy", "anna", "anton", "cyd"]
    );
    assert_eq!(found(&world, "annem", 10).await, ["cyd"]);
    assert_eq!(found(&world, "an", 2).await, ["Andy", "anna"]);
    assert_eq!(found(&world, "nn", 10).await, Vec::<String>::new());
    let everybody = ["Andy", "anna", "anton", "bob", "cyd", "zoe"];
    assert_eq!(found(&world, "", 10).await, everybody);
    assert_eq!(found(&world, "", 4).await, everybody[..4]);
}

/// No character of a prefix means anything but itself, and only ASCII has no case.
pub async fn a_prefix_means_itself<E: Engine>(world: World<E>) {
    let people = world
        .people(["a_b", "axb", "ab", "d1", "d2", "d3", "d4"])
        .await;
    let names = ["100% Dee", "1000 Dees", "Ärger", "a\\b[*]"];
    for (user, name) in people[3..].iter().zip(names) {
        let renamed = world.store.update_profile(user, named(name)).await;
        renamed.expect("the user exists");
    }
    for (prefix, expected) in [
        ("a_", vec!["a_b"]),
        ("a%", vec![]),
        ("%", vec![]),
        ("_", vec![]),
        ("100%", vec!["d1"]),
        ("100", vec!["d1", "d2"]),
        ("Ä", vec!["d3"]),
        ("ä", vec![]),
        ("A\\B[", vec!["d4"]),
        ("a\\%", vec![]),
        ("*", vec![]),
        ("a'", vec![]),
    ] {
        assert_eq!(found(&world, prefix, 10).await, expected, "prefix {prefix}");
    }
}

/// What the server itself writes under is no user: not found, not listed, not to be invited.
pub async fn the_administrator_is_no_user<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let message = Action::Send(world.message("maintenance tonight"));
    let sent = world.command_of(Caller::Administrator, room, message);
    appended(&world.commit(sent).await.expect("accepted"));
    let administrator = UserId::administrator();
    let user = world.store.user(&administrator).await;
    assert_eq!(user, Err(DirectoryError::NotFound));
    assert_eq!(found(&world, "tidemark", 10).await, Vec::<String>::new());
    let invite = Action::AddMembers(vec![Joined {
        user: administrator.clone(),
        role: Role::Member,
    }]);
    let invite = world.command(&ann, room, invite);
    assert_eq!(refused(world.commit(invite).await), RefusalCode::Invalid);
    let direct = new_conversation(ConversationKind::Direct, &[&administrator]);
    let direct = world.command(&ann, world.conversation_id(), Action::Create(direct));
    assert_eq!(refused(world.commit(direct).await), RefusalCode::Invalid);
}

/// Somebody who was only ever mentioned is no user either.
pub async fn a_mention_makes_no_user<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let ghost = user_id("ghost");
    let mentions = tidemark_core::conversation::Mentions::Users(vec![ghost.clone()]);
    world.mention(&ann, room, mentions).await;
    let user = world.store.user(&ghost).await;
    assert_eq!(user, Err(DirectoryError::NotFound));
    assert_eq!(found(&world, "gh", 10).await, Vec::<String>::new());
    let registered = world.store.create_account(account(&world, "ghost")).await;
    registered.expect("the name is free");
}

/// A password is checked under any spelling of the name, and can be changed.
pub async fn credentials_follow_the_password<E: Engine>(world: World<E>) {
    let [ann] = world.people(["Ann"]).await;
    for name in ["Ann", "ann", "aNN"] {
        let credentials = world.store.credentials(name).await.expect("they are kept");
        assert_eq!(credentials.user, ann);
        assert_eq!(credentials.password_hash, "$argon2id$of-a-test");
    }
    let unknown = world.store.credentials("bob").await;
    assert_eq!(unknown.map(|one| one.user), Err(DirectoryError::NotFound));
    let session = session(&world, &ann, 1);
    world
        .store
        .create_session(session)
        .await
        .expect("a session");
    let password = "$argon2id$new".to_owned();
    let set = world.store.set_password(&ann, password.clone()).await;
    assert_eq!(set, Ok(()));
    let credentials = world.store.credentials("ann").await.expect("they are kept");
    assert_eq!(credentials.password_hash, password);
    let sessions = world.store.sessions(&ann).await.expect("a list");
    assert_eq!(sessions.len(), 1, "sessions stay");
    let nobody = world.store.set_password(&user_id("nobody"), password).await;
    assert_eq!(nobody, Err(DirectoryError::NotFound));
}

pub(crate) fn session<E: Engine>(world: &World<E>, user: &UserId, token: u8) -> NewSession {
    NewSession {
        id: SessionId(world.id()),
        user: user.clone(),
        token: SecretHash([token; 32]),
        device_name: (token > 1).then(|| format!("device {token}")),
        at: world.now(),
    }
}

/// A token stands for its session until that is revoked, by its own user.
pub async fn a_token_stands_for_its_session_until_revoked<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    external(&world, &["eve"]).await;
    let eve = user_id("eve");
    let users = [(&ann, 1), (&ann, 2), (&bob, 3), (&eve, 4)];
    let sessions = users.map(|(user, token)| session(&world, user, token));
    for session in sessions.clone() {
        assert_eq!(world.store.create_session(session).await, Ok(()));
    }
    for session in &sessions {
        let owner = world.store.session_by_token(session.token).await;
        let owner = owner.expect("the session is there");
        assert_eq!((owner.session, &owner.user), (session.id, &session.user));
    }
    let listed = world.store.sessions(&ann).await.expect("a list");
    let shown: Vec<_> = listed
        .iter()
        .map(|one| (one.id, one.device_name.as_deref(), one.created_at))
        .collect();
    let [first, second, of_bob, _] = &sessions;
    let expected = [
        (first.id, None, first.at),
        (second.id, Some("device 2"), second.at),
    ];
    assert_eq!(shown, expected, "oldest first");
    let not_found = Err(DirectoryError::NotFound);
    let of_another = world.store.revoke_session(&ann, of_bob.id).await;
    assert_eq!(of_another, not_found);
    assert_eq!(world.store.revoke_session(&ann, first.id).await, Ok(()));
    assert_eq!(world.store.revoke_session(&ann, first.id).await, not_found);
    let revoked = world.store.session_by_token(first.token).await;
    let unknown = world.store.session_by_token(SecretHash([9; 32])).await;
    assert_eq!(revoked, Err(DirectoryError::NotFound));
    assert_eq!(revoked, unknown);
    for session in &sessions[1..] {
        let owner = world.store.session_by_token(session.token).await;
        assert_eq!(owner.map(|owner| owner.session), Ok(session.id));
    }
}

/// A session belongs to somebody.
pub async fn a_session_of_nobody_is_refused<E: Engine>(world: World<E>) {
    let orphan = session(&world, &user_id("nobody"), 1);
    let token = orphan.token;
    let created = world.store.create_session(orphan).await;
    assert_eq!(created, Err(DirectoryError::NotFound));
    let owner = world.store.session_by_token(token).await;
    assert_eq!(owner, Err(DirectoryError::NotFound));
    let sessions = world.store.sessions(&user_id("nobody")).await;
    assert_eq!(sessions, Ok(Vec::new()));
}

/// Keys are found by their secret, listed by name, and gone when revoked.
pub async fn api_keys_live_until_revoked<E: Engine>(world: World<E>) {
    let keys = [("web", 1), ("billing", 2), ("moderation", 3)];
    for (name, secret) in keys {
        let made = world.store.create_api_key(key(&world, name, secret));
        assert_eq!(made.await, Ok(()));
    }
    let again = world.store.create_api_key(key(&world, "web", 9));
    assert_eq!(again.await, Err(DirectoryError::Taken));
    let refused_key = world.store.api_key(SecretHash([9; 32])).await;
    assert_eq!(refused_key, Err(DirectoryError::NotFound));
    for (name, secret) in keys {
        let key = world.store.api_key(SecretHash([secret; 32])).await;
        assert_eq!(key.map(|key| key.name).as_deref(), Ok(name));
    }
    let listed = world.store.api_keys().await.expect("a list");
    let names: Vec<&str> = listed.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["billing", "moderation", "web"]);
    assert!(listed[2].created_at < listed[0].created_at);
    assert_eq!(world.store.revoke_api_key("web").await, Ok(()));
    let not_found = Err(DirectoryError::NotFound);
    assert_eq!(world.store.revoke_api_key("web").await, not_found);
    let revoked = world.store.api_key(SecretHash([1; 32])).await;
    assert_eq!(revoked, Err(DirectoryError::NotFound));
    assert_eq!(world.store.api_keys().await.expect("a list").len(), 2);
    let anew = world.store.create_api_key(key(&world, "web", 4));
    assert_eq!(anew.await, Ok(()), "the name is free again");
}

/// What a key may do is kept with it; one that acts as nobody who is here is not made.
pub async fn a_key_keeps_what_it_may_do<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let powers = [
        KeyPowers::default(),
        KeyPowers {
            user: Some(ann.clone()),
            scopes: Some(vec!["read".to_owned(), "send".to_owned()]),
            conversation: Some(world.conversation_id()),
        },
        KeyPowers {
            scopes: Some(Vec::new()),
            ..KeyPowers::default()
        },
    ];
    for (secret, powers) in (1..).zip(&powers) {
        let new = NewApiKey {
            powers: powers.clone(),
            ..key(&world, &format!("key {secret}"), secret)
        };
        assert_eq!(world.store.create_api_key(new).await, Ok(()));
        let kept = world.store.api_key(SecretHash([secret; 32])).await;
        assert_eq!(kept.map(|it| it.powers).as_ref(), Ok(powers));
    }
    let listed = world.store.api_keys().await.expect("a list");
    let listed: Vec<_> = listed.into_iter().map(|it| it.powers).collect();
    assert_eq!(listed, powers);
    let of_nobody = NewApiKey {
        powers: KeyPowers {
            user: Some(user_id("nobody")),
            ..KeyPowers::default()
        },
        ..key(&world, "of nobody", 9)
    };
    let refused = world.store.create_api_key(of_nobody).await;
    assert_eq!(refused, Err(DirectoryError::NotFound));
}

/// A bot is a user without a password, whose name nobody else can have.
pub async fn a_bot_is_a_user_without_a_password<E: Engine>(world: World<E>) {
    world.people(["ann"]).await;
    external(&world, &["eve"]).await;
    let bot = |id: &str| NewBot {
        id: user_id(id),
        display_name: Some("Tickets".to_owned()),
        at: world.now(),
    };
    let expected = User {
        id: user_id("tickets"),
        username: "tickets".to_owned(),
        display_name: Some("Tickets".to_owned()),
        avatar: None,
        origin: UserOrigin::Bot,
        shows_last_seen: true,
    };
    let made = world.store.create_bot(bot("tickets")).await;
    assert_eq!(made.as_ref(), Ok(&expected));
    assert_eq!(world.store.bots(10).await, Ok(vec![expected.clone()]));
    assert_eq!(
        world.store.user(&user_id("tickets")).await,
        Ok(expected.clone())
    );
    let found = world.store.users_by_prefix("tick", 10).await;
    assert_eq!(found, Ok(vec![expected.clone()]));
    let change = ProfileChange {
        avatar: Some(Some("https://pictures.example/t.png".to_owned())),
        ..ProfileChange::default()
    };
    let changed = world.store.update_profile(&expected.id, change).await;
    assert_eq!(changed.map(|it| it.origin), Ok(UserOrigin::Bot));

    let not_found = Err(DirectoryError::NotFound);
    let credentials = world.store.credentials("tickets").await;
    assert_eq!(credentials.map(|it| it.user), not_found);
    let password = "$argon2id$new".to_owned();
    let set = world.store.set_password(&expected.id, password).await;
    assert_eq!(set, Err(DirectoryError::NotFound));

    for id in ["tickets", "Tickets", "t1ckets", "ann", "Ann", "eve"] {
        let taken = world.store.create_bot(bot(id)).await;
        let is_other = id == "t1ckets";
        assert_eq!(taken.is_ok(), is_other, "{id}");
    }
    for id in ["tickets", "TICKETS", "tlckets"] {
        let taken = world.store.create_account(account(&world, id)).await;
        assert_eq!(taken, Err(DirectoryError::Taken), "{id}");
    }
    let bots = world.store.bots(10).await.expect("a list");
    let names: Vec<_> = bots.iter().map(|bot| bot.username.as_str()).collect();
    assert_eq!(names, ["t1ckets", "tickets"]);
    assert_eq!(world.store.bots(1).await.map(|bots| bots.len()), Ok(1));
}

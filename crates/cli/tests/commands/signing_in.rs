//! On whose behalf commands act.

use std::os::unix::fs::PermissionsExt;

use tidemark_protocol::body::SignIn;
use tidemark_protocol::wire::Secret;

use crate::world::{World, ended, password_of};

#[tokio::test]
async fn one_sign_in_is_enough_for_the_commands_after_it() {
    let world = World::start().await;
    world.register("ann").await;
    world.register("ben").await;
    for name in ["ann", "ben"] {
        let mut command = world.command(&["send", "--to", "ben", "hello", "--username", name]);
        let sent = ended(command.env("TIDEMARK_PASSWORD", password_of(name))).await;
        // Nobody has a direct conversation with themselves; the sign-in counts all the same.
        let code = if name == "ann" { 0 } else { 4 };
        assert_eq!(sent.code, Some(code), "{sent:?}");
    }
    let direct = ["send", "--to", "ann", "and again"];
    ended(&mut world.command(&direct)).await.done();
    let as_ann = ["send", "--to", "ben", "me again", "--username", "Ann"];
    ended(&mut world.command(&as_ann)).await.done();
    ended(&mut world.command(&["send", "--to", "ben", "still me"]))
        .await
        .done();

    let events = ended(&mut world.command(&["tail", "--once"])).await.done();
    let senders: Vec<_> = events
        .iter()
        .filter_map(|it| it["sender"].as_str())
        .collect();
    assert_eq!(senders, ["ann", "ben", "ann", "ann"]);
    let mode = |path: &str| world.in_home(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".config/tidemark/credentials.json"), 0o600);
    assert_eq!(mode(".config/tidemark"), 0o700);
}

#[tokio::test]
async fn a_sign_in_that_was_revoked_is_made_again_where_it_can_be() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await.to_string();
    let send = [
        "send",
        "--conversation",
        &room,
        "hello",
        "--username",
        "ann",
    ];
    let password = password_of("ann");
    let with_password = || {
        let mut command = world.command(&send);
        command.env("TIDEMARK_PASSWORD", &password);
        command
    };
    ended(&mut with_password()).await.done();
    let http = world.http(Some(&token));
    for session in http.sessions().await.unwrap().sessions {
        if !session.current {
            http.revoke_session(session.id.0).await.unwrap();
        }
    }
    let nameless = ended(&mut world.command(&send[..4])).await;
    nameless.failed(3, "sign in again with --username ann");
    ended(&mut with_password()).await.done();
    ended(&mut world.command(&send[..4])).await.done();
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told_apart_by_the_exit_code() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let send = ["send", "--to", "ben", "hello"];
    let as_ann = ["send", "--to", "ben", "hello", "--username", "ann"];

    let nobody = ended(&mut world.command(&send)).await;
    nobody.failed(3, "nobody has signed in");
    let unasked = ended(&mut world.command(&as_ann)).await;
    unasked.failed(3, "TIDEMARK_PASSWORD");
    let mut command = world.command(&as_ann);
    let wrong = ended(command.env("TIDEMARK_PASSWORD", "a wrong one")).await;
    wrong.failed(3, "the username or the password is wrong");
    let wrong = world.run_as("tms_wrong", &send).await;
    wrong.failed(3, "does not accept TIDEMARK_TOKEN");
    for command in [&send[..], &["tail"]] {
        let unreachable = [command, &["--url", "http://127.0.0.1:1"]].concat();
        let unreachable = world.run_as(&token, &unreachable).await;
        unreachable.failed(5, "cannot reach http://127.0.0.1:1");
        let unusable = [command, &["--url", "127.0.0.1"]].concat();
        let unusable = world.run_as(&token, &unusable).await;
        unusable.failed(2, "http://");
    }
}

#[tokio::test]
async fn a_flag_comes_before_the_environment() {
    let world = World::start().await;
    let (ann, _) = (world.register("ann").await, world.register("ben").await);
    let credentials = SignIn {
        username: "ben".to_owned(),
        password: Secret::new(password_of("ben")),
        device_name: None,
    };
    let ben = world.http(None).sign_in(&credentials).await.unwrap().token;
    let room = world.group(ben.expose()).await.to_string();
    let send = [
        "send",
        "--conversation",
        &room,
        "hello",
        "--username",
        "ben",
    ];
    let mut command = world.command(&send);
    command
        .env("TIDEMARK_TOKEN", &ann)
        .env("TIDEMARK_PASSWORD", password_of("ben"));
    ended(&mut command).await.done();
    let as_ann = world.run_as(&ann, &send[..4]).await;
    as_ann.failed(4, "not_found");
}

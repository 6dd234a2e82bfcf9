//! `tidemark admin`.

use tidemark_simulator::node::Listen;
use tokio::process::Command;

use crate::world::{Ended, World, ended, piped};

impl World {
    /// A command on the data directory.
    fn admin(&self, arguments: &[&str]) -> Command {
        let data = self.node.data();
        let mut all = vec!["admin", "--data", data.to_str().unwrap(), "--json"];
        all.extend(arguments);
        self.command(&all)
    }

    async fn administer(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.admin(arguments)).await
    }

    /// A command at the server, with an API key.
    pub(crate) async fn administer_with(&self, key: &str, arguments: &[&str]) -> Ended {
        let url = self.url();
        let mut all = vec!["admin", "--url", &url, "--json"];
        all.extend(arguments);
        ended(self.command(&all).env("TIDEMARK_API_KEY", key)).await
    }
}

/// A world whose server is stopped, with a user.
async fn stopped() -> World {
    let mut world = World::start().await;
    world.register("ann").await;
    world.node.terminate().await.unwrap();
    world
}

#[tokio::test]
async fn a_user_is_added_and_gets_another_password() {
    let mut world = stopped().await;
    let add = [
        "users",
        "add",
        "ben",
        "--display-name",
        "Ben B",
        "--password-stdin",
    ];
    let added = piped(&mut world.admin(&add), "the first one\n")
        .await
        .done();
    assert_eq!(added[0]["id"], "ben");
    let again = ["users", "add", "BEN", "--password-stdin"];
    let again = piped(&mut world.admin(&again), "the first one\n").await;
    again.failed(4, "taken");
    let weak = ["users", "add", "cat", "--password-stdin"];
    let weak = piped(&mut world.admin(&weak), "short\n").await;
    weak.failed(4, "8");

    let ids = |ended: Ended| -> Vec<String> {
        let users = ended.done();
        users
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(world.administer(&["users", "list"]).await),
        ["ann", "ben"]
    );
    let begin_so = ["users", "list", "--prefix", "BE"];
    assert_eq!(ids(world.administer(&begin_so).await), ["ben"]);
    let shown = world.administer(&["users", "show", "ben"]).await.done();
    assert_eq!(
        (&shown[0]["display_name"], &shown[0]["origin"]),
        (&"Ben B".into(), &"local".into())
    );
    world
        .administer(&["users", "show", "cat"])
        .await
        .failed(4, "no user cat");
    let sessions = world.administer(&["tokens", "list", "ben"]).await.done();
    assert_eq!(
        sessions.len(),
        0,
        "nobody has the token of the registration"
    );

    let password = ["password", "ben", "--password-stdin"];
    let set = piped(&mut world.admin(&password), "the second one\n").await;
    set.done();
    world.node.restart(Listen::SamePort).await.unwrap();
    world
        .sign_in("ben", "the first one")
        .await
        .failed(3, "wrong");
    world.sign_in("ben", "the second one").await.done();
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let mut world = stopped().await;
    let made = world.administer(&["keys", "add", "deploy"]).await.done();
    let key = made[0]["key"].as_str().unwrap();
    world
        .administer(&["keys", "add", "deploy"])
        .await
        .failed(4, "already");
    let listed = world.administer(&["keys", "list"]).await;
    assert_eq!(listed.done()[0]["name"], "deploy");
    assert!(!listed.stdout.contains(key), "it is shown once");

    world.node.restart(Listen::SamePort).await.unwrap();
    let users = world.administer_with(key, &["users", "list"]).await.done();
    assert_eq!(users[0]["id"], "ann");
    let elsewhere = world.administer_with(key, &["keys", "list"]).await;
    assert_eq!(elsewhere.done()[0]["name"], "deploy");
    let elsewhere = world.administer_with(key, &["tokens", "list", "ann"]).await;
    elsewhere.failed(2, "in the store itself only");

    world.node.terminate().await.unwrap();
    world.administer(&["keys", "revoke", "deploy"]).await.done();
    world
        .administer(&["keys", "revoke", "deploy"])
        .await
        .failed(4, "no key");
    world.node.restart(Listen::SamePort).await.unwrap();
    world
        .administer_with(key, &["users", "list"])
        .await
        .failed(3, "revoked");
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let mut world = stopped().await;
    let add = ["tokens", "add", "ann", "--device", "bot"];
    let made = world.administer(&add).await.done();
    let token = made[0]["token"].as_str().unwrap();
    let sessions = world.administer(&["tokens", "list", "ann"]).await.done();
    let bot = sessions
        .iter()
        .find(|it| it["device_name"] == "bot")
        .unwrap();
    let session = bot["session_id"].as_str().unwrap();
    world
        .administer(&["tokens", "add", "cat"])
        .await
        .failed(4, "no user cat");

    world.node.restart(Listen::SamePort).await.unwrap();
    world.run_as(token, &["tail", "--once"]).await.done();
    world.node.terminate().await.unwrap();
    world
        .administer(&["tokens", "revoke", "ann", session])
        .await
        .done();
    world.node.restart(Listen::SamePort).await.unwrap();
    let revoked = world.run_as(token, &["tail", "--once"]).await;
    revoked.failed(3, "TIDEMARK_TOKEN");
}

#[tokio::test]
async fn a_new_password_can_end_all_sessions() {
    let world = stopped().await;
    let password = ["password", "ann", "--password-stdin", "--sign-out"];
    piped(&mut world.admin(&password), "another one\n")
        .await
        .done();
    let sessions = world.administer(&["tokens", "list", "ann"]).await.done();
    assert_eq!(sessions.len(), 0);
}

#[tokio::test]
async fn a_user_is_added_to_a_server_that_runs_and_is_closed_to_others() {
    let mut world = stopped().await;
    let made = world.administer(&["keys", "add", "deploy"]).await.done();
    let key = made[0]["key"].as_str().unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    let url = world.url();
    let add = [
        "admin",
        "--url",
        &url,
        "users",
        "add",
        "ben",
        "--password-stdin",
    ];
    let mut command = world.command(&add);
    piped(command.env("TIDEMARK_API_KEY", key), "the first one\n").await;
    let shown = world.administer_with(key, &["users", "show", "ben"]).await;
    assert_eq!(shown.done()[0]["username"], "ben");
    world.sign_in("ben", "the first one").await.done();
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_had_is_explained() {
    let world = World::start().await;
    let locked = world.administer(&["users", "list"]).await;
    locked.failed(1, "stop it first");
    let missing = ["admin", "--data", "/nowhere", "users", "list"];
    let missing = ended(&mut world.command(&missing)).await;
    missing.failed(1, "no data directory /nowhere");
    let keyless = ["admin", "--url", "http://127.0.0.1:1", "users", "list"];
    let keyless = ended(&mut world.command(&keyless)).await;
    keyless.failed(3, "TIDEMARK_API_KEY");
    let both = world
        .administer_with("key", &["users", "list", "--data", "data"])
        .await;
    both.failed(2, "either --url");
}

#[tokio::test]
async fn lists_for_people_have_columns() {
    let world = stopped().await;
    let data = world.node.data();
    let list = ["admin", "--data", data.to_str().unwrap(), "users", "list"];
    let listed = ended(&mut world.command(&list)).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert_eq!(
        lines,
        ["ID   DISPLAY NAME  ORIGIN", "ann                local"]
    );
}

//! `tidemark admin` in a PostgreSQL database, beside a server that uses it.

use serde_json::Value;
use tidemark_simulator::postgres::Postgres;
use tokio::process::Command;

use crate::world::{Ended, Running, World, ended, password_of, piped};

/// How soon a server is to find out what was done beside it.
const REPAIR: &str = "[bus]\nrepair_ms = 300\n";

struct Database {
    world: World,
    url: String,
    // Outlives the server that uses it.
    _server: Postgres,
}

impl Database {
    async fn start() -> Self {
        let server = Postgres::start().unwrap();
        server.create_database("chat").unwrap();
        let url = server.url("chat");
        let world = World::start_with(&format!("{REPAIR}[store]\nurl = \"{url}\"\n")).await;
        Self {
            world,
            url,
            _server: server,
        }
    }

    fn admin(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["admin", "--json"];
        all.extend(arguments);
        let mut command = self.world.command(&all);
        command.env("TIDEMARK_STORE__URL", &self.url);
        command
    }

    async fn administer(&self, arguments: &[&str]) -> Vec<Value> {
        ended(&mut self.admin(arguments)).await.done()
    }

    async fn give_password(&self, arguments: &[&str], password: &str) -> Ended {
        piped(&mut self.admin(arguments), &format!("{password}\n")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_and_gets_another_password_beside_the_server() {
    let database = Database::start().await;
    let add = ["users", "add", "ben", "--password-stdin"];
    let added = database.give_password(&add, "the first one").await;
    assert_eq!(added.done()[0]["id"], "ben");
    let world = &database.world;
    let another = ["users", "add", "cat", "--password-stdin"];
    database
        .give_password(&another, "the first one")
        .await
        .done();
    world.sign_in("cat", "the first one").await.done();

    let set = ["password", "ben", "--password-stdin"];
    let set = database.give_password(&set, "the second one").await;
    set.done();
    let old = world.sign_in("ben", "the first one").await;
    old.failed(3, "wrong");
    world.sign_in("ben", "the second one").await.done();

    world.register("ann").await;
    let listed = database.administer(&["users", "list"]).await;
    let ids: Vec<_> = listed.iter().map(|user| &user["id"]).collect();
    assert_eq!(ids, ["ann", "ben", "cat"]);
    let taken = ["users", "add", "ANN", "--password-stdin"];
    let taken = database.give_password(&taken, "the first one").await;
    taken.failed(4, "taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_at_once_and_until_it_is_revoked_beside_the_server() {
    let database = Database::start().await;
    let world = &database.world;
    world.register("ann").await;
    let made = database.administer(&["keys", "add", "deploy"]).await;
    let key = made[0]["key"].as_str().unwrap();
    let users = world.administer_with(key, &["users", "list"]).await.done();
    assert_eq!(users[0]["id"], "ann");
    let listed = database.administer(&["keys", "list"]).await;
    assert_eq!(listed[0]["name"], "deploy");
    database.administer(&["keys", "revoke", "deploy"]).await;
    let refused = world.administer_with(key, &["users", "list"]).await;
    refused.failed(3, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_closes_when_its_session_is_revoked_beside_the_server() {
    let database = Database::start().await;
    let world = &database.world;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    let made = database
        .administer(&["tokens", "add", "ann", "--device", "bot"])
        .await;
    let bot = made[0]["token"].as_str().unwrap();
    let session = made[0]["session_id"].as_str().unwrap();
    let mut tail = world.command(&["tail"]);
    let mut tail = Running::start(tail.env("TIDEMARK_TOKEN", bot));
    assert_eq!(tail.next().await["seq"], 1);

    database
        .administer(&["tokens", "revoke", "ann", session])
        .await;
    let (code, said) = tail.end().await;
    assert_eq!(code, Some(3), "{said}");
    // The server believes what it asked a moment ago, no longer than it takes to compare.
    let refused = world.run_as(bot, &["tail", "--once"]).await;
    refused.failed(3, "TIDEMARK_TOKEN");
    world.say(&token, room, "still here\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_signs_out_the_devices_of_a_server_that_runs() {
    let database = Database::start().await;
    let world = &database.world;
    let token = world.register("ann").await;
    world.group(&token).await;
    let mut tail = world.command(&["tail"]);
    let mut tail = Running::start(tail.env("TIDEMARK_TOKEN", &token));
    tail.next().await;
    let set = ["password", "ann", "--password-stdin", "--sign-out"];
    database.give_password(&set, "another one").await.done();
    assert_eq!(tail.end().await.0, Some(3));
    let old = world.sign_in("ann", &password_of("ann")).await;
    old.failed(3, "wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_explained_without_its_password() {
    let world = World::start().await;
    let mut command = world.command(&["admin", "users", "list"]);
    command.env(
        "TIDEMARK_STORE__URL",
        "postgres://ann:hunter2@127.0.0.1:1/chat",
    );
    let ended = ended(&mut command).await;
    ended.failed(5, "cannot open the store");
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

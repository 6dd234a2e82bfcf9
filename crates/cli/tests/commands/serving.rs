//! `tidemark serve`.

use tokio::process::Command;

use crate::world::{Ended, PROGRAM, World, ended};

/// Runs a server that is not to get far.
async fn serve(arguments: &[&str]) -> Ended {
    let mut command = Command::new(PROGRAM);
    ended(command.arg("serve").args(arguments).env_clear()).await
}

#[tokio::test]
async fn a_server_says_where_it_listens_and_stops_when_it_is_asked_to() {
    let mut world = World::start().await;
    assert_ne!(world.node.address().port(), 0);
    let status = world.node.terminate().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", world.node.log());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_says_what_is_in_the_way() {
    let world = World::start().await;
    let data = world.node.data();
    let data = data.to_str().unwrap();
    let second = serve(&["--listen", "127.0.0.1:0", "--data", data]).await;
    second.failed(1, "in use by another process");
    assert!(second.stderr.contains(data), "{second:?}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let world = World::start().await;
    let address = world.node.address().to_string();
    let other = world.in_home("data");
    let second = serve(&["--listen", &address, "--data", other.to_str().unwrap()]).await;
    second.failed(1, &format!("cannot listen on {address}"));
}

#[tokio::test]
async fn mistakes_in_the_configuration_are_all_told_with_their_keys() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tidemark.toml");
    std::fs::write(
        &path,
        "listen = \"somewhere\"\n[limits]\nsends_per_secnd = 1\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let mistaken = serve(&["--config", path]).await;
    mistaken.failed(2, "listen");
    mistaken.failed(2, "limits.sends_per_secnd");
    serve(&["--config", "/nowhere/tidemark.toml"])
        .await
        .failed(2, "/nowhere/tidemark.toml");
    serve(&["--port", "1"]).await.failed(2, "--port");
}

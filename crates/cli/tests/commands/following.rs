//! `tidemark tail`.

use std::path::Path;

use serde_json::{Value, json};
use tidemark_simulator::node::Listen;
use tidemark_simulator::proxy::{Faults, Proxy};
use tokio::time::{interval, timeout};

use crate::world::{PATIENCE, Running, World};

fn seqs(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|it| it["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_printed_once_is_not_printed_again() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.say(&token, room, "one\ntwo\n").await;
    let once = ["tail", "--once"];
    let first = world.run_as(&token, &once).await.done();
    assert_eq!(seqs(&first), [1, 2, 3, 4]);
    let kinds: Vec<_> = first.iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["created", "members", "message", "message"]);
    assert_eq!(
        (&first[3]["text"], &first[3]["sender"]),
        (&json!("two"), &json!("ann"))
    );
    assert_eq!(world.run_as(&token, &once).await.done(), [Value::Null; 0]);

    world.say(&token, room, "three\n").await;
    let other = world.group(&token).await.to_string();
    let mut second = world.run_as(&token, &once).await.done();
    second.sort_by_key(|event| event["conversation"] == *other);
    assert_eq!(
        seqs(&second),
        [5, 1, 2],
        "also of a conversation that is new"
    );
}

#[tokio::test]
async fn a_place_to_begin_at_can_be_chosen() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.say(&token, room, "three\nfour\nfive\n").await;
    let tail = async |from: &str| {
        let arguments = ["tail", "--once", "--from", from];
        seqs(&world.run_as(&token, &arguments).await.done())
    };
    assert_eq!(tail("4").await, [4, 5]);
    assert_eq!(tail("start").await, [1, 2, 3, 4, 5]);
    assert_eq!(tail("now").await, [0_u64; 0]);
    world.say(&token, room, "six\n").await;
    let resumed = world.run_as(&token, &["tail", "--once"]).await.done();
    assert_eq!(seqs(&resumed), [6], "now was then");
    let afresh = world
        .run_as(&token, &["tail", "--once", "--no-state"])
        .await
        .done();
    assert_eq!(seqs(&afresh), [1, 2, 3, 4, 5, 6]);
    let never = world.run_as(&token, &["tail", "--from", "0"]).await;
    never.failed(2, "--from");
}

#[tokio::test]
async fn only_the_chosen_conversations_are_printed_each_choice_from_its_own_place() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let (room, other) = (world.group(&token).await, world.group(&token).await);
    let id = room.to_string();
    let only = ["tail", "--once", "--conversation", &id];
    let events = world.run_as(&token, &only).await.done();
    assert_eq!(seqs(&events), [1, 2]);
    assert!(events.iter().all(|it| it["conversation"] == *id));
    world.say(&token, other, "elsewhere\n").await;
    assert_eq!(world.run_as(&token, &only).await.done().len(), 0);
    let all = world.run_as(&token, &["tail", "--once"]).await.done();
    assert_eq!(all.len(), 5);

    let nowhere = "00000000-0000-0000-0000-000000000001";
    let unknown = world
        .run_as(&token, &["tail", "--conversation", nowhere])
        .await;
    unknown.failed(4, nowhere);
}

#[tokio::test]
async fn events_come_live_without_a_hole_over_stops_of_both_sides() {
    let mut world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    let start =
        |world: &World| Running::start(world.command(&["tail"]).env("TIDEMARK_TOKEN", &token));
    let mut printed = Vec::new();

    let mut tail = start(&world);
    for _ in 0..2 {
        printed.push(tail.next().await);
    }
    world.say(&token, room, "live\n").await;
    printed.push(tail.next().await);
    tail.signal("TERM");
    assert_eq!(tail.end().await, (Some(0), String::new()));

    world.say(&token, room, "while the reader was away\n").await;
    let mut tail = start(&world);
    printed.push(tail.next().await);
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    world.say(&token, room, "after the server was away\n").await;
    printed.push(tail.next().await);
    // Somebody else adds the user to a conversation meanwhile.
    let other = world.group(&token).await;
    let added = [tail.next().await, tail.next().await];
    assert_eq!(seqs(&added), [1, 2]);
    assert_eq!(added[0]["conversation"], other.to_string());
    tail.signal("INT");
    let (code, words) = tail.end().await;
    assert_eq!(code, Some(0), "{words}");

    assert_eq!(seqs(&printed), [1, 2, 3, 4, 5]);
    let rest = world.run_as(&token, &["tail", "--once"]).await.done();
    assert_eq!(rest, [Value::Null; 0]);
}

#[tokio::test]
async fn a_reader_that_falls_far_behind_misses_nothing() {
    let messages = 6_000;
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    // So long that few of them fit into a pipe.
    let line = "x".repeat(1_000);
    world
        .say(&token, room, &format!("{line}\n").repeat(messages))
        .await;

    let proxy = Proxy::start(world.node.address(), Faults::none())
        .await
        .unwrap();
    let url = format!("http://{}", proxy.address());
    let mut command = world.command(&["tail", "--once", "--no-state", "--url", &url]);
    let mut tail = Running::start(command.env("TIDEMARK_TOKEN", &token));
    // By now the client has everything, and nobody has read a line.
    let all_arrived = async {
        let mut ticks = interval(std::time::Duration::from_millis(5));
        while proxy.statistics().bytes < (messages * line.len()) as u64 {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, all_arrived).await.unwrap();
    for seq in 1..=messages + 2 {
        assert_eq!(tail.next().await["seq"], json!(seq));
    }
    assert_eq!(tail.end().await, (Some(0), String::new()));
}

#[tokio::test]
async fn a_closed_pipe_ends_it_quietly() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    let mut tail = Running::start(world.command(&["tail"]).env("TIDEMARK_TOKEN", &token));
    tail.next().await;
    let Running { child, lines } = tail;
    drop(lines);
    world.say(&token, room, "nobody reads this\n").await;
    let ended = timeout(PATIENCE, child.wait_with_output()).await;
    let ended = ended.expect("it ends").unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[tokio::test]
async fn two_runs_do_not_share_a_place() {
    let world = World::start().await;
    let (ann, ben) = (world.register("ann").await, world.register("ben").await);
    world.group(&ann).await;
    let path = world.in_home("place.json");
    let tail = ["tail", "--state", path.to_str().unwrap()];
    let mut first = Running::start(world.command(&tail).env("TIDEMARK_TOKEN", &ann));
    first.next().await;
    let second = world.run_as(&ann, &tail).await;
    second.failed(1, "another tail is using");
    first.signal("TERM");
    assert_eq!(first.end().await.0, Some(0));
    let stranger = world.run_as(&ben, &tail).await;
    stranger.failed(2, "keeps the place of ann");
    std::fs::write(&path, "{").unwrap();
    let damaged = world.run_as(&ann, &tail).await;
    damaged.failed(1, "place.json is damaged");
}

/// Puts what is in one directory into another, in place of what is there.
fn restore(backup: &Path, data: &Path) {
    if data.exists() {
        std::fs::remove_dir_all(data).unwrap();
    }
    std::fs::create_dir(data).unwrap();
    for entry in std::fs::read_dir(backup).unwrap() {
        let path = entry.unwrap().path();
        let to = data.join(path.file_name().unwrap());
        if path.is_dir() {
            restore(&path, &to);
        } else {
            std::fs::copy(&path, to).unwrap();
        }
    }
}

#[tokio::test]
async fn the_history_of_a_backup_is_printed_from_its_beginning() {
    let mut world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.node.terminate().await.unwrap();
    let (data, backup) = (world.node.data(), world.in_home("backup"));
    std::fs::create_dir(&backup).unwrap();
    restore(&data, &backup);

    world.node.restart(Listen::SamePort).await.unwrap();
    world.say(&token, room, "lost\n").await;
    let once = ["tail", "--once"];
    let before = world.run_as(&token, &once).await.done();
    assert_eq!(seqs(&before), [1, 2, 3]);
    world.node.terminate().await.unwrap();
    restore(&backup, &data);
    world.node.restart(Listen::SamePort).await.unwrap();
    let after = world.run_as(&token, &once).await;
    assert_eq!(seqs(&after.done()), [1, 2]);
    assert!(after.stderr.contains("history"), "{after:?}");
}

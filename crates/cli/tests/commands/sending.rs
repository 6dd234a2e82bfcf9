//! `tidemark send`.

use serde_json::{Value, json};
use tidemark_core::Seq;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::world::{PATIENCE, Running, World};

#[tokio::test]
async fn a_text_is_reported_with_its_place_and_is_there() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let id = world.group(&token).await;
    let room = id.to_string();
    let sent = world
        .run_as(&token, &["send", "--conversation", &room, "hello"])
        .await
        .done();
    let [sent] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(sent["conversation"], *room);
    assert_eq!(
        (&sent["seq"], &sent["duplicate"]),
        (&json!(3), &json!(false))
    );

    let page = world.http(Some(&token)).events(id, Seq::ZERO, 10).await;
    let logged = serde_json::to_value(&page.unwrap().events[2]).unwrap();
    for field in ["seq", "at", "client_id", "conversation"] {
        assert_eq!(logged[field], sent[field], "{field}");
    }
    assert_eq!(logged["text"], "hello");
}

#[tokio::test]
async fn each_line_is_a_message_and_keeps_its_place() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await.to_string();
    // More than may wait at a time.
    let lines = "again\n\n".repeat(600);
    let send = ["send", "--conversation", &room];
    let reports = world.pipe_as(&token, &send, &lines).await.done();
    assert_eq!(reports.len(), 600);
    for (index, report) in reports.iter().enumerate() {
        assert_eq!(report["line"], json!(2 * index + 1));
        assert_eq!(report["seq"], json!(index + 3));
    }
}

#[tokio::test]
async fn a_retry_finds_the_first_message_and_a_refusal_stops_nobody_else() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await.to_string();
    let id = "01a213ae-0000-7000-8000-000000000001";
    let lines = [
        json!({"client_id": id, "text": "once", "mentions": ["ann"]}),
        json!({"client_id": id, "text": "once", "mentions": ["ann"]}),
        json!({"client_id": id, "text": "another"}),
        json!({"txt": "misspelt"}),
        json!({"text": "x".repeat(20_000)}),
        json!({"text": "x".repeat(100_000)}),
        json!({"text": "an answer", "reply_to": 3}),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    let send = ["send", "--conversation", &room, "--json"];
    let ended = world.pipe_as(&token, &send, &lines).await;
    ended.failed(4, "4 of 7 messages were refused");
    let reports = ended.json();
    let pick = |field: &str| -> Vec<Value> { reports.iter().map(|it| it[field].clone()).collect() };
    let nothing = Value::Null;
    assert_eq!(
        pick("refused"),
        [
            nothing.clone(),
            nothing.clone(),
            json!("conflict"),
            json!("invalid"),
            json!("too_large"),
            json!("too_large"),
            nothing
        ]
    );
    assert_eq!(pick("line"), (1..=7).map(Value::from).collect::<Vec<_>>());
    assert_eq!(
        (&reports[0]["seq"], &reports[1]["seq"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(reports[1]["duplicate"], true);
    assert_eq!(reports[6]["seq"], 4);

    let again = [
        "send",
        "--conversation",
        &room,
        "--client-id",
        id,
        "not the same",
    ];
    let again = world.run_as(&token, &again).await;
    again.failed(4, "conflict");
}

#[tokio::test]
async fn a_person_is_enough_of_an_address() {
    let world = World::start().await;
    let (ann, ben) = (world.register("ann").await, world.register("ben").await);
    let first = world
        .run_as(&ann, &["send", "--to", "ben", "hi"])
        .await
        .done();
    let second = world
        .run_as(&ben, &["send", "--to", "ann", "hi"])
        .await
        .done();
    assert_eq!(first[0]["conversation"], second[0]["conversation"]);
    let unknown = world.run_as(&ann, &["send", "--to", "nobody", "hi"]).await;
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
}

#[tokio::test]
async fn the_destination_has_to_be_one_that_there_is() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let nowhere = "00000000-0000-0000-0000-000000000001";
    let sent = world
        .run_as(&token, &["send", "--conversation", nowhere, "hi"])
        .await;
    sent.failed(4, "not_found");
    assert_eq!(sent.json()[0]["refused"], "not_found");
    let none = world.run_as(&token, &["send", "hi"]).await;
    none.failed(2, "--conversation");
    let both = ["send", "--conversation", nowhere, "--to", "ben", "hi"];
    world.run_as(&token, &both).await.failed(2, "--to");
}

#[tokio::test]
async fn a_message_without_an_answer_is_named_so_that_it_can_be_sent_again() {
    let mut world = World::start().await;
    let token = world.register("ann").await;
    let room = world.group(&token).await.to_string();
    let mut command = world.command(&["send", "--conversation", &room, "--timeout", "1"]);
    command.env("TIDEMARK_TOKEN", &token);
    let mut running = Running::start(command.stdin(std::process::Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(b"heard\n").await.unwrap();
    assert_eq!(running.next().await["seq"], 3);
    world.node.kill().await.unwrap();
    stdin.write_all(b"unheard\n").await.unwrap();
    let report = running.next().await;
    assert_eq!(report["unanswered"], true, "{report}");
    assert!(report["client_id"].is_string(), "{report}");
    // Stdin is open still; nobody waits for its end.
    let (code, words) = running.end().await;
    assert_eq!(code, Some(5), "{words}");
}

#[tokio::test]
async fn messages_are_sent_also_when_nobody_reads_the_reports() {
    let world = World::start().await;
    let token = world.register("ann").await;
    let id = world.group(&token).await;
    let mut command = world.command(&["send", "--conversation", &id.to_string()]);
    command.env("TIDEMARK_TOKEN", &token);
    let running = Running::start(command.stdin(std::process::Stdio::piped()));
    let Running { mut child, lines } = running;
    drop(lines);
    let mut stdin = child.stdin.take().unwrap();
    let http = world.http(Some(&token));
    for head in 3..=5 {
        stdin.write_all(b"unread\n").await.unwrap();
        let arrived = async {
            while http.conversation(id).await.unwrap().head_seq.0.get() < head {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, arrived).await.expect("it is sent");
    }
    drop(stdin);
    let status = timeout(PATIENCE, child.wait()).await.unwrap();
    assert_eq!(status.unwrap().code(), Some(0));
}

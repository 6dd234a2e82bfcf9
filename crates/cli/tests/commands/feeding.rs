//! `tidemark feed tail` and `tidemark export`.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use tidemark_simulator::node::Listen;
use tokio::process::Command;

use crate::world::{Running, World, ended};

const KEY: &str = "an API key for tests of the feed";

impl World {
    fn feed(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["feed", "tail"];
        all.extend(arguments);
        let mut command = self.command(&all);
        command.env("TIDEMARK_API_KEY", KEY);
        command
    }

    async fn export(&self, format: &str, out: &Path, more: &[&str]) -> u64 {
        let url = self.url();
        let out = out.to_str().unwrap();
        let mut all = vec!["export", "--url", &url, "--format", format, "--out", out];
        all.extend(more);
        let exported = ended(self.command(&all).env("TIDEMARK_API_KEY", KEY)).await;
        assert_eq!(exported.code, Some(0), "{exported:?}");
        exported.stdout.trim().parse().unwrap()
    }
}

fn positions(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|it| it["position"].as_u64().unwrap())
        .collect()
}

fn as_json(row: &Row) -> Value {
    let cells = row.get_column_iter().map(|(name, field)| {
        let value = match field {
            Field::Null => Value::Null,
            Field::Str(text) => json!(text),
            Field::Long(number) | Field::TimestampMillis(number) => json!(number),
            other => panic!("{name} is {other:?}"),
        };
        (name.clone(), value)
    });
    Value::Object(cells.collect())
}

#[tokio::test]
async fn the_feed_is_printed_and_goes_on_from_its_cursor() {
    let mut world = World::start_with_key(KEY, "").await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    world.say(&token, room, "one\ntwo\n").await;
    let all = ended(&mut world.feed(&[])).await.done();
    assert_eq!(positions(&all), [1, 2, 3, 4]);
    assert_eq!(
        (&all[3]["text"], &all[3]["kind"]),
        (&json!("two"), &json!("message"))
    );
    let rest = ended(&mut world.feed(&["--after", "3"])).await.done();
    assert_eq!(positions(&rest), [4]);

    let file = world.in_home("cursor.json");
    let cursor = ["--cursor", file.to_str().unwrap()];
    let first = ended(&mut world.feed(&cursor)).await.done();
    assert_eq!(positions(&first), [1, 2, 3, 4]);
    world.say(&token, room, "three\n").await;
    let second = ended(&mut world.feed(&cursor)).await.done();
    assert_eq!(positions(&second), [5]);

    // Over a server that goes away and comes back.
    let follow = ["--follow", cursor[0], cursor[1]];
    let mut following = Running::start(&mut world.feed(&follow));
    world.say(&token, room, "four\n").await;
    assert_eq!(following.next().await["position"], 6);
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    world.say(&token, room, "five\n").await;
    assert_eq!(following.next().await["position"], 7);
    let twice = ended(&mut world.feed(&cursor)).await;
    twice.failed(1, "another run is using");
    following.signal("TERM");
    assert_eq!(following.end().await.0, Some(0));

    let nobody = ended(&mut world.command(&["feed", "tail"])).await;
    nobody.failed(3, "TIDEMARK_API_KEY");
    let person = ended(world.feed(&[]).env("TIDEMARK_API_KEY", &token)).await;
    person.failed(4, "API keys only");
}

#[tokio::test]
async fn an_export_holds_every_event_once() {
    let mut world = World::start_with_key(KEY, "").await;
    let token = world.register("ann").await;
    let room = world.group(&token).await;
    let lines: Vec<String> = (0..30).map(|it| format!("message {it}\n")).collect();
    let lines = lines.concat();
    world.say(&token, room, &lines).await;
    // What is deleted says nothing any more, wherever it is read.
    let http = world.http(Some(&token));
    let seq = tidemark_core::Seq::new(5).unwrap();
    http.delete_message(room, seq, None).await.unwrap();
    let head = 33;

    let jsonl = world.in_home("all.jsonl");
    assert_eq!(world.export("jsonl", &jsonl, &[]).await, head);
    let text = std::fs::read_to_string(&jsonl).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(positions(&events), (1..=head).collect::<Vec<_>>());
    assert_eq!(events[3]["text"], "message 1");
    assert!(
        !text.contains("\"message 2\""),
        "what was deleted is not there"
    );

    let parquet = world.in_home("all.parquet");
    assert_eq!(world.export("parquet", &parquet, &[]).await, head);
    let reader = SerializedFileReader::new(File::open(&parquet).unwrap()).unwrap();
    let rows: Vec<Value> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| as_json(&row.unwrap()))
        .collect();
    assert_eq!(positions(&rows), (1..=head).collect::<Vec<_>>());
    for (row, event) in rows.iter().zip(&events) {
        for column in ["seq", "kind", "conversation"] {
            assert_eq!(row[column], event[column]);
        }
        assert_eq!(row["occurred_at"], event["at"]);
        for column in ["sender", "text"] {
            let value = event.get(column).filter(|it| it.is_string());
            assert_eq!(row[column], value.cloned().unwrap_or(Value::Null));
        }
        let whole: Value = serde_json::from_str(row["event"].as_str().unwrap()).unwrap();
        assert_eq!(whole, *event);
    }

    // What came since, in a file that takes the place of the former one.
    world.say(&token, room, "later\n").await;
    assert_eq!(world.export("jsonl", &jsonl, &["--after", "33"]).await, 34);
    assert_eq!(std::fs::read_to_string(&jsonl).unwrap().lines().count(), 1);

    // The same from the store of a server that is stopped.
    world.node.terminate().await.unwrap();
    let (data, out) = (world.node.data(), world.in_home("stopped.jsonl"));
    let local = [
        "export",
        "--format",
        "jsonl",
        "--data",
        data.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let exported = ended(&mut world.command(&local)).await;
    assert_eq!(exported.stdout.trim(), "34", "{exported:?}");
    let again = std::fs::read_to_string(&out).unwrap();
    assert_eq!(
        again.lines().take(33).collect::<Vec<_>>(),
        text.lines().collect::<Vec<_>>()
    );

    // A failed one leaves what was there, and nothing else.
    let before = std::fs::read_dir(world.home.path()).unwrap().count();
    let url = world.url();
    let refused = [
        "export",
        "--url",
        &url,
        "--format",
        "jsonl",
        "--out",
        out.to_str().unwrap(),
    ];
    let failed = ended(world.command(&refused).env("TIDEMARK_API_KEY", KEY)).await;
    failed.failed(5, "cannot reach");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), again);
    assert_eq!(
        std::fs::read_dir(world.home.path()).unwrap().count(),
        before
    );
}

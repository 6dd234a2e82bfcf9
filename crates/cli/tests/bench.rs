//! Small runs of every scenario against a real server, through the program itself.

#![allow(
    clippy::unwrap_used,
    reason = "what these functions ask for is there, or the test fails"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Runs `tidemark bench` with its store on the disk that the build is on.
fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .arg("bench")
        .args(arguments)
        .env_remove("TIDEMARK_API_KEY")
        .env_remove("TIDEMARK_JWT_SECRET")
        .output()
        .unwrap()
}

/// The result of a run that must succeed.
fn result_of(arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--json", "--data-parent", env!("CARGO_TARGET_TMPDIR")]);
    let output = bench(&arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert_eq!(complaints, "", "a good run has nothing to say");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["scenario"], arguments[0]);
    assert!(result["machine"]["cores"].as_u64().unwrap() > 0);
    result
}

fn number(result: &Value, path: &str) -> f64 {
    let value = result.pointer(path);
    value
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{path} is no number in {result:#}"))
}

fn count(result: &Value, path: &str) -> u64 {
    let value = result.pointer(path);
    value
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("{path} counts nothing in {result:#}"))
}

/// Asserts that percentiles are there and in order, and gives their count.
fn latency_count(result: &Value, name: &str) -> u64 {
    let at = |field: &str| number(result, &format!("/results/{name}/{field}"));
    let steps = ["p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"].map(at);
    assert!(steps[0] > 0.0 && steps.is_sorted(), "{name}: {steps:?}");
    count(result, &format!("/results/{name}/count"))
}

/// What the server used is known where the kernel tells.
fn assert_server_is_watched(result: &Value) {
    if cfg!(target_os = "linux") {
        assert!(number(result, "/server/rss_bytes") > 0.0);
        assert!(number(result, "/generator/rss_bytes") > 0.0);
    }
}

#[test]
fn sends_are_counted_when_acked_and_delivered() {
    let result = result_of(&[
        "sends",
        "--pairs",
        "3",
        "--in-flight",
        "4",
        "--seconds",
        "0.2",
        "--warm-up",
        "0.1",
    ]);
    let rate = number(&result, "/results/sends_per_second");
    let verified = number(&result, "/results/verified_messages");
    assert!(rate > 0.0);
    assert!(
        verified >= (rate * 0.2).floor(),
        "the warm-up is verified too"
    );
    assert!(latency_count(&result, "ack_latency") > 0);
    assert_eq!(count(&result, "/settings/pairs"), 3);
    assert_server_is_watched(&result);
}

#[test]
fn a_rate_is_kept_and_measured_from_when_messages_were_due() {
    let result = result_of(&[
        "rate",
        "--pairs",
        "2",
        "--rate",
        "100",
        "--seconds",
        "0.2",
        "--warm-up",
        "0.1",
    ]);
    assert_eq!(count(&result, "/results/due"), 20);
    assert_eq!(count(&result, "/results/missed"), 0);
    assert_eq!(latency_count(&result, "ack_latency"), 20);
    assert_eq!(latency_count(&result, "delivery_latency"), 20);
    assert_eq!(count(&result, "/results/verified_messages"), 30);
}

#[test]
fn everybody_in_a_room_gets_every_message() {
    let result = result_of(&[
        "room",
        "--members",
        "12",
        "--in-flight",
        "3",
        "--seconds",
        "0.2",
        "--warm-up",
        "0.1",
    ]);
    assert!(number(&result, "/results/deliveries_per_second") > 0.0);
    assert!(number(&result, "/results/verified_messages") > 0.0);
    assert!(latency_count(&result, "last_delivery_latency") > 0);
    assert!(latency_count(&result, "ack_latency") > 0);
    assert_server_is_watched(&result);
}

#[test]
fn a_conversation_that_many_write_to_has_one_order() {
    let result = result_of(&[
        "hot",
        "--senders",
        "5",
        "--listeners",
        "2",
        "--seconds",
        "0.2",
        "--warm-up",
        "0.1",
    ]);
    assert!(number(&result, "/results/sends_per_second") > 0.0);
    assert!(number(&result, "/results/verified_messages") > 0.0);
    assert!(latency_count(&result, "ack_latency") > 0);
    assert_server_is_watched(&result);
}

#[test]
fn idle_sockets_stay_and_answer() {
    let result = result_of(&[
        "idle",
        "--sockets",
        "25",
        "--conversation-members",
        "5",
        "--hold",
        "0.1",
    ]);
    assert!(number(&result, "/results/logins_per_second") > 0.0);
    assert_eq!(count(&result, "/results/answered"), 25);
    assert_eq!(latency_count(&result, "pong_latency"), 25);
    assert_server_is_watched(&result);
}

#[test]
fn a_history_is_read_from_its_beginning() {
    let result = result_of(&[
        "catchup",
        "--events",
        "250",
        "--clients",
        "2",
        "--page",
        "100",
        "--seconds",
        "0.2",
        "--warm-up",
        "0.1",
    ]);
    assert!(number(&result, "/results/events_per_second") > 0.0);
    assert!(number(&result, "/results/verified_events") > 250.0);
    assert_server_is_watched(&result);
}

#[test]
fn a_killed_server_has_what_it_acknowledged() {
    let result = result_of(&[
        "restart", "--events", "500", "--kills", "2", "--sends", "50",
    ]);
    assert_eq!(latency_count(&result, "listening"), 2);
    assert_eq!(latency_count(&result, "first_ack"), 2);
    // Before each of two kills 51, and the first one after each of two starts.
    assert_eq!(count(&result, "/results/verified_messages"), 2 * 51 + 1);
    assert!(number(&result, "/results/stored_bytes_per_message") > 200.0);
}

#[test]
fn a_table_is_for_people() {
    let parent = env!("CARGO_TARGET_TMPDIR");
    let output = bench(&[
        "idle",
        "--sockets",
        "2",
        "--hold",
        "0",
        "--data-parent",
        parent,
    ]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("\n  logins per second"), "{table}");
    assert!(!table.contains('{'), "{table}");
}

#[test]
fn nothing_is_left_behind() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = parent.path().to_str().unwrap();
    let output = bench(&[
        "idle",
        "--sockets",
        "2",
        "--hold",
        "0",
        "--data-parent",
        path,
    ]);
    assert!(output.status.success());
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);
}

#[test]
fn an_interruption_ends_the_server_and_removes_its_store() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bench = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["bench", "idle", "--sockets", "2", "--hold", "3600"])
        .arg("--data-parent")
        .arg(parent.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let has_store = |parent: &Path| {
        let mut made = parent.read_dir().unwrap();
        made.any(|made| made.unwrap().path().join("data").is_dir())
    };
    wait_until(|| has_store(parent.path()));
    interrupt(&bench);
    let ended = bench.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_server_that_runs_already_can_be_measured() {
    let files = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (key, secret) = ("bench-test-key", "bench-test-secret-of-enough-bytes");
    let config = files.path().join("tidemark.toml");
    let text = format!("api_keys = [\"{key}\"]\n[auth.jwt]\nhs256_secret = \"{secret}\"\n");
    std::fs::write(&config, text).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data")
        .arg(files.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let pid = server.id().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["bench", "idle", "--sockets", "3", "--hold", "0", "--json"])
        // Twice, as if they were two nodes.
        .args(["--url", url, "--url", url, "--server-pid", &pid])
        .env("TIDEMARK_API_KEY", key)
        .env("TIDEMARK_JWT_SECRET", secret)
        .output()
        .unwrap();
    interrupt(&server);
    assert!(server.wait().unwrap().success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(count(&result, "/results/answered"), 3);
    assert_eq!(result["machine"]["filesystem"], Value::Null);
    assert_server_is_watched(&result);
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "it has not come to that");
        sleep(Duration::from_millis(5));
    }
}

fn interrupt(process: &Child) {
    let pid = i32::try_from(process.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
}

#[test]
fn flags_that_cannot_be_met_are_refused_with_what_to_do() {
    for (arguments, hint) in [
        (
            &["sends", "--url", "http://127.0.0.1:1"][..],
            "TIDEMARK_API_KEY",
        ),
        (&["sends", "--url", "nowhere"], "http://"),
        (&["sends", "--server-pid", "1"], "--url"),
        (
            &["restart", "--url", "http://127.0.0.1:1"],
            "leave --url out",
        ),
        (&["sends", "--seconds", "soon"], "seconds"),
        (&["sends", "--pairs", "0"], "pairs"),
    ] {
        let output = bench(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(hint), "{arguments:?}: {complaint}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let output = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(["bench", "sends", "--url", "http://127.0.0.1:1"])
        .env("TIDEMARK_API_KEY", "a key that nobody asks for")
        .env(
            "TIDEMARK_JWT_SECRET",
            "a secret that signs for nobody at all",
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn an_inbox_is_read_whole_and_devices_are_brought_up_to_date() {
    let result = result_of(&[
        "inbox",
        "--conversations",
        "12",
        "--channels",
        "3",
        "--channel-members",
        "1500",
        "--messages",
        "2",
        "--page",
        "5",
        "--rounds",
        "4",
    ]);
    assert_eq!(count(&result, "/results/pages"), 3);
    for name in [
        "first_page",
        "all_pages",
        "sync_with_nothing_new",
        "sync_with_news_everywhere",
        "sync_of_a_new_device",
    ] {
        assert_eq!(latency_count(&result, name), 4);
    }
    assert_server_is_watched(&result);
    let foreign = bench(&["inbox", "--url", "http://127.0.0.1:1"]);
    assert_eq!(foreign.status.code(), Some(2));
    let channels = bench(&["inbox", "--conversations", "2", "--channels", "3"]);
    assert_eq!(channels.status.code(), Some(2));
}

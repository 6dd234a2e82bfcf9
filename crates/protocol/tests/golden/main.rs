//! The golden files hold against the code, both ways: what is written there parses to the value that is meant, and the
//! value is encoded as it is written there, byte for byte. Clients in other languages read the same files.
//!
//! `TIDEMARK_GOLDEN=write cargo test -p tidemark-protocol --test golden` writes them anew.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod amendments;
mod bodies;
mod bots;
mod client;
mod file;
mod moderation;
mod problems;
mod refused;
mod samples;
mod server;
mod threads;
mod tolerated;
mod uploads;

use std::collections::BTreeSet;
use std::sync::Once;

use file::Golden;
use serde_json::Value;
use tidemark_protocol::frame::{ClientFrame, ServerFrame};
use tidemark_protocol::wire::LogEntry;
use tidemark_protocol::{ByeCode, Code};

/// All files; written before they are first read, where that was asked for.
fn all() -> Vec<Golden> {
    static WRITTEN: Once = Once::new();

    let files: Vec<Golden> = [
        client::files(),
        server::files(),
        tolerated::files(),
        refused::files(),
        bodies::files(),
        threads::files(),
        moderation::files(),
        uploads::files(),
        bots::files(),
    ]
    .into_iter()
    .flatten()
    .collect();
    WRITTEN.call_once(|| file::write_if_asked(&files));
    files
}

/// What a field says in every case of the files below a folder or of one file.
fn values_of(path: &str, pointer: &str) -> BTreeSet<String> {
    let files = all().into_iter().filter(|file| file.path.starts_with(path));
    let texts = files.flat_map(|file| file.entries().into_iter().map(|entry| entry.text));
    texts
        .filter_map(|text| {
            let json: Value = serde_json::from_str(&text).unwrap();
            json.pointer(pointer)?.as_str().map(str::to_owned)
        })
        .collect()
}

fn set<'name>(names: impl IntoIterator<Item = &'name str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_golden_file_holds_both_ways() {
    for golden in all() {
        golden.check();
    }
}

#[test]
fn the_folder_has_these_files_and_no_others() {
    let mut expected: BTreeSet<String> = all().into_iter().map(|golden| golden.path).collect();
    expected.insert("README.md".to_owned());
    assert_eq!(file::found(), expected);
}

#[test]
fn every_frame_of_a_client_has_a_file_of_its_own() {
    assert_eq!(values_of("client/", "/type"), set(ClientFrame::TYPES));
    for name in ClientFrame::TYPES {
        assert_eq!(
            values_of(&format!("client/{name}.json"), "/type"),
            set([name])
        );
    }
}

#[test]
fn every_frame_of_a_server_has_a_file_of_its_own() {
    assert_eq!(values_of("server/", "/type"), set(ServerFrame::TYPES));
    for name in ServerFrame::TYPES {
        assert_eq!(
            values_of(&format!("server/{name}.json"), "/type"),
            set([name])
        );
    }
}

#[test]
fn every_kind_of_event_is_shown() {
    assert_eq!(
        values_of("server/event.json", "/kind"),
        set(LogEntry::KINDS)
    );
}

#[test]
fn every_code_is_shown() {
    let codes = || set(Code::ALL.iter().map(|code| code.as_str()));
    assert_eq!(values_of("server/refused.json", "/code"), codes());
    assert_eq!(values_of("http/problem.json", "/code"), codes());
    let goodbyes = set(ByeCode::ALL.iter().map(|code| code.as_str()));
    assert_eq!(values_of("server/bye.json", "/code"), goodbyes);
}

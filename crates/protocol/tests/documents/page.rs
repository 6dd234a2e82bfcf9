//! `docs/protocol.md`: it tells of everything, and its examples are real.

use serde_json::Value;
use tidemark_protocol::frame::{ClientFrame, ServerFrame};
use tidemark_protocol::wire::LogEntry;
use tidemark_protocol::{ByeCode, Code};

use crate::{document, golden};

/// The JSON in the fenced blocks of a page.
fn examples(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1);
    blocks
        .map(|rest| {
            let (json, _) = rest.split_once("```").expect("a block ends");
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}"))
        })
        .collect()
}

#[test]
fn every_example_is_one_of_the_golden_files() {
    let frames = [golden("client", "frame"), golden("server", "frame")].concat();
    let known = [frames, golden("http", "body")].concat();
    let examples = examples(&document("protocol.md"));
    for example in &examples {
        assert!(known.contains(example), "nowhere in the files: {example}");
    }
    for name in ClientFrame::TYPES.into_iter().chain(ServerFrame::TYPES) {
        let shows = |example: &&Value| example["type"] == name;
        assert!(examples.iter().any(|it| shows(&it)), "no example of {name}");
    }
}

#[test]
fn the_page_explains_every_frame() {
    let page = document("protocol.md");
    let (_, socket) = page.split_once("\n## The socket\n").unwrap();
    let (_, from_client) = socket.split_once("\n### From the client\n").unwrap();
    let (from_client, rest) = from_client.split_once("\n### From the server\n").unwrap();
    let (from_server, _) = rest.split_once("\n## ").unwrap();
    for name in ClientFrame::TYPES {
        assert!(from_client.contains(&format!("**`{name}`**")), "{name}");
    }
    for name in ServerFrame::TYPES {
        assert!(from_server.contains(&format!("**`{name}`**")), "{name}");
    }
}

#[test]
fn the_page_has_a_row_for_every_kind_and_code() {
    let page = document("protocol.md");
    for kind in LogEntry::KINDS {
        assert!(page.contains(&format!("\n| `{kind}` | ")), "{kind}");
    }
    for code in Code::ALL {
        let row = format!("\n| `{code}` | {}", code.status());
        assert!(page.contains(&row), "{row}");
    }
    for code in ByeCode::ALL {
        let row = format!("\n| `{code}` | {} |", code.close_number());
        assert!(page.contains(&row), "{row}");
    }
}

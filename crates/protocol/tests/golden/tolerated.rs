//! Other ways of writing that are taken as well: what each means is the frame as we would write it, or that it is to be
//! passed over.

use tidemark_protocol::frame::{ClientFrame, ParseLimits, ServerFrame};
use tidemark_protocol::wire::LogEntry;

use crate::file::{Case, Entry, Golden};
use crate::samples::{CLIENT_ID, HARBOUR};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("tolerated/client.json", client()),
        Golden::new("tolerated/server.json", server()),
    ]
}

fn case(name: &str, text: &str, means: (&'static str, String)) -> Case {
    let text = text.replace("HARBOUR", HARBOUR).replace("MINE", CLIENT_ID);
    let fields = vec![("text", serde_json::to_string(&text).unwrap()), means];
    Case::new(name, fields, |_: &Entry| {})
}

fn client() -> Vec<Case> {
    let taken = |name, text: &str| {
        let whole = text.replace("HARBOUR", HARBOUR).replace("MINE", CLIENT_ID);
        let frame = ClientFrame::parse(&whole, &ParseLimits::default()).unwrap();
        case(name, text, ("same_as", frame.encode()))
    };
    vec![
        taken(
            "fields that are not known",
            r#"{"type":"ping","id":1,"sent_by":{"app":[1,2,{"deep":[]}]}}"#,
        ),
        taken(
            "spaces, another order, escapes",
            " {\n \"id\" : 1 , \"type\" : \"p\\u0069ng\" } ",
        ),
        taken("null for an id", r#"{"type":"ping","id":null}"#),
        taken(
            "a hello without cursors",
            r#"{"type":"hello","token":"TOKEN"}"#,
        ),
        taken(
            "null for what a hello may lack",
            r#"{"type":"hello","token":"TOKEN","cursors":null,"epoch":null,"device":null}"#,
        ),
        taken(
            "null for what a message may lack",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"hi","reply_to":null,"mentions":null,"client_at":null}"#,
        ),
        taken(
            "nobody mentioned",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"hi","mentions":[]}"#,
        ),
        taken(
            "empty fields of later versions",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"hi","attachments":null,"thread":null}"#,
        ),
        taken(
            "null for the after of an open",
            r#"{"type":"open","conversation":"HARBOUR","after":null}"#,
        ),
        taken(
            "null for the limit of a sync",
            r#"{"type":"sync","conversation":"HARBOUR","after":0,"limit":null}"#,
        ),
        taken(
            "a UUID in capitals",
            &format!(
                r#"{{"type":"close","conversation":"{}"}}"#,
                HARBOUR.to_uppercase()
            ),
        ),
        taken(
            "a UUID without hyphens",
            &format!(
                r#"{{"type":"close","conversation":"{}"}}"#,
                HARBOUR.replace('-', "")
            ),
        ),
    ]
}

fn server() -> Vec<Case> {
    let known = |name, text: &str| {
        let frame = ServerFrame::parse(&text.replace("HARBOUR", HARBOUR)).unwrap();
        assert!(!matches!(frame, ServerFrame::Unknown(_)));
        case(name, text, ("same_as", frame.encode()))
    };
    let passed = |name, text: &str| {
        let frame = ServerFrame::parse(&text.replace("HARBOUR", HARBOUR)).unwrap();
        let does = match frame {
            ServerFrame::Unknown(_) => "nothing",
            ServerFrame::Event(LogEntry::Unknown(_)) => "moves the cursor",
            known => panic!("{known:?} is known"),
        };
        case(name, text, ("does", serde_json::to_string(does).unwrap()))
    };
    vec![
        known("fields that are not known", r#"{"type":"pong","load":0.5}"#),
        known(
            "a code that is not known",
            r#"{"type":"refused","id":1,"code":"on_holiday","detail":"back on Monday"}"#,
        ),
        known(
            "a goodbye that is not known",
            r#"{"type":"bye","code":"moved","reconnect":true,"after_ms":0}"#,
        ),
        known(
            "members without empty lists",
            r#"{"type":"event","conversation":"HARBOUR","seq":6,"at":1750000060000,"kind":"members","by":"ann","left":["ben"]}"#,
        ),
        passed(
            "a frame that is not known",
            r#"{"type":"tide","conversation":"HARBOUR","height_cm":340}"#,
        ),
        passed(
            "an event of a kind that is not known",
            r#"{"type":"event","conversation":"HARBOUR","seq":12,"at":1750000120000,"kind":"poll","target":4,"by":"ann","on":true}"#,
        ),
    ]
}

//! What makes no sense, and what a server says to it.

use serde::Serialize;
use tidemark_protocol::ByeCode;
use tidemark_protocol::body::{
    ConversationPatch, MoveCursor, NewConversation, NewMessage, SyncRequest,
};
use tidemark_protocol::session::server::{INVALID_FRAMES_MAX, Input, ServerSession, Settings};
use tidemark_protocol::wire::parse_object;

use crate::file::{Case, Entry, Golden};
use crate::samples::{CLIENT_ID, HARBOUR};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("refused/frames.json", frames()),
        Golden::new("refused/hellos.json", hellos()),
        Golden::new("refused/sockets.json", sockets()),
        Golden::new("refused/bodies.json", bodies()),
    ]
}

const HELLO: &str = r#"{"type":"hello","token":"TOKEN"}"#;

fn live() -> ServerSession {
    let mut session = ServerSession::new(0, Settings::default());
    assert!(matches!(session.handle_text(0, HELLO), Input::Hello(_)));
    session
}

fn whole(text: &str) -> String {
    text.replace("HARBOUR", HARBOUR).replace("MINE", CLIENT_ID)
}

/// A text frame on a socket that was welcomed, and the `refused` that answers it. The socket stays open.
fn frame(name: &str, text: &str) -> Case {
    answered(live(), name, text)
}

/// The same as the first frame of a socket: it can be said again, better.
fn hello(name: &str, text: &str) -> Case {
    answered(ServerSession::new(0, Settings::default()), name, text)
}

fn answered(mut session: ServerSession, name: &str, text: &str) -> Case {
    let text = whole(text);
    let Input::Refuse(refused) = session.handle_text(1, &text) else {
        panic!("{text} is not refused");
    };
    let fields = vec![
        ("text", serde_json::to_string(&text).unwrap()),
        ("answer", refused.encode()),
    ];
    Case::new(name, fields, |_: &Entry| {})
}

fn frames() -> Vec<Case> {
    let mut cases = vec![
        frame("nothing", ""),
        frame("no JSON", "hello?"),
        frame("cut off", r#"{"type":"ping","id":1"#),
        frame("more than one", r#"{"type":"ping"}{"type":"ping"}"#),
        frame("a comment", r#"{"type":"ping"} // please"#),
        frame("a list", r#"["ping"]"#),
        frame("a string", r#""ping""#),
        frame("a number", "1"),
        frame("null", "null"),
        frame("a comma too many", r#"{"type":"ping",}"#),
        frame("single quotes", "{'type':'ping'}"),
        frame("a number that is none", r#"{"type":"ping","id":NaN}"#),
        frame(
            "half a surrogate pair",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"\ud83c"}"#,
        ),
        frame(
            "a raw line break in a string",
            "{\"type\":\"send\",\"id\":1,\"conversation\":\"HARBOUR\",\"client_id\":\"MINE\",\"text\":\"a\nb\"}",
        ),
        frame("no type", r#"{"id":1}"#),
        frame("null for the type", r#"{"type":null,"id":1}"#),
        frame("a number for the type", r#"{"type":5,"id":1}"#),
        frame("no such type", r#"{"type":"dance","id":1}"#),
        frame("a type in capitals", r#"{"type":"PING","id":1}"#),
        frame("an empty type", r#"{"type":"","id":1}"#),
        frame(
            "a frame of the server",
            r#"{"type":"ack","id":1,"conversation":"HARBOUR","seq":1,"at":1,"duplicate":false}"#,
        ),
        frame("the type twice", r#"{"type":"ping","id":1,"type":"close"}"#),
        frame("the id twice", r#"{"type":"ping","id":1,"id":2}"#),
        frame("a string for the id", r#"{"type":"ping","id":"1"}"#),
        frame("a fraction for the id", r#"{"type":"ping","id":1.0}"#),
        frame(
            "an id of more than 64 bits",
            r#"{"type":"ping","id":9223372036854775808}"#,
        ),
        frame(
            "a field twice",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"a","text":"b"}"#,
        ),
    ];
    cases.extend(sends());
    cases.extend(places());
    cases.extend(signals());
    cases.extend(["edit", "delete", "react", "pin"].map(|name| {
        frame(
            &format!("{name} of no message"),
            &format!(r#"{{"type":"{name}","id":1,"conversation":"HARBOUR","target":0}}"#),
        )
    }));
    cases.push(frame(
        "a reaction with words",
        r#"{"type":"react","id":1,"conversation":"HARBOUR","target":4,"emoji":"very good","on":true}"#,
    ));
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200), close.repeat(200));
    cases.push(frame(
        "deep JSON where there should be text",
        &format!(
            r#"{{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":{}}}"#,
            deep("[", "]")
        ),
    ));
    cases.push(frame(
        "deep JSON where there should be a list",
        &format!(
            r#"{{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"hi","mentions":{}}}"#,
            deep(r#"{"a":"#, "}").replace(r#"{"a":}"#, "{}")
        ),
    ));
    cases
}

fn signals() -> Vec<Case> {
    let many = vec![r#""ben""#; 501].join(",");
    vec![
        frame("typing nowhere", r#"{"type":"typing","id":1}"#),
        frame(
            "typing in what is no UUID",
            r#"{"type":"typing","id":1,"conversation":"lobby"}"#,
        ),
        frame("a presence without status", r#"{"type":"presence","id":1}"#),
        frame(
            "a device that says that it is offline",
            r#"{"type":"presence","id":1,"status":"offline"}"#,
        ),
        frame(
            "a status that there is not",
            r#"{"type":"presence","id":1,"status":"busy"}"#,
        ),
        frame(
            "true for the status",
            r#"{"type":"presence","id":1,"status":true}"#,
        ),
        frame("a watch of what is missing", r#"{"type":"watch","id":1}"#),
        frame(
            "null for the users",
            r#"{"type":"watch","id":1,"users":null}"#,
        ),
        frame(
            "one user instead of a list",
            r#"{"type":"watch","id":1,"users":"ben"}"#,
        ),
        frame(
            "a watch of what is no user id",
            r#"{"type":"watch","id":1,"users":["ben","a b"]}"#,
        ),
        frame(
            "a watch of too many",
            &format!(r#"{{"type":"watch","id":1,"users":[{many}]}}"#),
        ),
    ]
}

fn sends() -> Vec<Case> {
    let with = |name: &str, fields: &str| {
        let start =
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":"hi","#;
        frame(name, &format!("{start}{fields}}}"))
    };
    vec![
        frame(
            "a send without text",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE"}"#,
        ),
        frame(
            "a send without client_id",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","text":"hi"}"#,
        ),
        frame(
            "a send without conversation",
            r#"{"type":"send","id":1,"client_id":"MINE","text":"hi"}"#,
        ),
        frame(
            "null for the text",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":null}"#,
        ),
        frame(
            "a number for the text",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"MINE","text":7}"#,
        ),
        frame(
            "a conversation that is no UUID",
            r#"{"type":"send","id":1,"conversation":"lobby","client_id":"MINE","text":"hi"}"#,
        ),
        frame(
            "a UUID with a character too many",
            r#"{"type":"send","id":1,"conversation":"HARBOUR0","client_id":"MINE","text":"hi"}"#,
        ),
        frame(
            "an empty client_id",
            r#"{"type":"send","id":1,"conversation":"HARBOUR","client_id":"","text":"hi"}"#,
        ),
        with("a reply to nothing", r#""reply_to":0"#),
        with("a string for reply_to", r#""reply_to":"3""#),
        with(
            "a mention that is no user id",
            r#""mentions":["ben","a b"]"#,
        ),
        with("an empty mention", r#""mentions":[""]"#),
        with(
            "a mention that is too long",
            &format!(r#""mentions":["{}"]"#, "x".repeat(65)),
        ),
        with("a word for mentions", r#""mentions":"everybody""#),
        with("an object for mentions", r#""mentions":{"ben":true}"#),
        with(
            "a date for client_at",
            r#""client_at":"2025-06-15T15:06:40Z""#,
        ),
        with("a fraction for client_at", r#""client_at":1750000000000.5"#),
        with(
            "a client_at that JSON readers round",
            r#""client_at":9007199254740993"#,
        ),
        with(
            "an attachment without an id",
            r#""attachments":[{"name":"cat.png"}]"#,
        ),
        with("a thread of nothing", r#""thread":0"#),
        with(
            "also in the conversation, without a thread",
            r#""also_in_conversation":true"#,
        ),
    ]
}

fn places() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("zero", "0"),
        ("a negative seq", "-1"),
        ("a seq above 2^53 - 1", "9007199254740992"),
        ("a seq of 2^63", "9223372036854775808"),
        ("a seq of more than 64 bits", "36893488147419103232"),
        ("a fraction", "1.5"),
        ("a whole number written as a fraction", "1.0"),
        ("a whole number written with an exponent", "1e3"),
        ("a string for the seq", "\"4\""),
        ("true for the seq", "true"),
        ("null for the seq", "null"),
    ]
    .into_iter()
    .map(|(name, seq)| {
        let text = format!(r#"{{"type":"read","id":1,"conversation":"HARBOUR","seq":{seq}}}"#);
        frame(&format!("a read of {name}"), &text)
    })
    .collect();
    cases.extend([
        frame(
            "a read without seq",
            r#"{"type":"read","id":1,"conversation":"HARBOUR"}"#,
        ),
        frame(
            "a sync without after",
            r#"{"type":"sync","id":1,"conversation":"HARBOUR"}"#,
        ),
        frame(
            "a sync after a negative seq",
            r#"{"type":"sync","id":1,"conversation":"HARBOUR","after":-1}"#,
        ),
        frame(
            "a sync of no events",
            r#"{"type":"sync","id":1,"conversation":"HARBOUR","after":0,"limit":0}"#,
        ),
        frame(
            "a sync of more events than there are numbers",
            r#"{"type":"sync","id":1,"conversation":"HARBOUR","after":0,"limit":4294967296}"#,
        ),
        frame(
            "an open after what no log reaches",
            r#"{"type":"open","id":1,"conversation":"HARBOUR","after":9007199254740992}"#,
        ),
        frame("a close of nothing", r#"{"type":"close","id":1}"#),
        frame(
            "a close of a list",
            r#"{"type":"close","id":1,"conversation":["HARBOUR"]}"#,
        ),
    ]);
    cases
}

fn hellos() -> Vec<Case> {
    let with = |name: &str, fields: &str| {
        hello(
            name,
            &format!(r#"{{"type":"hello","token":"TOKEN",{fields}}}"#),
        )
    };
    let many: Vec<String> = (0..1_001)
        .map(|n| format!(r#""00000000-0000-7000-8000-{n:012}":1"#))
        .collect();
    vec![
        with("an id that is no integer", r#""id":"first""#),
        with("a cursor of no conversation", r#""cursors":{"lobby":1}"#),
        with("a negative cursor", r#""cursors":{"HARBOUR":-1}"#),
        with("a fraction for a cursor", r#""cursors":{"HARBOUR":1.0}"#),
        with(
            "a cursor that no log reaches",
            r#""cursors":{"HARBOUR":9007199254740992}"#,
        ),
        with("null for a cursor", r#""cursors":{"HARBOUR":null}"#),
        with(
            "a conversation twice",
            r#""cursors":{"HARBOUR":4,"HARBOUR":9}"#,
        ),
        with("a list of cursors", r#""cursors":[["HARBOUR",4]]"#),
        with("a number for the epoch", r#""epoch":7"#),
        with("a list for the device", r#""device":["phone"]"#),
        hello(
            "a number for the token",
            r#"{"type":"hello","token":12345}"#,
        ),
        with(
            "too many cursors",
            &format!(r#""cursors":{{{}}}"#, many.join(",")),
        ),
    ]
}

/// What a client does on a socket that was just opened.
#[derive(Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sent {
    /// A text frame.
    Text(String),
    /// A text frame of so many spaces.
    Spaces(usize),
    /// A text frame of these bytes, in hexadecimal.
    InvalidUtf8(&'static str),
    /// A binary frame of these bytes, in hexadecimal.
    Binary(&'static str),
    /// Nothing, for so long.
    SilenceMs(u64),
}

/// What the protocol alone can tell of it; size and tokens are the server's to judge.
fn ends_with(sent: &[Sent]) -> Option<ByeCode> {
    let mut session = ServerSession::new(0, Settings::default());
    let mut now = 0;
    let mut end = None;
    for sent in sent {
        assert_eq!(end, None, "only the last thing closes the socket");
        end = match sent {
            Sent::Text(text) => match session.handle_text(now, text) {
                Input::Close(code) => Some(code),
                _ => None,
            },
            Sent::Spaces(_) => None,
            Sent::InvalidUtf8(_) | Sent::Binary(_) => match session.handle_not_text() {
                Input::Close(code) => Some(code),
                _ => None,
            },
            Sent::SilenceMs(silence) => {
                now += silence;
                session.handle_timeout(now)
            }
        };
    }
    end
}

fn sockets() -> Vec<Case> {
    use Sent::{Binary, InvalidUtf8, SilenceMs, Spaces};
    let text = |text: &str| Sent::Text(whole(text));
    let closed = |name: &str, by_protocol: bool, sends: Vec<Sent>, code: ByeCode| {
        let expected = by_protocol.then_some(code);
        assert_eq!(ends_with(&sends), expected, "{name}");
        let fields = vec![
            ("sends", serde_json::to_string(&sends).unwrap()),
            ("bye", serde_json::to_string(&code).unwrap()),
            ("close", code.close_number().to_string()),
        ];
        Case::new(name, fields, |_: &Entry| {})
    };
    let broken = ByeCode::ProtocolError;
    let mut nonsense = vec![text(HELLO)];
    nonsense.extend((0..INVALID_FRAMES_MAX).map(|_| text("?")));
    vec![
        closed(
            "a request before hello",
            true,
            vec![text(r#"{"type":"ping"}"#)],
            broken,
        ),
        closed("no JSON before hello", true, vec![text("?")], broken),
        closed(
            "no such frame before hello",
            true,
            vec![text(r#"{"type":"dance"}"#)],
            broken,
        ),
        closed("hello twice", true, vec![text(HELLO), text(HELLO)], broken),
        closed("no hello in time", true, vec![SilenceMs(10_000)], broken),
        closed(
            "nothing for too long",
            true,
            vec![text(HELLO), SilenceMs(90_000)],
            ByeCode::Idle,
        ),
        closed("nonsense a hundred times in a row", true, nonsense, broken),
        closed(
            "a binary frame",
            true,
            vec![text(HELLO), Binary("7b7d")],
            broken,
        ),
        closed(
            "a binary frame before hello",
            true,
            vec![Binary("7b7d")],
            broken,
        ),
        closed(
            "text that is not UTF-8",
            true,
            vec![text(HELLO), InvalidUtf8("22c32822")],
            broken,
        ),
        closed(
            "a frame that is too large",
            false,
            vec![text(HELLO), Spaces(65_537)],
            ByeCode::TooLarge,
        ),
        closed(
            "a first frame that is too large",
            false,
            vec![Spaces(65_537)],
            ByeCode::TooLarge,
        ),
        closed(
            "a token that is not good",
            false,
            vec![text(r#"{"type":"hello","token":"nobody's"}"#)],
            ByeCode::Unauthorized,
        ),
        closed(
            "no token",
            false,
            vec![text(r#"{"type":"hello"}"#)],
            ByeCode::Unauthorized,
        ),
    ]
}

fn bodies() -> Vec<Case> {
    fn body<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Case {
        let text = whole(text);
        let Err(error) = parse_object::<T>(&text) else {
            panic!("{text} is not refused");
        };
        let fields = vec![
            ("text", serde_json::to_string(&text).unwrap()),
            ("status", "400".to_owned()),
            ("code", "\"invalid\"".to_owned()),
            ("detail", serde_json::to_string(&error.to_string()).unwrap()),
        ];
        Case::new(name, fields, |_: &Entry| {})
    }
    vec![
        body::<NewMessage>("POST …/messages: nothing", ""),
        body::<NewMessage>("POST …/messages: a list", r#"["MINE","hi"]"#),
        body::<NewMessage>("POST …/messages: no client_id", r#"{"text":"hi"}"#),
        body::<NewMessage>(
            "POST …/messages: a reply to nothing",
            r#"{"client_id":"MINE","text":"hi","reply_to":0}"#,
        ),
        body::<NewMessage>(
            "POST …/messages: an attachment that is no id",
            r#"{"client_id":"MINE","text":"hi","attachments":[{"upload_id":"cat.png"}]}"#,
        ),
        body::<NewConversation>("POST /v1/conversations: no such kind", r#"{"kind":"club"}"#),
        body::<NewConversation>(
            "POST /v1/conversations: a member that is no user id",
            r#"{"kind":"group","members":["ben","a b"]}"#,
        ),
        body::<ConversationPatch>(
            "PATCH /v1/conversations/{id}: retention_days",
            r#"{"retention_days":30}"#,
        ),
        body::<MoveCursor>("PUT …/read: zero", r#"{"seq":0}"#),
        body::<MoveCursor>("PUT …/read: a fraction", r#"{"seq":1.0}"#),
        body::<SyncRequest>(
            "POST /v1/sync: a key that is no UUID",
            r#"{"conversations":{"lobby":1}}"#,
        ),
        body::<SyncRequest>(
            "POST /v1/sync: a negative cursor",
            r#"{"conversations":{"HARBOUR":-1}}"#,
        ),
        body::<SyncRequest>(
            "POST /v1/sync: a conversation twice",
            r#"{"conversations":{"HARBOUR":1,"HARBOUR":2}}"#,
        ),
    ]
}

//! What a server makes of the text that clients send.

use tidemark_core::conversation::Mentions;
use tidemark_protocol::Code;
use tidemark_protocol::body::{NewConversation, SignIn, SyncRequest};
use tidemark_protocol::frame::{ClientFrame, FrameError, ParseLimits, Request, RequestId};
use tidemark_protocol::wire::parse_object;

const CONVERSATION: &str = "0192f0c1-0000-7000-8000-000000000001";
const CLIENT_ID: &str = "0192f0c1-0000-7000-8000-0000000000aa";

fn parse(text: &str) -> Result<ClientFrame, FrameError> {
    ClientFrame::parse(text, &ParseLimits::default())
}

fn send_with(fields: &str) -> String {
    format!(
        r#"{{"type":"send","id":7,"conversation":"{CONVERSATION}","client_id":"{CLIENT_ID}","text":"hi"{fields}}}"#
    )
}

fn assert_refused(text: &str, id: Option<i64>, detail_has: &str) {
    let error = parse(text).expect_err("the text is no good frame");
    assert_eq!(error.code, Code::Invalid, "{text}");
    assert_eq!(error.id, id.map(RequestId), "{text}");
    assert!(
        error.detail.contains(detail_has),
        "{text}: {:?} should name {detail_has:?}",
        error.detail
    );
}

#[test]
fn a_send_keeps_all_its_fields() {
    let text = send_with(r#","reply_to":3,"mentions":["ann"],"client_at":5,"new_field":{}"#);
    let Ok(ClientFrame::Request(Request::Send(send))) = parse(&text) else {
        panic!("it is a send");
    };
    assert_eq!(send.id, Some(RequestId(7)));
    assert_eq!(send.conversation.to_string(), CONVERSATION);
    assert_eq!(send.message.client_id.to_string(), CLIENT_ID);
    assert_eq!(send.message.text, "hi");
    assert_eq!(send.message.reply_to.unwrap().get(), 3);
    assert!(send.message.mentions.includes(&"ann".parse().unwrap()));
    assert_eq!(send.message.client_at.unwrap().0, 5);
}

#[test]
fn everybody_can_be_mentioned_at_once() {
    let Ok(ClientFrame::Request(Request::Send(send))) = parse(&send_with(r#","mentions":"all""#))
    else {
        panic!("it is a send");
    };
    assert_eq!(send.message.mentions, Mentions::All);
}

#[test]
fn the_offending_field_is_named() {
    assert_refused(&send_with(r#","mentions":["a b"]"#), Some(7), "mentions[0]");
    assert_refused(&send_with(r#","mentions":"some""#), Some(7), "mentions");
    assert_refused(&send_with(r#","client_at":"now""#), Some(7), "client_at");
    let no_text = format!(
        r#"{{"type":"send","id":1,"conversation":"{CONVERSATION}","client_id":"{CLIENT_ID}"}}"#
    );
    assert_refused(&no_text, Some(1), "text");
    let bad_id = r#"{"type":"close","id":2,"conversation":"lobby"}"#;
    assert_refused(bad_id, Some(2), "conversation: a conversation id is a UUID");
}

#[test]
fn places_outside_the_log_are_refused() {
    for seq in [
        "-1",
        "9007199254740992",
        "9223372036854775808",
        "1.5",
        "1e3",
        "\"4\"",
        "null",
    ] {
        let text =
            format!(r#"{{"type":"read","id":4,"conversation":"{CONVERSATION}","seq":{seq}}}"#);
        assert_refused(&text, Some(4), "seq");
        let text =
            format!(r#"{{"type":"sync","id":4,"conversation":"{CONVERSATION}","after":{seq}}}"#);
        assert_refused(&text, Some(4), "after");
        let text = format!(r#"{{"type":"hello","cursors":{{"{CONVERSATION}":{seq}}}}}"#);
        assert_refused(&text, None, "cursors");
    }
    let zero = format!(r#"{{"type":"read","conversation":"{CONVERSATION}","seq":0}}"#);
    assert_refused(&zero, None, "from 1");
    assert_refused(&send_with(r#","reply_to":0"#), Some(7), "from 1");
}

#[test]
fn what_would_be_dropped_is_refused_instead() {
    assert_refused(
        &send_with(r#","attachments":["x"]"#),
        Some(7),
        "attachments",
    );
    assert_refused(&send_with(r#","attachments":{}"#), Some(7), "attachments");
    let nowhere = send_with(r#","also_in_conversation":true"#);
    assert_refused(&nowhere, Some(7), "also_in_conversation");
    assert!(parse(&send_with(r#","attachments":[],"thread":null"#)).is_ok());
}

#[test]
fn frames_that_do_not_exist_are_refused_with_their_id() {
    assert_refused(r#"{"type":"dance","id":9}"#, Some(9), "dance");
}

#[test]
fn what_makes_no_sense_of_a_message_is_refused() {
    let about = |name: &str, more: &str| {
        format!(
            r#"{{"type":"{name}","id":9,"conversation":"0190163d-8694-739b-aea5-966c26f8ad91"{more}}}"#
        )
    };
    for name in ["edit", "delete", "react", "pin"] {
        assert_refused(&about(name, ""), Some(9), "target");
        for place in ["0", "-1", "1.5", "\"4\"", "9223372036854775808", "null"] {
            let target = format!(r#","target":{place}"#);
            assert_refused(&about(name, &target), Some(9), "target");
        }
        let named = r#","target":4,"client_id":"seven""#;
        assert_refused(&about(name, named), Some(9), "client_id");
    }
    assert!(parse(&about("delete", r#","target":4"#)).is_ok());
    assert_refused(&about("edit", r#","target":4"#), Some(9), "text");
    let some = r#","target":4,"text":"x","mentions":"some""#;
    assert_refused(&about("edit", some), Some(9), "mentions");
    assert_refused(&about("pin", r#","target":4"#), Some(9), "on");
    assert_refused(&about("pin", r#","target":4,"on":1"#), Some(9), "on");
    assert_refused(
        &about("react", r#","target":4,"on":true"#),
        Some(9),
        "emoji",
    );
    let long = format!(":{}:", "x".repeat(63));
    for emoji in ["", " ", "two", "👍👍", "\\n", &long] {
        let react = format!(r#","target":4,"on":true,"emoji":"{emoji}""#);
        assert_refused(&about("react", &react), Some(9), "emoji");
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    assert_refused("", None, "object");
    assert_refused("[]", None, "object");
    assert_refused(r#"["ping"]"#, None, "object");
    assert_refused("{", None, "JSON");
    assert_refused(r#"{"type":"ping"} {}"#, None, "trailing");
    assert_refused(r#"{"id":3}"#, Some(3), "type");
    assert_refused(r#"{"type":5,"id":3}"#, Some(3), "type");
    assert_refused(r#"{"type":"ping","id":"3"}"#, None, "id");
    assert_refused(r#"{"type":"ping","id":1.5}"#, None, "id");
}

#[test]
fn a_hello_holds_a_bounded_number_of_cursors() {
    let cursors = |count: u32| {
        let list: Vec<String> = (0..count)
            .map(|n| format!(r#""0192f0c1-0000-7000-8000-{n:012}":{n}"#))
            .collect();
        format!(
            r#"{{"type":"hello","token":"t","cursors":{{{}}}}}"#,
            list.join(",")
        )
    };
    let Ok(ClientFrame::Hello(hello)) = parse(&cursors(1_000)) else {
        panic!("a thousand cursors are fine");
    };
    assert_eq!(hello.cursors.len(), 1_000);
    assert_eq!(parse(&cursors(1_001)).unwrap_err().code, Code::TooLarge);
}

#[test]
fn deep_json_does_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    let closed = format!("{deep}{}", "]".repeat(1_000_000));
    for value in [&deep, &closed] {
        for field in [
            "id",
            "type",
            "text",
            "mentions",
            "attachments",
            "thread",
            "other",
        ] {
            let text = format!(
                r#"{{"type":"send","conversation":"{CONVERSATION}","client_id":"{CLIENT_ID}","text":"","{field}":{value}}}"#
            );
            let _ = parse(&text);
        }
    }
}

#[test]
fn a_token_is_not_shown() {
    let hello = parse(r#"{"type":"hello","token":"abracadabra"}"#).unwrap();
    assert!(!format!("{hello:?}").contains("abracadabra"));
}

#[test]
fn a_secret_that_is_no_string_is_not_quoted() {
    let error = parse(r#"{"type":"hello","token":31415926}"#).unwrap_err();
    assert_eq!(error.detail, "token: expected a string");
    let error = parse_object::<SignIn>(r#"{"username":"ann","password":31415926}"#).unwrap_err();
    assert_eq!(error.to_string(), "password: expected a string");
}

#[test]
fn null_stands_for_a_list_that_is_left_out() {
    let sync: SyncRequest = parse_object(r#"{"conversations":null}"#).unwrap();
    assert_eq!(sync, SyncRequest::default());
    let new: NewConversation = parse_object(r#"{"kind":"group","members":null}"#).unwrap();
    assert!(new.members.is_empty());
}

#[test]
fn what_a_client_encodes_a_server_parses() {
    for text in [
        send_with(r#","reply_to":3,"mentions":["ann"],"client_at":5"#),
        format!(r#"{{"type":"read","conversation":"{CONVERSATION}","seq":4}}"#),
        format!(r#"{{"type":"sync","id":1,"conversation":"{CONVERSATION}","after":0,"limit":10}}"#),
        format!(r#"{{"type":"open","id":1,"conversation":"{CONVERSATION}","after":12}}"#),
        format!(r#"{{"type":"close","conversation":"{CONVERSATION}"}}"#),
        r#"{"type":"ping","id":1}"#.to_owned(),
        format!(
            r#"{{"type":"hello","token":"t","cursors":{{"{CONVERSATION}":4}},"epoch":"e","device":"d"}}"#
        ),
    ] {
        let frame = parse(&text).unwrap();
        assert_eq!(frame.encode(), text);
        assert_eq!(parse(&frame.encode()).unwrap(), frame);
    }
}

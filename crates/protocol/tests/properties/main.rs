//! What holds for any text and any frame: reading never panics, and what was written is read back.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod attachments;
mod changes;
mod frames;
mod json;

use proptest::prelude::*;
use serde_json::{Map, Value};
use tidemark_protocol::body::{
    ConversationPatch, MembersToAdd, MoveCursor, NewAccount, NewConversation, NewMessage,
    ProfilePatch, RolePatch, SignIn, SyncRequest,
};
use tidemark_protocol::frame::{ClientFrame, ParseLimits, ServerFrame, encode_event};
use tidemark_protocol::session::server::{Input, ServerSession, Settings};
use tidemark_protocol::wire::{LogEntry, parse_object};

/// The longest words about a mistake, in characters.
const DETAIL_CHARS_MAX: usize = 200;

fn parse(text: &str) -> Result<ClientFrame, tidemark_protocol::frame::FrameError> {
    ClientFrame::parse(text, &ParseLimits::default())
}

/// Reads `text` as everything that it might be. A refusal has words, of a bounded length, and is itself a
/// frame that a client can read.
fn read_as_everything(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = parse(text) {
        prop_assert!(!error.detail.is_empty());
        prop_assert!(error.detail.chars().count() <= DETAIL_CHARS_MAX);
        let refused = error.into_refused();
        let read = ServerFrame::parse(&refused.encode()).unwrap();
        prop_assert_eq!(read, ServerFrame::Refused(refused));
    }
    let _ = ServerFrame::parse(text);
    let _ = parse_object::<LogEntry>(text);
    let _ = parse_object::<NewAccount>(text);
    let _ = parse_object::<SignIn>(text);
    let _ = parse_object::<ProfilePatch>(text);
    let _ = parse_object::<NewConversation>(text);
    let _ = parse_object::<ConversationPatch>(text);
    let _ = parse_object::<MembersToAdd>(text);
    let _ = parse_object::<RolePatch>(text);
    let _ = parse_object::<NewMessage>(text);
    let _ = parse_object::<MoveCursor>(text);
    let _ = parse_object::<SyncRequest>(text);
    Ok(())
}

/// The same frame with another field at a place of its own.
fn with_unknown_field(text: &str, value: Value) -> String {
    let mut object: Map<String, Value> = serde_json::from_str(text).unwrap();
    object.insert("a_field_of_later".to_owned(), value);
    Value::Object(object).to_string()
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn no_json_makes_reading_panic(json in json::any_value()) {
        read_as_everything(&json.to_string())?;
    }

    #[test]
    fn no_fields_make_reading_panic(text in json::object_with_our_names()) {
        read_as_everything(&text)?;
    }

    #[test]
    fn no_damage_to_a_frame_makes_reading_panic(
        text in prop_oneof![
            frames::client().prop_map(|frame| frame.encode()),
            frames::server().prop_map(|frame| frame.encode()),
        ],
        damage in json::damage(),
    ) {
        read_as_everything(&damage.done_to(&text))?;
    }

    #[test]
    fn what_a_client_writes_a_server_reads(frame in frames::client()) {
        let text = frame.encode();
        prop_assert_eq!(parse(&text).unwrap(), frame);
    }

    #[test]
    fn what_a_server_writes_a_client_reads(frame in frames::server()) {
        let text = frame.encode();
        prop_assert_eq!(ServerFrame::parse(&text).unwrap(), frame);
    }

    #[test]
    fn an_event_is_the_same_alone_and_among_all_frames(event in frames::event()) {
        let frame = ServerFrame::Event(LogEntry::Known(event.clone()));
        prop_assert_eq!(encode_event(&event), frame.encode());
    }

    #[test]
    fn fields_of_later_versions_change_nothing(
        asked in frames::client(),
        answered in frames::server(),
        value in json::any_value(),
    ) {
        let text = with_unknown_field(&asked.encode(), value.clone());
        prop_assert_eq!(parse(&text).unwrap(), asked);
        let text = with_unknown_field(&answered.encode(), value);
        prop_assert_eq!(ServerFrame::parse(&text).unwrap(), answered);
    }

    #[test]
    fn a_frame_holds_no_line_break_of_its_own(frame in frames::server()) {
        prop_assert!(!frame.encode().contains(['\n', '\r']), "lines of a log may hold frames");
    }

    #[test]
    fn a_socket_is_closed_for_good_and_answers_everything_else(
        texts in proptest::collection::vec(
            prop_oneof![
                3 => frames::client().prop_map(|frame| frame.encode()),
                1 => json::object_with_our_names(),
            ],
            1..20,
        ),
    ) {
        let mut session = ServerSession::new(0, Settings::default());
        let mut closed = None;
        let mut greeted = false;
        for text in texts {
            let input = session.handle_text(1, &text);
            match (&closed, &input) {
                (Some(code), input) => prop_assert_eq!(input, &Input::Close(*code)),
                (None, Input::Hello(_)) => {
                    prop_assert!(!greeted, "only one hello is taken");
                    greeted = true;
                }
                (None, Input::Request(_)) => prop_assert!(greeted, "hello comes first"),
                (None, Input::Refuse(_)) => {}
                (None, Input::Close(code)) => closed = Some(*code),
            }
        }
        prop_assert_eq!(session.next_timeout().is_none(), closed.is_some());
    }
}

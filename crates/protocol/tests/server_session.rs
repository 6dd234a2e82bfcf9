//! How patient a server is with what a client does and does not say.

use tidemark_protocol::ByeCode;
use tidemark_protocol::session::server::{INVALID_FRAMES_MAX, Input, ServerSession, Settings};

const HELLO: &str = r#"{"type":"hello","token":"t"}"#;
const BAD_HELLO: &str = r#"{"type":"hello","token":7}"#;
const PING: &str = r#"{"type":"ping"}"#;

fn settings() -> Settings {
    Settings {
        hello_timeout_ms: 100,
        idle_timeout_ms: 1_000,
        ..Settings::default()
    }
}

fn greeted_at(now: u64) -> ServerSession {
    let mut session = ServerSession::new(0, settings());
    assert!(matches!(session.handle_text(now, HELLO), Input::Hello(_)));
    session
}

#[test]
fn a_hello_has_its_time_however_often_it_is_tried() {
    let mut session = ServerSession::new(0, settings());
    assert!(matches!(
        session.handle_text(99, BAD_HELLO),
        Input::Refuse(_)
    ));
    session.handle_sign_of_life(99);
    assert_eq!(session.next_timeout(), Some(100));
    assert_eq!(session.handle_timeout(99), None);
    assert_eq!(session.handle_timeout(100), Some(ByeCode::ProtocolError));
    assert_eq!(
        session.handle_text(101, HELLO),
        Input::Close(ByeCode::ProtocolError)
    );
}

#[test]
fn whatever_a_client_says_shows_that_it_is_there() {
    let mut session = greeted_at(50);
    assert_eq!(session.next_timeout(), Some(1_050));
    session.handle_text(500, PING);
    assert_eq!(session.next_timeout(), Some(1_500));
    session.handle_text(600, "nonsense");
    assert_eq!(session.next_timeout(), Some(1_600));
    session.handle_sign_of_life(700);
    assert_eq!(session.handle_timeout(1_699), None);
    assert_eq!(session.handle_timeout(1_700), Some(ByeCode::Idle));
    assert_eq!(session.next_timeout(), None);
    assert_eq!(session.handle_timeout(9_999), None, "once is enough");
}

#[test]
fn nonsense_is_counted_only_in_a_row() {
    let mut session = greeted_at(0);
    for _ in 0..3 {
        for _ in 1..INVALID_FRAMES_MAX {
            assert!(matches!(session.handle_text(1, "?"), Input::Refuse(_)));
        }
        assert!(matches!(session.handle_text(1, PING), Input::Request(_)));
    }
    for _ in 1..INVALID_FRAMES_MAX {
        session.handle_text(1, "?");
    }
    let end = Input::Close(ByeCode::ProtocolError);
    assert_eq!(session.handle_text(1, "?"), end);
    assert_eq!(session.handle_text(1, PING), end, "closed is closed");
}

#[test]
fn a_clock_at_its_end_does_not_overflow() {
    let mut session = ServerSession::new(u64::MAX, settings());
    assert!(matches!(
        session.handle_text(u64::MAX, HELLO),
        Input::Hello(_)
    ));
    session.handle_sign_of_life(u64::MAX);
    assert_eq!(session.next_timeout(), Some(u64::MAX));
}

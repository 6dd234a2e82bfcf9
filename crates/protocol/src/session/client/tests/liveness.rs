use super::*;

fn heartbeat() -> Duration {
    Duration::from_millis(HEARTBEAT_MS)
}

fn pings(driven: &mut Driven) -> usize {
    let is_ping = |frame: &&ClientFrame| matches!(frame, ClientFrame::Request(Request::Ping(_)));
    driven.sent().iter().filter(is_ping).count()
}

#[test]
fn silence_is_answered_by_one_ping() {
    let mut driven = Driven::online(vec![]);
    assert_eq!(
        driven.session.next_timeout(),
        Some(driven.now + heartbeat())
    );
    driven.pass(heartbeat() / 2);
    assert_eq!(pings(&mut driven), 0);
    driven.pass(heartbeat() / 2);
    assert_eq!(pings(&mut driven), 1);
    driven.pass(heartbeat() / 2);
    assert_eq!(pings(&mut driven), 0);
}

#[test]
fn twice_the_silence_ends_the_connection() {
    let mut driven = Driven::online(vec![]);
    driven.pass(heartbeat());
    driven.pass(heartbeat());
    assert_eq!(driven.updates(), [Update::Ended(Ending::Silent)]);
    assert!(!driven.session.is_online());
    assert_eq!(driven.session.next_timeout(), None);
}

#[test]
fn a_pong_keeps_the_connection() {
    let mut driven = Driven::online(vec![]);
    for _ in 0..5 {
        driven.pass(heartbeat());
        assert_eq!(pings(&mut driven), 1);
        driven.hear(r#"{"type":"pong"}"#);
    }
    assert_eq!(driven.updates(), []);
}

#[test]
fn a_server_that_only_talks_still_hears_from_us() {
    let mut driven = Driven::online(vec![]);
    let mut heard = 0;
    for _ in 0..8 {
        driven.pass(heartbeat() / 2);
        driven.hear(r#"{"type":"fireworks"}"#);
        heard += pings(&mut driven);
    }
    assert_eq!(heard, 4);
}

#[test]
fn a_request_without_an_answer_ends_a_lively_connection() {
    let mut driven = Driven::online(vec![entry(room(1), 1, 0)]);
    driven.session.enqueue(room(1), note(1, "hello")).unwrap();
    driven.sent();
    for _ in 0..60 {
        driven.pass(heartbeat() / 2);
        driven.hear(r#"{"type":"pong"}"#);
        driven.sent();
    }
    assert_eq!(driven.updates(), [Update::Ended(Ending::Silent)]);
    assert_eq!(driven.session.pending().count(), 1);
}

#[test]
fn goodbyes_say_whether_to_come_back() {
    let mut driven = Driven::online(vec![]);
    driven.hear(r#"{"type":"bye","code":"going_away","reconnect":true,"after_ms":700}"#);
    let ending = Ending::Bye {
        code: ByeCode::GoingAway,
        reconnect: true,
        after: Duration::from_millis(700),
    };
    assert_eq!(driven.updates(), [Update::Ended(ending)]);
}

#[test]
fn a_token_that_is_not_good_ends_the_greeting() {
    let mut driven = Driven::new(settings());
    driven.session.connected(driven.now);
    driven.hear(r#"{"type":"refused","code":"unauthorized","detail":"no such session"}"#);
    let updates = driven.updates();
    assert!(
        matches!(&*updates, [Update::Ended(Ending::Unauthorized { .. })]),
        "{updates:?}"
    );
}

#[test]
fn what_is_not_the_protocol_ends_the_connection() {
    let mut driven = Driven::online(vec![]);
    driven.hear("<html>");
    let updates = driven.updates();
    assert!(
        matches!(&*updates, [Update::Ended(Ending::Malformed { .. })]),
        "{updates:?}"
    );
}

use super::super::OutboxError;
use super::*;

fn ack(send: &SendMessage, place: u64, duplicate: bool) -> String {
    let ack = Ack {
        id: send.id,
        conversation: Wire(send.conversation),
        client_id: Some(Wire(send.message.client_id)),
        seq: Wire(seq(place)),
        at: Wire(Timestamp(5)),
        duplicate,
        first_in_thread: false,
    };
    ack.encode()
}

fn refused(send: &SendMessage, code: Code, retry_after_ms: Option<u64>) -> String {
    let refused = Refused {
        id: send.id,
        code,
        detail: "no".into(),
        retry_after_ms,
    };
    refused.encode()
}

fn followed() -> Driven {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven
}

#[test]
fn an_ack_stands_for_the_own_event() {
    let mut driven = followed();
    driven.session.enqueue(room(1), note(1, "hello")).unwrap();
    let sends = driven.sends();
    driven.hear(&ack(&sends[0], 3, false));
    let updates = driven.updates();
    let [
        Update::Sent { seq: place, .. },
        Update::Event(LogEntry::Known(event)),
    ] = &*updates
    else {
        panic!("{updates:?}")
    };
    assert_eq!(*place, seq(3));
    let said = event.body.as_message().unwrap();
    assert_eq!((&*said.text, &said.sender), ("hello", &me()));
    driven.hear_event(&message(room(1), 4, other()));
    assert_eq!(driven.events(), [4], "without a gap");
    assert_eq!(driven.session.pending().count(), 0);
}

#[test]
fn an_ack_beyond_a_gap_fetches_the_gap_and_the_own_event_with_it() {
    let mut driven = followed();
    driven.session.enqueue(room(1), note(1, "hello")).unwrap();
    let sends = driven.sends();
    driven.hear(&ack(&sends[0], 5, false));
    let updates = driven.updates();
    assert!(matches!(&*updates, [Update::Sent { .. }]), "{updates:?}");
    let syncs = driven.syncs();
    driven.hear(&page(syncs[0].id, room(1), [3, 4, 5], 5, false));
    assert_eq!(driven.events(), [3, 4, 5]);
}

#[test]
fn no_more_are_on_the_wire_than_allowed_and_they_keep_their_order() {
    let mut two = settings();
    two.in_flight_max = 2;
    let mut driven = Driven::new(two);
    driven.connect(EPOCH, vec![entry(room(1), 2, 0)]);
    for number in 1..=4 {
        driven
            .session
            .enqueue(room(1), note(number, "text"))
            .unwrap();
    }
    let first = driven.sends();
    let named = |sends: &[SendMessage]| -> Vec<_> {
        sends.iter().map(|send| send.message.client_id).collect()
    };
    assert_eq!(named(&first), [client_id(1), client_id(2)]);
    driven.hear(&ack(&first[0], 3, false));
    assert_eq!(named(&driven.sends()), [client_id(3)]);
}

#[test]
fn what_had_no_answer_is_sent_again_under_the_same_name() {
    let mut driven = followed();
    driven.session.enqueue(room(1), note(1, "hello")).unwrap();
    let first = driven.sends();
    driven.session.disconnected();
    assert_eq!(driven.sends(), [], "nothing is sent while offline");
    driven.connect(EPOCH, vec![entry(room(1), 2, 0)]);
    let second = driven.sends();
    assert_eq!(second[0].message, first[0].message);
    assert_ne!(second[0].id, first[0].id);
    driven.hear(&ack(&second[0], 3, true));
    let updates = driven.updates();
    assert!(
        matches!(
            &updates[0],
            Update::Sent {
                duplicate: true,
                ..
            }
        ),
        "{updates:?}"
    );
}

#[test]
fn a_message_found_in_the_log_needs_no_ack() {
    let mut driven = followed();
    driven.session.enqueue(room(1), note(1, "hello")).unwrap();
    driven.sends();
    driven.connect(EPOCH, vec![entry(room(1), 3, 0)]);
    let mut event = message(room(1), 3, me());
    if let EventBody::Message(message) = &mut event.body {
        message.client_id = client_id(1);
    }
    driven.hear_event(&event);
    let updates = driven.updates();
    assert!(matches!(&updates[0], Update::Sent { .. }), "{updates:?}");
    assert_eq!(driven.session.pending().count(), 0);
    assert_eq!(driven.sends(), []);
}

#[test]
fn a_passing_refusal_is_tried_again_when_it_said() {
    for code in [Code::Unavailable, Code::RateLimited, Code::Internal] {
        let mut driven = followed();
        driven.session.enqueue(room(1), note(1, "hello")).unwrap();
        let first = driven.sends();
        driven.hear(&refused(&first[0], code, Some(500)));
        assert_eq!(driven.updates(), []);
        driven.pass(Duration::from_millis(499));
        assert_eq!(driven.sends(), []);
        assert_eq!(
            driven.session.next_timeout(),
            Some(driven.now + Duration::from_millis(1))
        );
        driven.pass(Duration::from_millis(1));
        assert_eq!(driven.sends()[0].message, first[0].message);
    }
}

#[test]
fn what_follows_a_postponed_message_waits_behind_it() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0), entry(room(2), 2, 0)]);
    driven.session.enqueue(room(1), note(1, "first")).unwrap();
    let first = driven.sends();
    driven.hear(&refused(&first[0], Code::Unavailable, Some(500)));
    driven.session.enqueue(room(1), note(2, "second")).unwrap();
    driven
        .session
        .enqueue(room(2), note(3, "elsewhere"))
        .unwrap();
    let sends = driven.sends();
    assert_eq!(sends.len(), 1);
    assert_eq!(sends[0].conversation, room(2));
    driven.pass(Duration::from_millis(500));
    let texts: Vec<_> = driven
        .sends()
        .into_iter()
        .map(|send| send.message.text)
        .collect();
    assert_eq!(texts, ["first", "second"]);
}

#[test]
fn a_final_refusal_takes_the_message_out() {
    for code in [
        Code::Invalid,
        Code::Forbidden,
        Code::NotFound,
        Code::Conflict,
        Code::TooLarge,
    ] {
        let mut driven = followed();
        driven.session.enqueue(room(1), note(1, "hello")).unwrap();
        let sends = driven.sends();
        driven.hear(&refused(&sends[0], code, None));
        let updates = driven.updates();
        let [Update::Refused { code: said, .. }] = &*updates else {
            panic!("{updates:?}")
        };
        assert_eq!(*said, code);
        assert_eq!(driven.session.pending().count(), 0);
    }
}

#[test]
fn the_outbox_is_bounded_and_knows_its_messages() {
    let mut small = settings();
    small.outbox_max = 2;
    let mut driven = Driven::new(small);
    driven.session.enqueue(room(1), note(1, "one")).unwrap();
    let repeated = driven.session.enqueue(room(1), note(1, "one"));
    assert_eq!(repeated, Err(OutboxError::Repeated));
    driven
        .session
        .enqueue(room(2), note(1, "same name elsewhere"))
        .unwrap();
    let full = driven.session.enqueue(room(1), note(2, "two"));
    assert_eq!(full, Err(OutboxError::Full));
}

#[test]
fn what_no_frame_can_hold_is_refused_here_and_does_not_cost_the_connection() {
    let mut driven = followed();
    let longest = "x".repeat(65_536);
    driven.session.enqueue(room(1), note(1, &longest)).unwrap();
    driven.session.enqueue(room(1), note(2, "short")).unwrap();
    let sends = driven.sends();
    let texts: Vec<_> = sends.iter().map(|send| &*send.message.text).collect();
    assert_eq!(texts, ["short"]);
    let updates = driven.updates();
    assert!(
        matches!(
            &*updates,
            [Update::Refused { client_id: it, code: Code::TooLarge, .. }] if *it == client_id(1)
        ),
        "{updates:?}"
    );
    assert_eq!(driven.session.pending().count(), 1);
}

use tidemark_core::unread::Counts;

use super::*;
use crate::frame::{Head, Read};

fn counts(driven: &Driven, conversation: ConversationId) -> (u64, u64) {
    let counts = driven.session.state(conversation).unwrap().counts.unwrap();
    (counts.unread, counts.mentions)
}

fn read(user: UserId, place: u64, left: Option<(u64, u64)>) -> String {
    let frame = Read {
        id: None,
        conversation: Wire(room(1)),
        user: Wire(user),
        read_seq: Wire(seq(place)),
        head_seq: None,
        unread: left.map(|(unread, _)| unread),
        mentions: left.map(|(_, mentions)| mentions),
    };
    frame.encode()
}

/// The answer to reading up to `place`, counted when the head was `head`.
fn read_at(place: u64, head: u64, unread: u64) -> String {
    let frame = Read {
        id: None,
        conversation: Wire(room(1)),
        user: Wire(me()),
        read_seq: Wire(seq(place)),
        head_seq: Some(Wire(seq(head))),
        unread: Some(unread),
        mentions: Some(0),
    };
    frame.encode()
}

#[test]
fn messages_of_others_are_counted_on_from_the_welcome() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 2)]);
    driven.hear_event(&message(room(1), 6, other()));
    driven.hear_event(&message(room(1), 6, other()));
    driven.hear_event(&message(room(1), 7, me()));
    let mut mention = message(room(1), 8, other());
    if let EventBody::Message(message) = &mut mention.body {
        message.mentions = Mentions::All;
    }
    driven.hear_event(&mention);
    assert_eq!(counts(&driven, room(1)), (4, 1));
}

#[test]
fn what_the_welcome_counted_is_not_counted_again_while_catching_up() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.connect(EPOCH, vec![entry(room(1), 4, 2)]);
    driven.hear(&page(None, room(1), [3, 4], 5, false));
    driven.hear_event(&message(room(1), 5, other()));
    assert_eq!(counts(&driven, room(1)), (3, 0));
}

#[test]
fn a_gap_is_counted_too_where_nobody_follows() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.hear_event(&message(room(1), 5, other()));
    let syncs = driven.syncs();
    driven.hear(&page(syncs[0].id, room(1), [3, 4, 5], 5, false));
    assert_eq!(counts(&driven, room(1)), (3, 0));
    assert_eq!(driven.events(), [0; 0]);
}

#[test]
fn an_older_count_does_not_undo_a_newer_one() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.hear_event(&message(room(1), 3, other()));
    driven.hear_event(&message(room(1), 4, other()));
    let stale = Head {
        conversation: Wire(room(1)),
        head_seq: Wire(seq(3)),
        unread: 1,
        mentions: 0,
    };
    driven.hear(&stale.encode());
    assert_eq!(counts(&driven, room(1)), (2, 0));
}

#[test]
fn reading_everything_leaves_nothing_at_once() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 3)]);
    driven.session.mark_read(driven.now, room(1), seq(5));
    assert_eq!(counts(&driven, room(1)), (0, 0));
    let frames = driven.sent();
    let [ClientFrame::Request(Request::Read(cursor))] = &*frames else {
        panic!("{frames:?}")
    };
    assert_eq!(cursor.seq, seq(5));
    driven.session.mark_read(driven.now, room(1), seq(4));
    assert_eq!(driven.sent(), [], "a cursor only grows");
    driven.hear_event(&message(room(1), 6, other()));
    driven.hear(&read(me(), 5, Some((1, 0))));
    assert_eq!(counts(&driven, room(1)), (1, 0));
}

#[test]
fn reading_a_part_waits_for_the_count_of_the_server() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 4)]);
    driven.session.mark_read(driven.now, room(1), seq(3));
    assert_eq!(counts(&driven, room(1)), (4, 0));
    driven.hear(&read(me(), 3, Some((2, 1))));
    assert_eq!(counts(&driven, room(1)), (2, 1));
}

#[test]
fn a_cursor_that_got_no_answer_is_moved_again_after_a_reconnection() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 4)]);
    driven.session.mark_read(driven.now, room(1), seq(5));
    driven.connect(EPOCH, vec![entry(room(1), 5, 4)]);
    let is_read = |frame: &ClientFrame| matches!(frame, ClientFrame::Request(Request::Read(_)));
    assert!(driven.sent().iter().any(is_read));
    driven.hear(&read(me(), 5, Some((0, 0))));
    driven.connect(EPOCH, vec![entry(room(1), 5, 0)]);
    assert!(!driven.sent().iter().any(is_read));
}

#[test]
fn reading_on_another_device_counts_here() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 4)]);
    driven.hear(&read(me(), 5, Some((0, 0))));
    assert_eq!(counts(&driven, room(1)), (0, 0));
    driven.updates();
    driven.hear(&read(other(), 4, None));
    let read_by = Update::ReadBy {
        conversation: room(1),
        user: other(),
        seq: seq(4),
    };
    assert_eq!(driven.updates(), [read_by]);
}

#[test]
fn counts_that_raced_with_events_are_completed() {
    let mut driven = Driven::online(vec![]);
    driven.hear_event(&message(room(1), 8, other()));
    assert_eq!(driven.session.state(room(1)).unwrap().counts, None);
    let late = Counts {
        unread: 4,
        mentions: 0,
    };
    driven
        .session
        .learn(room(1), ConversationKind::Group, seq(7), Seq::ZERO, late);
    let syncs = driven.syncs();
    assert_eq!(syncs[0].after, seq(7));
    driven.hear(&page(syncs[0].id, room(1), [8], 8, false));
    assert_eq!(counts(&driven, room(1)), (5, 0));
}

#[test]
fn what_a_cursor_has_counted_is_not_counted_again_when_it_comes() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 5)]);
    driven.session.mark_read(driven.now, room(1), seq(4));
    // The server knew of 6 and 7 when it counted, and had not sent them: their page comes next.
    driven.hear(&read_at(4, 7, 3));
    driven.hear(&page(None, room(1), [6, 7], 7, false));
    driven.hear_event(&message(room(1), 8, other()));
    assert_eq!(counts(&driven, room(1)), (4, 0));
}

#[test]
fn a_count_that_a_page_has_overtaken_is_asked_for_again() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 5)]);
    driven.session.mark_read(driven.now, room(1), seq(4));
    driven.sent();
    // Counted at 6, but written after the page that was read later.
    driven.hear(&page(None, room(1), [6, 7, 8], 8, false));
    driven.hear(&read_at(4, 6, 2));
    let frames = driven.sent();
    let [ClientFrame::Request(Request::Read(again))] = &*frames else {
        panic!("{frames:?}")
    };
    assert_eq!(again.seq, seq(4));
    driven.hear(&read_at(4, 8, 4));
    assert_eq!(counts(&driven, room(1)), (4, 0));
    assert_eq!(driven.sent(), []);
}

//! What a socket is given: each event once, in order, its own acks in the places of their events.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod interleavings;
mod world;

use tidemark_core::conversation::{Event, EventBody, Mentions, Message};
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UserId};
use tidemark_protocol::frame::{Ack, Events, RequestId, ServerFrame};
use tidemark_protocol::session::delivery::{AckOffer, Delivery, Next, Offer, Written};
use tidemark_protocol::wire::{LogEntry, Wire};
use uuid::Uuid;

const ROOM: ConversationId = ConversationId(Uuid::from_u128(1));

fn seq(place: u64) -> Seq {
    Seq::new(place).unwrap()
}

fn name(number: u64) -> ClientId {
    ClientId(Uuid::from_u128(u128::from(number)))
}

/// A message that is named after its place, unless `client_id` says otherwise.
fn message(place: u64, client_id: ClientId) -> LogEntry {
    LogEntry::Known(Event {
        conversation: ROOM,
        seq: seq(place),
        at: Timestamp(0),
        body: EventBody::Message(Message {
            sender: UserId::parse("ann").unwrap(),
            client_id,
            text: "hi".to_owned(),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            thread: None,
            attachments: Vec::new(),
        }),
    })
}

fn page(id: Option<i64>, places: impl IntoIterator<Item = u64>, head: u64) -> Events {
    let events: Vec<LogEntry> = places
        .into_iter()
        .map(|place| message(place, name(place)))
        .collect();
    let last = events.last().map_or(seq(head), LogEntry::seq);
    Events {
        visible_from: None,
        id: id.map(RequestId),
        conversation: Wire(ROOM),
        events,
        head_seq: Wire(seq(head)),
        more: last < seq(head),
    }
}

fn ack(place: u64) -> Ack {
    Ack {
        id: Some(RequestId(i64::try_from(place).unwrap())),
        conversation: Wire(ROOM),
        client_id: Some(Wire(name(place))),
        seq: Wire(seq(place)),
        at: Wire(Timestamp(0)),
        duplicate: false,
        first_in_thread: false,
    }
}

/// A socket that was given everything up to a place.
fn following(delivered: u64) -> Delivery {
    let mut delivery = Delivery::default();
    delivery.start_all([(ROOM, seq(delivered))]);
    delivery
}

/// What is written, in few words: `e3` for the event at 3, `a4` for the ack at 4, `|` between pages.
fn words(written: &Written) -> String {
    let frames = written.frames.iter().map(|frame| match frame {
        ServerFrame::Events(page) => {
            let events = page.events.iter().map(|entry| format!("e{}", entry.seq()));
            let mut words: Vec<String> = events.collect();
            words.extend(page.more.then(|| "more".to_owned()));
            words.join(" ")
        }
        ServerFrame::Ack(ack) => format!("a{}", ack.seq.0),
        other => panic!("{other:?} is neither"),
    });
    frames.collect::<Vec<_>>().join(" | ")
}

fn catch_up(after: u64) -> Next {
    Next::CatchUp { after: seq(after) }
}

#[test]
fn events_in_order_are_written_and_repeats_are_not() {
    let mut delivery = following(4);
    assert_eq!(delivery.offer_event(ROOM, seq(5)), Offer::Write);
    assert_eq!(delivery.offer_event(ROOM, seq(5)), Offer::Skip);
    assert_eq!(delivery.offer_event(ROOM, seq(3)), Offer::Skip);
    assert_eq!(delivery.offer_event(ROOM, seq(6)), Offer::Write);
    assert_eq!(delivery.delivered(ROOM), Some(seq(6)));
}

#[test]
fn a_gap_is_filled_from_the_store_before_anything_else_is_written() {
    let mut delivery = following(4);
    let after = seq(4);
    assert_eq!(delivery.offer_event(ROOM, seq(7)), Offer::CatchUp { after });
    assert_eq!(delivery.offer_event(ROOM, seq(8)), Offer::Skip);
    let written = delivery.page(page(None, 5..=6, 8));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("e5 e6 more", catch_up(6))
    );
    let written = delivery.page(page(None, 7..=8, 8));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("e7 e8", Next::Done)
    );
    assert_eq!(delivery.offer_event(ROOM, seq(9)), Offer::Write);
}

#[test]
fn a_conversation_that_is_not_followed_is_silent() {
    let mut delivery = Delivery::default();
    assert_eq!(delivery.offer_event(ROOM, seq(1)), Offer::Skip);
    assert_eq!(delivery.offer_head(ROOM, seq(1)), Offer::Skip);
    assert!(!delivery.wants_head(ROOM, seq(1)));
    assert_eq!(delivery.page(page(None, 1..=1, 1)).frames, []);
    assert_eq!(
        delivery.offer_ack(ack(1)),
        AckOffer::Write,
        "an answer is an answer"
    );
}

#[test]
fn an_ack_takes_the_place_of_its_event() {
    let mut delivery = following(4);
    assert_eq!(delivery.offer_ack(ack(5)), AckOffer::Write);
    assert_eq!(delivery.offer_event(ROOM, seq(5)), Offer::Skip);
    let after = seq(5);
    assert_eq!(delivery.offer_ack(ack(7)), AckOffer::CatchUp { after });
    assert_eq!(delivery.offer_ack(ack(9)), AckOffer::Held);
    let written = delivery.page(page(None, 6..=9, 10));
    assert_eq!(words(&written), "e6 more | a7 | e8 more | a9");
    assert_eq!(written.next, catch_up(9));
}

#[test]
fn a_page_that_is_faster_than_an_ack_waits_for_it() {
    let mut delivery = following(4);
    delivery.expect_ack(ROOM, name(6));
    delivery.offer_head(ROOM, seq(7));
    let written = delivery.page(page(None, 5..=7, 7));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("e5 more", Next::Done)
    );
    assert_eq!(
        delivery.offer_event(ROOM, seq(7)),
        Offer::Skip,
        "it is not its turn"
    );
    let after = seq(6);
    assert_eq!(
        delivery.offer_ack(ack(6)),
        AckOffer::WriteAndCatchUp { after }
    );
    let written = delivery.page(page(None, 7..=7, 7));
    assert_eq!((words(&written).as_str(), written.next), ("e7", Next::Done));
}

#[test]
fn a_page_goes_on_when_what_it_waits_for_is_refused() {
    // Another message of the same name, by whomever, is in the log.
    let mut delivery = following(4);
    delivery.expect_ack(ROOM, name(6));
    delivery.offer_head(ROOM, seq(7));
    let _ = delivery.page(page(None, 5..=7, 7));
    assert_eq!(delivery.refused(ROOM, name(6)), catch_up(5));
    let written = delivery.page(page(None, 6..=7, 7));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("e6 e7", Next::Done)
    );
}

#[test]
fn a_name_that_somebody_else_uses_too_stops_nothing_for_good() {
    let mut delivery = following(4);
    delivery.expect_ack(ROOM, name(6));
    delivery.offer_head(ROOM, seq(8));
    let _ = delivery.page(page(None, 5..=8, 8));
    // Ours came later than theirs at 6.
    let ours = Ack {
        seq: Wire(seq(8)),
        ..ack(6)
    };
    let after = seq(5);
    assert_eq!(delivery.offer_ack(ours), AckOffer::CatchUp { after });
    let written = delivery.page(page(None, 6..=8, 8));
    assert_eq!(words(&written), "e6 e7 more | a8");
    assert_eq!(written.next, Next::Done);
}

#[test]
fn acks_that_wait_survive_a_restart() {
    let mut delivery = following(4);
    for place in [6, 9] {
        delivery.offer_ack(ack(place));
    }
    let written = delivery.restart(ROOM, seq(7), seq(8));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("a6", catch_up(7)),
        "the ack of 9 says that there is more than the head was"
    );
    let written = delivery.page(page(None, 8..=9, 9));
    assert_eq!(words(&written), "e8 more | a9");
}

#[test]
fn acks_that_wait_come_out_at_the_end() {
    let mut delivery = following(4);
    for place in [9, 6] {
        delivery.offer_ack(ack(place));
    }
    assert_eq!(delivery.stop(ROOM), [ack(6), ack(9)]);
    assert_eq!(delivery.delivered(ROOM), None);
    assert_eq!(delivery.stop(ROOM), []);
}

#[test]
fn what_a_sync_gave_does_not_come_again() {
    let mut delivery = following(4);
    let written = delivery.answer(page(Some(1), 3..=6, 6));
    assert_eq!(
        words(&written),
        "e3 e4 e5 e6",
        "what was asked for is all there"
    );
    assert_eq!(delivery.offer_event(ROOM, seq(6)), Offer::Skip);
    assert_eq!(delivery.offer_event(ROOM, seq(7)), Offer::Write);
}

#[test]
fn a_sync_from_further_on_changes_nothing() {
    let mut delivery = following(4);
    assert_eq!(words(&delivery.answer(page(Some(1), 8..=9, 9))), "e8 e9");
    assert_eq!(delivery.offer_event(ROOM, seq(5)), Offer::Write);
}

#[test]
fn a_sync_leaves_the_place_of_an_ack() {
    let mut delivery = following(4);
    delivery.expect_ack(ROOM, name(6));
    let written = delivery.answer(page(Some(1), 4..=8, 8));
    let [ServerFrame::Events(answer)] = written.frames.as_slice() else {
        panic!("one frame answers it");
    };
    assert_eq!(words(&written), "e4 e5");
    assert_eq!(
        answer.head_seq.0,
        seq(5),
        "nothing follows that would have to be asked for"
    );
    assert_eq!(delivery.offer_ack(ack(6)), AckOffer::Write);
    assert_eq!(delivery.offer_event(ROOM, seq(7)), Offer::Write);
}

#[test]
fn a_sync_of_a_conversation_that_is_not_followed_is_answered() {
    let mut delivery = Delivery::default();
    assert_eq!(words(&delivery.answer(page(Some(1), 1..=2, 2))), "e1 e2");
}

#[test]
fn a_head_takes_the_place_of_events_and_no_acks_are_lost() {
    let mut delivery = following(4);
    assert!(delivery.wants_head(ROOM, seq(9)));
    let written = delivery.skip_to(ROOM, seq(9));
    assert_eq!((written.frames, written.next), (vec![], Next::Done));
    assert!(!delivery.wants_head(ROOM, seq(9)), "it was told");
    assert_eq!(delivery.offer_event(ROOM, seq(9)), Offer::Skip);
    assert_eq!(delivery.offer_event(ROOM, seq(10)), Offer::Write);
}

#[test]
fn whoever_catches_up_needs_no_head() {
    let mut delivery = following(4);
    delivery.offer_head(ROOM, seq(6));
    assert!(!delivery.wants_head(ROOM, seq(8)));
    let written = delivery.page(page(None, 5..=6, 6));
    assert_eq!(
        (words(&written).as_str(), written.next),
        ("e5 e6", catch_up(6)),
        "the head is remembered"
    );
}

#[test]
fn an_open_is_answered_also_if_an_ack_was_all_that_was_missing() {
    let mut delivery = following(4);
    delivery.offer_ack(ack(6));
    delivery.offer_ack(ack(5));
    assert_eq!(words(&delivery.page(page(Some(3), 5..=6, 6))), "a5 | a6 | ");
}

#[test]
fn of_several_starts_the_last_counts() {
    let other = ConversationId(Uuid::from_u128(2));
    let mut delivery = Delivery::default();
    delivery.start_all([(other, seq(3)), (ROOM, seq(1))]);
    delivery.start_all([(ROOM, seq(7)), (other, seq(4))]);
    assert_eq!(delivery.delivered(ROOM), Some(seq(7)));
    assert_eq!(delivery.delivered(other), Some(seq(4)));
    assert_eq!(delivery.stop(ROOM), []);
    assert_eq!(delivery.delivered(ROOM), None, "there was one of each");
}

/// Nothing is to be had below where the user's view begins, so what comes from there on continues what was given.
#[test]
fn a_page_may_begin_where_the_user_sees() {
    let mut delivery = Delivery::default();
    let _ = delivery.restart(ROOM, seq(2), seq(9));
    let mut shown = page(None, 7..=9, 9);
    shown.visible_from = Some(Wire(seq(7)));
    let written = delivery.page(shown.clone());
    assert_eq!(written.frames, [ServerFrame::Events(shown)]);
    assert_eq!(written.next, Next::Done);
    assert_eq!(delivery.offer_event(ROOM, seq(10)), Offer::Write);
}

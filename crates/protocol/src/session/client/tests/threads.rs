//! What is unread in threads, and what this device has fetched.

use tidemark_core::conversation::{Amendment, Change, DeleteReason, InThread};

use super::super::ThreadState;
use super::*;
use crate::frame::{Delivered, ReadThread, ReportDelivered, ThreadRead};

fn reply(place: u64, sender: UserId) -> Event {
    let mut event = message(room(1), place, sender);
    if let EventBody::Message(message) = &mut event.body {
        message.thread = Some(InThread {
            root: seq(2),
            also_in_conversation: false,
            first: false,
        });
    }
    event
}

fn deletion(place: u64, target: u64) -> Event {
    Event {
        body: EventBody::Amendment(Amendment {
            target: seq(target),
            by: other(),
            client_id: None,
            change: Change::Delete {
                reason: DeleteReason::Author,
                thread: Some(seq(2)),
            },
        }),
        ..message(room(1), place, other())
    }
}

fn thread_read(read: u64, head: u64, unread: u64) -> String {
    let frame = ThreadRead {
        id: None,
        conversation: Wire(room(1)),
        thread: Wire(seq(2)),
        read_seq: Wire(seq(read)),
        head_seq: Wire(seq(head)),
        unread,
    };
    frame.encode()
}

fn unread(driven: &Driven) -> Option<(u64, u64)> {
    let state = driven.session.thread(room(1), seq(2))?;
    Some((state.read.get(), state.unread))
}

fn thread_reads(driven: &mut Driven) -> Vec<u64> {
    let pick = |frame| match frame {
        ClientFrame::Request(Request::ThreadRead(ReadThread { seq, .. })) => Some(seq.get()),
        _ => None,
    };
    driven.sent().into_iter().filter_map(pick).collect()
}

#[test]
fn a_thread_is_counted_on_from_its_page() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 0)]);
    driven.hear_event(&reply(6, other()));
    assert_eq!(unread(&driven), None, "nobody asked about it");
    let (read, unread_then) = (seq(3), 1);
    let state = ThreadState {
        read,
        unread: unread_then,
    };
    driven.session.learn_thread(room(1), seq(2), seq(6), state);
    driven.hear_event(&reply(7, other()));
    driven.hear_event(&reply(8, me()));
    driven.hear_event(&message(room(1), 9, other()));
    assert_eq!(unread(&driven), Some((3, 2)));
    // Another device reads on; a frame that comes late takes nothing back.
    driven.hear(&thread_read(7, 9, 0));
    driven.hear(&thread_read(3, 6, 1));
    assert_eq!(unread(&driven), Some((7, 0)));
}

#[test]
fn a_deletion_that_may_have_been_unread_is_asked_about() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 0)]);
    driven.hear(&thread_read(3, 5, 2));
    driven.hear_event(&deletion(6, 3));
    assert_eq!(thread_reads(&mut driven), Vec::<u64>::new());
    driven.hear_event(&deletion(7, 4));
    assert_eq!(thread_reads(&mut driven), [3]);
    driven.hear(&thread_read(3, 7, 1));
    assert_eq!(unread(&driven), Some((3, 1)));
}

#[test]
fn a_thread_cursor_is_told_until_the_server_confirms_it() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 0)]);
    let now = driven.now;
    for _ in 0..2 {
        driven
            .session
            .mark_thread_read(now, room(1), seq(2), seq(5));
    }
    assert_eq!(thread_reads(&mut driven), [5]);
    driven.connect(EPOCH, vec![entry(room(1), 5, 0)]);
    assert_eq!(thread_reads(&mut driven), [5]);
    driven.hear(&thread_read(5, 5, 0));
    driven.connect(EPOCH, vec![entry(room(1), 5, 0)]);
    assert_eq!(thread_reads(&mut driven), Vec::<u64>::new());
}

fn sized(members: u64) -> InboxEntry {
    InboxEntry {
        member_count: members,
        ..entry(room(1), 1, 0)
    }
}

fn following(members: u64) -> Driven {
    let mut driven = Driven::online(vec![sized(members)]);
    driven.session.follow_from_here(room(1));
    driven
}

fn reports(driven: &mut Driven) -> Vec<u64> {
    let pick = |frame| match frame {
        ClientFrame::Request(Request::Delivered(ReportDelivered { seq, .. })) => Some(seq.get()),
        _ => None,
    };
    driven.sent().into_iter().filter_map(pick).collect()
}

#[test]
fn what_was_fetched_is_reported_once_a_second() {
    let mut driven = following(2);
    driven.hear_event(&message(room(1), 2, other()));
    assert_eq!(reports(&mut driven), [2]);
    for place in 3..6 {
        driven.hear_event(&message(room(1), place, other()));
        assert_eq!(reports(&mut driven), Vec::<u64>::new());
    }
    assert!(driven.session.next_timeout() <= Some(driven.now + Duration::from_secs(1)));
    driven.pass(Duration::from_secs(1));
    assert_eq!(reports(&mut driven), [5]);
    driven.hear_event(&message(room(1), 6, me()));
    driven.pass(Duration::from_secs(1));
    assert_eq!(
        reports(&mut driven),
        Vec::<u64>::new(),
        "own messages are not delivered"
    );
}

#[test]
fn nothing_is_reported_that_nobody_would_see() {
    for members in [0, 101] {
        let mut driven = following(members);
        driven.hear_event(&message(room(1), 2, other()));
        assert_eq!(reports(&mut driven), Vec::<u64>::new(), "{members} members");
    }
    let mut driven = following(2);
    driven.hear_event(&message(room(1), 2, other()));
    let now = driven.now;
    driven.session.mark_read(now, room(1), seq(2));
    assert_eq!(
        reports(&mut driven),
        Vec::<u64>::new(),
        "reading says as much"
    );
}

#[test]
fn a_report_that_was_not_confirmed_is_made_again() {
    let mut driven = following(2);
    driven.hear_event(&message(room(1), 2, other()));
    assert_eq!(reports(&mut driven), [2]);
    let again = InboxEntry {
        head_seq: Wire(seq(2)),
        ..sized(2)
    };
    driven.connect(EPOCH, vec![again]);
    assert_eq!(reports(&mut driven), [2]);
    let confirmed = Delivered {
        id: None,
        conversation: Wire(room(1)),
        user: Wire(me()),
        delivered_seq: Wire(seq(2)),
    };
    driven.hear(&confirmed.encode());
    driven.connect(EPOCH, vec![again]);
    assert_eq!(reports(&mut driven), Vec::<u64>::new());
}

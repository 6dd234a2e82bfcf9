use tidemark_core::presence::{Presence, Status};

use super::*;
use crate::frame::{DeclarePresence, StartTyping, WatchUsers};

fn typing(driven: &mut Driven) -> Vec<ConversationId> {
    let pick = |frame| match frame {
        ClientFrame::Request(Request::Typing(StartTyping { conversation, .. })) => {
            Some(conversation)
        }
        _ => None,
    };
    driven.sent().into_iter().filter_map(pick).collect()
}

fn watches(driven: &mut Driven) -> Vec<WatchUsers> {
    let pick = |frame| match frame {
        ClientFrame::Request(Request::Watch(watch)) => Some(watch),
        _ => None,
    };
    driven.sent().into_iter().filter_map(pick).collect()
}

fn statuses(driven: &mut Driven) -> Vec<Status> {
    let pick = |frame| match frame {
        ClientFrame::Request(Request::Presence(DeclarePresence { status, .. })) => Some(status),
        _ => None,
    };
    driven.sent().into_iter().filter_map(pick).collect()
}

#[test]
fn typing_is_said_now_and_then_and_anew_after_sending() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0), entry(room(2), 2, 0)]);
    for _ in 0..50 {
        driven.session.typing(driven.now, room(1));
        driven.now += Duration::from_millis(100);
    }
    assert_eq!(typing(&mut driven), [room(1), room(1)]);
    driven.session.typing(driven.now, room(2));
    driven.session.typing(driven.now, room(9));
    assert_eq!(typing(&mut driven), [room(2)], "room 9 is not known");
    driven.session.enqueue(room(2), note(1, "sent")).unwrap();
    driven.session.typing(driven.now, room(2));
    assert_eq!(typing(&mut driven), [room(2)]);
    driven.session.disconnected();
    driven.session.typing(driven.now, room(1));
    driven.connect(EPOCH, vec![entry(room(1), 2, 0)]);
    assert_eq!(typing(&mut driven), []);
}

#[test]
fn a_new_connection_is_told_what_the_one_before_knew() {
    let mut driven = Driven::new(settings());
    driven.session.set_status(driven.now, Status::Away);
    driven.session.watch(driven.now, vec![other()]);
    for _ in 0..2 {
        driven.connect(EPOCH, Vec::new());
        let frames = driven.sent();
        let [
            ClientFrame::Request(Request::Presence(presence)),
            ClientFrame::Request(Request::Watch(watch)),
        ] = &*frames
        else {
            panic!("{frames:?}")
        };
        assert_eq!(presence.status, Status::Away);
        assert_eq!(watch.users, [other()]);
        driven.session.disconnected();
    }
    driven.connect(EPOCH, Vec::new());
    driven.sent();
    driven.session.set_status(driven.now, Status::Away);
    assert_eq!(statuses(&mut driven), [], "that is known");
    driven.session.set_status(driven.now, Status::Online);
    driven.session.set_status(driven.now, Status::Offline);
    assert_eq!(statuses(&mut driven), [Status::Online, Status::Away]);
    driven.session.watch(driven.now, Vec::new());
    assert_eq!(watches(&mut driven)[0].users, []);
    driven.connect(EPOCH, Vec::new());
    assert_eq!(watches(&mut driven), []);
}

#[test]
fn watching_is_tried_again_when_there_was_too_much_of_it() {
    let mut driven = Driven::online(Vec::new());
    driven.session.watch(driven.now, vec![other()]);
    let first = watches(&mut driven).remove(0);
    let refused = |id, code, retry_after_ms| {
        let detail = "no".into();
        Refused {
            id,
            code,
            detail,
            retry_after_ms,
        }
        .encode()
    };
    driven.hear(&refused(first.id, Code::RateLimited, Some(700)));
    let due = driven.session.next_timeout().unwrap();
    assert!(due <= driven.now + Duration::from_millis(700));
    driven.pass(Duration::from_millis(699));
    assert_eq!(watches(&mut driven), []);
    driven.pass(Duration::from_millis(1));
    let second = watches(&mut driven).remove(0);
    assert_eq!(second.users, [other()]);
    driven.hear(&refused(first.id, Code::TooLarge, None));
    assert_eq!(driven.updates(), [], "an older one");
    driven.hear(&refused(second.id, Code::TooLarge, None));
    let told = Update::WatchRefused {
        code: Code::TooLarge,
        detail: "no".to_owned(),
    };
    assert_eq!(driven.updates(), [told]);
    driven.connect(EPOCH, Vec::new());
    assert_eq!(watches(&mut driven), []);
}

#[test]
fn what_others_do_is_passed_on_and_what_oneself_does_is_not() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    for user in [other(), me()] {
        let typing = crate::frame::Typing {
            conversation: Wire(room(1)),
            user: Wire(user),
            until: Wire(Timestamp(7_000)),
        };
        driven.hear(&typing.encode());
    }
    let presence = crate::frame::Presence {
        user: Wire(other()),
        status: Wire(Status::Offline),
        last_seen: Some(Wire(Timestamp(5_000))),
    };
    driven.hear(&presence.encode());
    let expected = [
        Update::Typing {
            conversation: room(1),
            user: other(),
            until: Timestamp(7_000),
        },
        Update::Presence {
            user: other(),
            presence: Presence {
                status: Status::Offline,
                last_seen: Some(Timestamp(5_000)),
            },
        },
    ];
    assert_eq!(driven.updates(), expected);
}

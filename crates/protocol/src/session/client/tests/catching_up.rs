use super::*;

#[test]
fn hello_names_token_cursors_and_epoch() {
    let mut driven = Driven::online(vec![entry(room(1), 5, 0)]);
    driven.session.follow(room(1), seq(5));
    driven.session.connected(driven.now);
    let frames = driven.sent();
    let [ClientFrame::Hello(hello)] = &*frames else {
        panic!("{frames:?}")
    };
    assert_eq!(hello.token.as_ref().unwrap().expose(), "token");
    assert_eq!(hello.epoch.as_deref(), Some(EPOCH));
    assert_eq!(hello.cursors.get(&room(1)), Some(&seq(5)));
}

#[test]
fn live_events_reach_the_app_in_order_and_repeats_do_not() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    for place in [3, 3, 4, 2, 5] {
        driven.hear_event(&message(room(1), place, other()));
    }
    assert_eq!(driven.events(), [3, 4, 5]);
    assert_eq!(driven.syncs(), []);
}

#[test]
fn a_jump_is_fetched_page_by_page_before_what_lies_beyond() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.hear_event(&message(room(1), 6, other()));
    assert_eq!(driven.events(), [0; 0]);
    let first = driven.syncs();
    assert_eq!((first.len(), first[0].after), (1, seq(2)));
    driven.hear_event(&message(room(1), 7, other()));
    assert_eq!(driven.syncs(), [], "one request at a time");
    driven.hear(&page(first[0].id, room(1), [3, 4], 7, true));
    let second = driven.syncs();
    assert_eq!((second.len(), second[0].after), (1, seq(4)));
    driven.hear(&page(second[0].id, room(1), [5, 6, 7], 7, false));
    assert_eq!(driven.events(), [3, 4, 5, 6, 7]);
    assert_eq!(driven.syncs(), []);
}

#[test]
fn a_head_above_the_cursor_is_fetched_only_where_followed() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0), entry(room(2), 2, 0)]);
    driven.session.follow_from_here(room(1));
    for id in [room(1), room(2)] {
        let head = crate::frame::Head {
            conversation: Wire(id),
            head_seq: Wire(seq(9)),
            unread: 7,
            mentions: 1,
        };
        driven.hear(&head.encode());
    }
    let syncs = driven.syncs();
    assert_eq!(syncs.len(), 1);
    assert_eq!(syncs[0].conversation, room(1));
    let counts = driven.session.state(room(2)).unwrap().counts.unwrap();
    assert_eq!((counts.unread, counts.mentions), (7, 1));
}

#[test]
fn pages_promised_by_hello_are_not_asked_for() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.connect(EPOCH, vec![entry(room(1), 6, 0)]);
    driven.hear(&page(None, room(1), [3, 4], 6, true));
    assert_eq!(driven.syncs(), []);
    driven.hear(&page(None, room(1), [5, 6], 6, false));
    assert_eq!(driven.events(), [3, 4, 5, 6]);
    assert_eq!(driven.syncs(), []);
}

#[test]
fn a_promised_page_that_never_comes_is_asked_for() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.connect(EPOCH, vec![entry(room(1), 6, 0)]);
    for _ in 0..6 {
        driven.pass(Duration::from_secs(1));
        driven.hear(r#"{"type":"pong"}"#);
    }
    assert_eq!(driven.syncs().len(), 1);
}

#[test]
fn cursors_beyond_the_bound_of_hello_are_asked_about_one_by_one() {
    let mut narrow = settings();
    narrow.cursors_max = 1;
    let mut driven = Driven::new(narrow);
    driven.session.follow(room(1), seq(3));
    driven.session.follow(room(2), seq(3));
    driven.session.connected(driven.now);
    driven.sent();
    driven.hear(&welcome(
        EPOCH,
        vec![entry(room(1), 3, 0), entry(room(2), 3, 0)],
    ));
    let syncs = driven.syncs();
    assert_eq!(syncs.len(), 1);
    assert_eq!(syncs[0].conversation, room(2));
    driven.hear(&page(syncs[0].id, room(2), [], 3, false));
    assert_eq!(driven.syncs(), [], "nothing was missing after all");
}

#[test]
fn an_event_of_an_unknown_kind_takes_its_place() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    let id = room(1);
    driven.hear(&format!(
        r#"{{"type":"event","conversation":"{id}","seq":3,"at":1,"kind":"dance","steps":[1]}}"#
    ));
    driven.hear(r#"{"type":"fireworks","colour":"red"}"#);
    driven.hear_event(&message(id, 4, other()));
    assert_eq!(driven.events(), [3, 4]);
}

#[test]
fn another_epoch_makes_the_app_begin_again() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.session.connected(driven.now);
    driven.sent();
    driven.hear(&welcome("restored", vec![entry(room(1), 3, 0)]));
    assert!(driven.updates().contains(&Update::HistoryReplaced));
    let syncs = driven.syncs();
    assert_eq!(syncs[0].after, Seq::ZERO);
    driven.hear(&page(syncs[0].id, room(1), 1..=3, 3, false));
    assert_eq!(driven.events(), [1, 2, 3]);
}

#[test]
fn a_cursor_above_the_head_makes_the_app_begin_again() {
    let mut driven = Driven::online(vec![entry(room(1), 9, 0)]);
    driven.session.follow_from_here(room(1));
    driven.session.connected(driven.now);
    driven.sent();
    driven.hear(&welcome(EPOCH, vec![entry(room(1), 4, 0)]));
    assert!(driven.updates().contains(&Update::HistoryReplaced));
    assert_eq!(driven.syncs()[0].after, Seq::ZERO);
}

#[test]
fn what_the_user_is_no_longer_in_is_forgotten() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0), entry(room(2), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.session.follow_from_here(room(2));
    let id = room(1);
    driven.hear(&format!(r#"{{"type":"removed","conversation":"{id}"}}"#));
    assert_eq!(driven.updates(), [Update::Removed(room(1))]);
    driven.session.connected(driven.now);
    driven.hear(&welcome(EPOCH, vec![]));
    assert!(
        driven.updates().contains(&Update::Removed(room(2))),
        "left while offline"
    );
}

#[test]
fn a_session_resumes_where_another_process_ended() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.hear_event(&message(room(1), 3, other()));
    driven.session.enqueue(room(1), note(1, "unsent")).unwrap();
    let left = driven.session.resumption();
    let mut resumed = Driven::from(ClientSession::resume(settings(), left.clone()).unwrap());
    assert_eq!(resumed.session.resumption(), left);
    resumed.connect(EPOCH, vec![entry(room(1), 4, 0)]);
    resumed.hear(&page(None, room(1), [4], 4, false));
    assert_eq!(resumed.events(), [4]);
    assert_eq!(resumed.sends()[0].message, note(1, "unsent"));
}

#[test]
fn an_open_conversation_is_announced_on_every_connection() {
    let mut driven = Driven::online(vec![entry(room(1), 2, 0)]);
    driven.session.follow_from_here(room(1));
    driven.session.open(driven.now, room(1));
    driven.session.open(driven.now, room(1));
    let is_open = |frame: &ClientFrame| matches!(frame, ClientFrame::Request(Request::Open(_)));
    assert_eq!(
        driven.sent().iter().filter(|frame| is_open(frame)).count(),
        1
    );
    driven.connect(EPOCH, vec![entry(room(1), 2, 0)]);
    assert_eq!(
        driven.sent().iter().filter(|frame| is_open(frame)).count(),
        1
    );
    driven.session.close(driven.now, room(1));
    let frames = driven.sent();
    assert!(
        matches!(&*frames, [ClientFrame::Request(Request::Close(_))]),
        "{frames:?}"
    );
}

#[test]
fn everything_can_be_followed_from_when_it_is_known() {
    let mut all = settings();
    all.follow_all = true;
    let mut driven = Driven::new(all);
    driven.connect(EPOCH, vec![entry(room(1), 5, 2)]);
    driven.hear_event(&message(room(1), 6, other()));
    driven.hear_event(&message(room(2), 9, other()));
    assert_eq!(driven.events(), [6, 9]);
    assert_eq!(driven.syncs(), []);
}

/// There is nothing below where the user's view begins: the page that says so is the next one, whatever was held.
#[test]
fn a_page_that_begins_where_the_user_sees_is_no_gap() {
    let mut driven = Driven::online(vec![entry(room(1), 20, 20)]);
    driven.session.follow(room(1), seq(3));
    let asked = driven.syncs();
    assert_eq!((asked.len(), asked[0].after), (1, seq(3)));
    let places = (15..=20).map(|place| message(room(1), place, other()));
    let shown = Events {
        id: asked[0].id,
        conversation: Wire(room(1)),
        events: places.map(LogEntry::Known).collect(),
        head_seq: Wire(seq(20)),
        more: false,
        visible_from: Some(Wire(seq(15))),
    };
    driven.hear(&shown.encode());
    let updates = driven.updates();
    let begins = Update::VisibleFrom {
        conversation: room(1),
        seq: seq(15),
    };
    assert!(updates.contains(&begins), "{updates:?}");
    let events = updates
        .iter()
        .filter(|update| matches!(update, Update::Event(_)));
    assert_eq!(events.count(), 6);
    driven.hear_event(&message(room(1), 21, other()));
    assert_eq!(driven.events(), [21]);
    driven.pass(Duration::from_mins(1));
    assert_eq!(driven.syncs(), [], "nothing below is asked for");
}

/// A cursor above is left alone, however often the server says where the view begins.
#[test]
fn where_the_view_begins_moves_no_cursor_back() {
    let mut driven = Driven::online(vec![entry(room(1), 6, 6)]);
    driven.session.follow(room(1), seq(5));
    let asked = driven.syncs();
    let shown = Events {
        id: asked[0].id,
        conversation: Wire(room(1)),
        events: vec![LogEntry::Known(message(room(1), 6, other()))],
        head_seq: Wire(seq(6)),
        more: false,
        visible_from: Some(Wire(seq(4))),
    };
    driven.hear(&shown.encode());
    assert_eq!(driven.events(), [6]);
}

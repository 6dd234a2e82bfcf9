use super::*;
use crate::body::{Draft, Personal, PersonalChanges};

fn state(number: u128, version: u64) -> Personal {
    Personal {
        conversation: Wire(room(number)),
        version,
        muted_until: None,
        archived: false,
        favourite: false,
        marked_unread_at: Some(Wire(seq(2))),
        draft: Some(Draft {
            text: format!("draft {version}"),
            reply_to: None,
        }),
    }
}

fn page(changes: Vec<Personal>, version: u64, more: bool) -> PersonalChanges {
    PersonalChanges {
        changes,
        version,
        more,
    }
}

/// The versions of the states that the app hears of now.
fn told(driven: &mut Driven) -> Vec<u64> {
    let pick = |update| match update {
        Update::Personal(state) => Some(state.version),
        _ => None,
    };
    driven.updates().into_iter().filter_map(pick).collect()
}

fn greeted(driven: &mut Driven, version: u64, read: u64) {
    driven.session.connected(driven.now);
    driven.sent();
    let mut known = entry(room(1), 5, 0);
    known.read_seq = Wire(seq(read));
    let text = welcome(EPOCH, vec![known, entry(room(2), 5, 0)]);
    let told = format!("\"personal_version\":{version}");
    driven.hear(&text.replace("\"personal_version\":0", &told));
}

#[test]
fn frames_in_order_are_all_there_is_and_a_jump_is_asked_about() {
    let mut driven = Driven::new(settings());
    greeted(&mut driven, 0, 3);
    assert_eq!(driven.session.missing_personal(), None);
    driven.hear(&state(1, 1).encode());
    driven.hear(&state(2, 2).encode());
    driven.hear(&state(2, 2).encode());
    assert_eq!(told(&mut driven), [1, 2], "each once");
    assert_eq!(driven.session.missing_personal(), None);
    driven.hear(&state(1, 5).encode());
    assert_eq!(driven.session.missing_personal(), Some(2));
    driven
        .session
        .learn_personal_changes(2, page(vec![state(2, 4)], 4, true));
    assert_eq!(driven.session.missing_personal(), Some(4));
    driven
        .session
        .learn_personal_changes(4, page(vec![state(1, 5)], 5, false));
    assert_eq!(driven.session.missing_personal(), None);
    assert_eq!(told(&mut driven), [5, 4]);
    // What comes late says nothing about now.
    driven.hear(&state(1, 3).encode());
    assert_eq!(driven.session.personal(room(1)), Some(&state(1, 5)));
    assert!(told(&mut driven).is_empty());
}

#[test]
fn a_welcome_says_whether_something_is_missing() {
    let mut driven = Driven::new(settings());
    greeted(&mut driven, 7, 3);
    assert_eq!(driven.session.missing_personal(), Some(0));
    driven
        .session
        .learn_personal_changes(0, page(vec![state(1, 7)], 7, false));
    driven.session.disconnected();
    assert_eq!(
        driven.session.missing_personal(),
        None,
        "nobody can be asked"
    );
    let left = driven.session.resumption();
    let mut driven = Driven::from(ClientSession::resume(settings(), left).unwrap());
    assert_eq!(driven.session.personal(room(1)), Some(&state(1, 7)));
    greeted(&mut driven, 7, 3);
    assert_eq!(driven.session.missing_personal(), None);
    greeted(&mut driven, 9, 3);
    assert_eq!(driven.session.missing_personal(), Some(7));
    driven.connect("another history", Vec::new());
    assert_eq!(driven.session.personal(room(1)), None);
}

#[test]
fn a_mark_is_over_when_the_user_reads_on_or_writes() {
    let marked = |driven: &Driven, number| {
        let state = driven.session.personal(room(number)).unwrap();
        state.marked_unread_at.is_some()
    };
    let mut driven = Driven::new(settings());
    greeted(&mut driven, 0, 3);
    driven.hear(&state(1, 1).encode());
    driven.hear(&state(2, 2).encode());
    driven.updates();
    driven.hear_event(&message(room(1), 6, other()));
    driven.session.mark_read(driven.now, room(1), seq(3));
    assert!(marked(&driven, 1) && marked(&driven, 2));
    driven.session.mark_read(driven.now, room(1), seq(6));
    assert!(!marked(&driven, 1) && marked(&driven, 2));
    assert_eq!(told(&mut driven), [1]);
    driven.hear_event(&message(room(2), 6, me()));
    assert!(!marked(&driven, 2));
    assert_eq!(told(&mut driven), [2]);
    // Set anew, it holds until the next time; also over a connection on which the cursor turns out to have moved.
    driven.hear(&state(1, 3).encode());
    assert!(marked(&driven, 1));
    greeted(&mut driven, 3, 6);
    assert!(marked(&driven, 1));
    greeted(&mut driven, 3, 7);
    assert!(!marked(&driven, 1));
}

#[test]
fn nothing_is_kept_of_what_the_user_left() {
    let mut driven = Driven::new(settings());
    greeted(&mut driven, 0, 3);
    driven.hear(&state(1, 1).encode());
    let removed = format!(r#"{{"type":"removed","conversation":"{}"}}"#, room(1));
    driven.hear(&removed);
    assert_eq!(driven.session.personal(room(1)), None);
    assert_eq!(driven.session.missing_personal(), None);
}

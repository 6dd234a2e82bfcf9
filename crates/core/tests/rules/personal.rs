//! What a member keeps for themselves.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Conversation, ConversationKind, Membership, Role, Visibility};
use tidemark_core::personal::{Draft, Kept, Personal, PersonalChange, Versioned, change};
use tidemark_core::{ConversationId, Limits, Refusal, RefusalCode, Seq, Timestamp, UserId};
use uuid::Uuid;

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn conversation() -> Conversation {
    let id = ConversationId(Uuid::from_u128(1));
    let (kind, visibility) = (ConversationKind::Channel, Visibility::Public);
    let mut conversation = Conversation::new(id, kind, visibility, Timestamp(0));
    conversation.head = seq(10);
    conversation
}

fn member() -> Membership {
    Membership::join(None, Role::Member, seq(2))
}

/// A change by a member, or by whoever has this membership.
fn try_change(
    membership: Option<&Membership>,
    before: &Personal,
    wish: PersonalChange,
) -> Result<Personal, Refusal> {
    let caller = Caller::User(UserId::parse("ann").unwrap());
    let limits = Limits {
        text_bytes_max: 4,
        ..Limits::default()
    };
    change(
        &caller,
        Some(&conversation()),
        membership,
        before,
        wish,
        &limits,
    )
}

fn draft(text: &str, reply_to: Option<Seq>) -> PersonalChange {
    PersonalChange {
        draft: Some(Some(Draft {
            text: text.to_owned(),
            reply_to,
        })),
        ..PersonalChange::default()
    }
}

#[test]
fn only_what_is_named_changes() {
    let before = Personal {
        muted_until: Some(Timestamp(5)),
        archived: true,
        favourite: true,
        marked_unread_at: Some(seq(3)),
        draft: None,
    };
    let done = |wish| try_change(Some(&member()), &before, wish).unwrap();
    assert_eq!(done(PersonalChange::default()), before);
    let unmute = PersonalChange {
        muted_until: Some(None),
        ..PersonalChange::default()
    };
    let unmuted = Personal {
        muted_until: None,
        ..before.clone()
    };
    assert_eq!(done(unmute), unmuted);
    assert_eq!(done(draft("", None)), before, "an empty draft is none");
    let answer = done(draft("", Some(seq(10)))).draft.unwrap();
    assert_eq!(
        answer.reply_to,
        Some(seq(10)),
        "an answer may have no words yet"
    );
}

#[test]
fn what_could_not_be_is_refused() {
    let code = |wish| {
        let refused = try_change(Some(&member()), &Personal::default(), wish);
        refused.unwrap_err().code
    };
    let mark = |place: u64| PersonalChange {
        marked_unread_at: Some(Seq::new(place)),
        ..PersonalChange::default()
    };
    let mute = |at| PersonalChange {
        muted_until: Some(Some(Timestamp(at))),
        ..PersonalChange::default()
    };
    assert_eq!(code(mark(0)), RefusalCode::Invalid);
    assert_eq!(code(mark(11)), RefusalCode::Invalid);
    assert_eq!(code(mute(-1)), RefusalCode::Invalid);
    assert_eq!(code(draft("a", Some(seq(11)))), RefusalCode::Invalid);
    assert_eq!(code(draft("12345", None)), RefusalCode::TooLarge);
    let mut left = member();
    left.leave(seq(9));
    for membership in [None, Some(&left)] {
        let refused = try_change(membership, &Personal::default(), mute(0));
        assert_eq!(refused.unwrap_err().code, RefusalCode::Forbidden);
    }
}

#[test]
fn a_mark_ends_with_the_next_move_and_everything_with_the_membership() {
    let state = Versioned {
        version: 7,
        personal: Personal {
            archived: true,
            marked_unread_at: Some(seq(3)),
            ..Personal::default()
        },
    };
    let kept = Kept::new(state.clone(), &member());
    assert_eq!(kept.clone().seen_by(&member()), state);
    let mut unmarked = state;
    unmarked.personal.marked_unread_at = None;
    let mut reader = member();
    reader.read = seq(3);
    assert_eq!(kept.clone().seen_by(&reader), unmarked);
    let mut author = member();
    author.sent += 1;
    assert_eq!(kept.clone().seen_by(&author), unmarked);
    let mut left = member();
    left.leave(seq(9));
    assert_eq!(kept.clone().seen_by(&left), Versioned::default());
    let back = Membership::join(Some(&left), Role::Member, seq(10));
    assert_eq!(kept.seen_by(&back), Versioned::default());
}

#[test]
fn muting_ends_at_its_time() {
    let muted = Personal {
        muted_until: Some(Timestamp(5)),
        ..Personal::default()
    };
    assert!(muted.is_muted(Timestamp(4)));
    assert!(!muted.is_muted(Timestamp(5)));
    assert!(!Personal::default().is_muted(Timestamp(0)));
}

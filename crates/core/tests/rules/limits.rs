//! Each limit: what is exactly at it passes, one more does not.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, ConversationKind, Joined, Mentions, NewConversation, NewMessage, Role, SettingsChange,
    Visibility,
};
use tidemark_core::{Limits, Refusal, RefusalCode, Seq, UserId};

use crate::history::{command, room_id, says, settled_world, user};
use crate::world::{Outcome, World};

const GROUP: usize = 1;
const PUBLIC_CHANNEL: usize = 2;

fn by_ada(world: &mut World, room: usize, action: Action) -> Result<Outcome, RefusalCode> {
    let caller = Caller::User(user("ada"));
    let outcome = world.execute(command(room_id(room), caller, action));
    outcome.map_err(|refusal: Refusal| refusal.code)
}

fn send(new: NewMessage) -> Result<Outcome, RefusalCode> {
    by_ada(&mut settled_world(), GROUP, Action::Send(new))
}

fn change_settings(room: usize, change: SettingsChange) -> Result<Outcome, RefusalCode> {
    by_ada(&mut settled_world(), room, Action::ChangeSettings(change))
}

fn create(new: NewConversation) -> Result<Outcome, RefusalCode> {
    by_ada(&mut settled_world(), 100, Action::Create(new))
}

fn group_of(members: &[&str]) -> NewConversation {
    NewConversation {
        kind: ConversationKind::Group,
        visibility: Visibility::Private,
        title: None,
        members: members.iter().map(|name| user(name)).collect(),
        client_id: None,
    }
}

#[test]
fn a_text_has_a_longest_length_in_bytes_and_is_not_empty() {
    let bytes_max = Limits::default().text_bytes_max;
    assert!(send(says(1, &"é".repeat(bytes_max / 2))).is_ok());
    let over = "é".repeat(bytes_max / 2) + "e";
    assert_eq!(send(says(1, &over)), Err(RefusalCode::TooLarge));
    assert_eq!(send(says(1, "")), Err(RefusalCode::Invalid));
}

#[test]
fn a_message_mentions_a_limited_number_of_people() {
    let mentioning = |count: usize| NewMessage {
        mentions: Mentions::Users((0..count).map(|n| user(&format!("user{n}"))).collect()),
        ..says(1, "all of you")
    };
    let most = Limits::default().mentions_max;
    assert!(send(mentioning(most)).is_ok());
    assert_eq!(send(mentioning(most + 1)), Err(RefusalCode::TooLarge));
}

#[test]
fn a_reply_is_to_a_message_of_the_same_conversation() {
    let mut world = settled_world();
    by_ada(&mut world, GROUP, Action::Send(says(1, "first"))).unwrap();
    let mut reply_to = |number: u64| {
        let new = NewMessage {
            reply_to: Seq::new(number),
            ..says(2 + u128::from(number), "an answer")
        };
        by_ada(&mut world, GROUP, Action::Send(new))
    };
    assert!(reply_to(4).is_ok());
    assert_eq!(
        reply_to(0),
        Err(RefusalCode::Invalid),
        "before the first event"
    );
    assert_eq!(reply_to(3), Err(RefusalCode::Invalid), "people who came");
    assert_eq!(reply_to(9), Err(RefusalCode::Invalid), "above the head");
}

#[test]
fn titles_and_topics_have_a_longest_length() {
    let Limits { title, topic, .. } = Limits::default();
    let titled = |title: String| SettingsChange {
        title: Some(Some(title)),
        ..SettingsChange::default()
    };
    let about = |topic: String| SettingsChange {
        topic: Some(Some(topic)),
        ..SettingsChange::default()
    };
    for character in ["t", "👍", "e\u{301}"] {
        let longest = character.repeat(title.characters_max);
        assert!(change_settings(GROUP, titled(longest.clone())).is_ok());
        let longest_topic = character.repeat(topic.characters_max);
        assert!(change_settings(GROUP, about(longest_topic.clone())).is_ok());
        let too_large = Err(RefusalCode::TooLarge);
        let longer = longest + "t";
        assert_eq!(change_settings(GROUP, titled(longer.clone())), too_large);
        assert_eq!(
            change_settings(GROUP, about(longest_topic + "t")),
            too_large
        );
        let created = NewConversation {
            title: Some(longer),
            ..group_of(&[])
        };
        assert_eq!(create(created), too_large);
    }
}

#[test]
fn titles_and_topics_have_one_form() {
    let mut world = settled_world();
    let mut change = |change| by_ada(&mut world, GROUP, Action::ChangeSettings(change)).map(|_| ());
    let titled = |title: &str| SettingsChange {
        title: Some(Some(title.to_owned())),
        ..SettingsChange::default()
    };
    assert_eq!(change(titled("a\u{1b}[2J")), Err(RefusalCode::Invalid));
    let topic = SettingsChange {
        topic: Some(Some("\u{202e}Tides\r\n and  boats".to_owned())),
        ..titled(" Zoe\u{308}\u{200b} ")
    };
    assert_eq!(change(topic), Ok(()));
    let state = &world.rooms[&room_id(GROUP)].conversation;
    assert_eq!(state.title.as_deref(), Some("Zo\u{eb}"));
    assert_eq!(state.topic.as_deref(), Some("Tides\nand boats"));
    by_ada(
        &mut world,
        GROUP,
        Action::ChangeSettings(titled("\u{200b}")),
    )
    .unwrap();
    assert_eq!(
        world.rooms[&room_id(GROUP)].conversation.title,
        None,
        "what shows nothing is none"
    );
}

#[test]
fn messages_are_kept_for_a_day_at_least() {
    let keep = |days| SettingsChange {
        retention_days: Some(Some(days)),
        ..SettingsChange::default()
    };
    assert!(change_settings(GROUP, keep(1)).is_ok());
    assert_eq!(change_settings(GROUP, keep(0)), Err(RefusalCode::Invalid));
}

#[test]
fn only_a_channel_can_be_public() {
    let public = SettingsChange {
        visibility: Some(Visibility::Public),
        ..SettingsChange::default()
    };
    assert_eq!(
        change_settings(GROUP, public.clone()),
        Err(RefusalCode::Invalid)
    );
    assert_eq!(
        change_settings(PUBLIC_CHANNEL, public),
        Ok(Outcome::Unchanged)
    );
    let public_group = NewConversation {
        visibility: Visibility::Public,
        ..group_of(&["ben"])
    };
    assert_eq!(create(public_group), Err(RefusalCode::Invalid));
}

#[test]
fn a_group_is_full_at_its_limit_also_when_it_begins() {
    assert!(create(group_of(&["ben", "cleo", "dan"])).is_ok());
    let five = group_of(&["ben", "cleo", "dan", "eve"]);
    assert_eq!(create(five), Err(RefusalCode::TooLarge));

    let add = |names: &[&str]| {
        let people = names.iter().map(|name| Joined {
            user: user(name),
            role: Role::Member,
        });
        Action::AddMembers(people.collect())
    };
    let mut world = settled_world();
    let over = by_ada(&mut world, GROUP, add(&["dan", "eve"]));
    assert_eq!(over, Err(RefusalCode::TooLarge));
    assert!(by_ada(&mut world, GROUP, add(&["dan", "dan", "ben"])).is_ok());
    let again = by_ada(&mut world, GROUP, add(&["dan"]));
    assert_eq!(again, Ok(Outcome::Unchanged));
    let fifth = by_ada(&mut world, GROUP, add(&["eve"]));
    assert_eq!(fifth, Err(RefusalCode::TooLarge));
}

#[test]
fn a_channel_has_no_such_limit() {
    let channel = NewConversation {
        kind: ConversationKind::Channel,
        ..group_of(&["ben", "cleo", "dan", "eve", "finn"])
    };
    assert!(create(channel).is_ok());
}

#[test]
fn a_command_names_a_limited_number_of_people_and_nobody_unknown() {
    let most = Limits::default().users_per_command_max;
    let mut world = settled_world();
    let crowd: Vec<UserId> = (0..=most).map(|n| user(&format!("user{n}"))).collect();
    world.users.extend(crowd.clone());
    let mut add = |people: &[UserId]| {
        let people = people.iter().map(|user| Joined {
            user: user.clone(),
            role: Role::Member,
        });
        by_ada(
            &mut world,
            PUBLIC_CHANNEL,
            Action::AddMembers(people.collect()),
        )
    };
    assert_eq!(add(&crowd), Err(RefusalCode::TooLarge));
    assert!(add(&crowd[..most]).is_ok());
    assert_eq!(add(&[]), Err(RefusalCode::Invalid));
    assert_eq!(add(&[user("nobody")]), Err(RefusalCode::Invalid));
    assert_eq!(create(group_of(&["nobody"])), Err(RefusalCode::Invalid));
}

#[test]
fn a_direct_conversation_is_between_exactly_two_and_has_no_title() {
    let direct = |members: &[&str], title: Option<&str>| NewConversation {
        kind: ConversationKind::Direct,
        title: title.map(str::to_owned),
        ..group_of(members)
    };
    let invalid = Err(RefusalCode::Invalid);
    assert_eq!(create(direct(&[], None)), invalid);
    assert_eq!(create(direct(&["ada"], None)), invalid);
    assert_eq!(create(direct(&["cleo", "dan"], None)), invalid);
    assert_eq!(create(direct(&["cleo"], Some("us"))), invalid);
    assert!(create(direct(&["ada", "cleo"], None)).is_ok());
    assert_eq!(
        create(direct(&["ben"], None)),
        Ok(Outcome::Existing(room_id(0)))
    );
}

#[test]
fn a_cursor_moves_between_the_first_event_and_the_head() {
    let move_to = |number: u64| {
        let seq = Seq::new(number).unwrap();
        by_ada(&mut settled_world(), GROUP, Action::MoveCursor(seq))
    };
    assert_eq!(move_to(0), Err(RefusalCode::Invalid));
    assert_eq!(move_to(1), Ok(Outcome::Unchanged));
    assert_eq!(move_to(2), Ok(Outcome::Unchanged), "where ada came");
    let third = Seq::new(3).unwrap();
    assert_eq!(move_to(3), Ok(Outcome::Moved(third)));
    assert_eq!(move_to(4), Err(RefusalCode::Invalid));
}

#[test]
fn a_new_conversation_never_takes_the_id_of_another() {
    let mut world = settled_world();
    let taken = by_ada(&mut world, GROUP, Action::Create(group_of(&["ben"])));
    assert_eq!(taken, Err(RefusalCode::Conflict));
    assert_eq!(world, settled_world());
}

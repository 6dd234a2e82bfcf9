//! Reading: what is on screen, what counts as read, what is loaded.

use super::*;

/// A group on screen, with so many messages of `ben` in it, all of them read.
fn group(messages: usize, height: u16) -> World {
    let mut world = World::new(80, height);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    for number in 1..=messages {
        world.says(room(1), "ben", &format!("message {number}."));
    }
    let held = world.rooms.get_mut(&room(1)).unwrap();
    held.state.read = held.state.head;
    held.state.counts = Some(Counts::default());
    world.load(false);
    world
}

fn shows(world: &World, text: &str) -> bool {
    world.screen().contains(text)
}

#[test]
fn what_arrives_on_screen_is_read() {
    let mut world = group(3, 24);
    world.says(room(1), "ben", "new");
    assert_eq!(world.look(), [Effect::MarkRead(room(1), seq(4))]);
    assert_eq!(world.look(), [], "it is said once");
}

#[test]
fn what_arrives_below_the_screen_is_not_read_until_it_is_seen() {
    let mut world = group(40, 24);
    world.press(KeyCode::PageUp);
    world.says(room(1), "ben", "new");
    assert_eq!(world.look(), []);
    assert!(shows(&world, "↓ new messages: End"));
    let effects = world.press(KeyCode::End);
    assert_eq!(effects, [Effect::MarkRead(room(1), seq(41))]);
    assert!(shows(&world, "── new ──"), "{}", world.screen());
}

#[test]
fn what_arrives_elsewhere_or_behind_a_sheet_is_not_read() {
    let mut world = group(3, 24);
    world.add(room(2), ConversationKind::Group, Some("Lighthouse"));
    world.says(room(2), "ben", "new");
    assert_eq!(world.look(), []);
    world.press(KeyCode::F(1));
    world.says(room(1), "ben", "new");
    assert_eq!(world.look(), []);
    let effects = world.press(KeyCode::Esc);
    assert_eq!(effects, [Effect::MarkRead(room(1), seq(4))]);
}

#[test]
fn what_is_new_begins_at_the_top_and_is_read_at_the_bottom() {
    let mut world = group(10, 24);
    for number in 11..=60 {
        world.says(room(1), "ben", &format!("message {number}."));
    }
    let mut later = World::new(80, 24);
    later.rooms = world.rooms;
    let held = later.rooms.get_mut(&room(1)).unwrap();
    held.state.read = seq(10);
    let states = later.rooms.iter().map(|(id, held)| (*id, held.state));
    let conversations = states.collect();
    later.hear(Event::Sight(Box::new(Sight {
        conversations,
        ..Sight::default()
    })));
    let effects = later.load(false);
    assert!(!effects.iter().any(|it| matches!(it, Effect::MarkRead(..))));
    let screen = later.screen();
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[1].contains("── new ──"), "{screen}");
    assert!(lines[3].contains("message 11."), "{screen}");
    let effects = later.press(KeyCode::End);
    assert_eq!(effects, [Effect::MarkRead(room(1), seq(60))]);
}

#[test]
fn a_place_is_kept_whatever_arrives_above_and_below() {
    let mut world = group(40, 24);
    world.press(KeyCode::PageUp);
    let before = world.screen();
    world.says(room(1), "ben", "below");
    world.look();
    let newest = |screen: &str| {
        let shown = screen.lines().filter(|line| line.contains("message"));
        shown.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        newest(&before),
        newest(&world.screen().replace("↓ new messages", ""))
    );
    let held = world.rooms.get_mut(&room(1)).unwrap();
    let mut with_older = Timeline::starting_after(Seq::ZERO);
    for place in 1..=41 {
        let number = if place < 41 {
            place.to_string()
        } else {
            "below".to_owned()
        };
        with_older.apply(&LogEvent {
            conversation: room(1),
            seq: seq(place),
            at: Timestamp(BEGIN_MS),
            body: EventBody::Message(message("ben", &format!("message {number}."))),
        });
    }
    held.timeline = with_older;
    world.look();
    let last = |screen: &str| newest(screen).pop().map(|line| line.trim().to_owned());
    let kept = last(&before).unwrap();
    let now = world.screen();
    assert!(
        now.contains(kept.split('#').next().unwrap().trim_end()),
        "{now}"
    );
}

#[test]
fn scrolling_down_line_by_line_ends_below_what_is_not_sent() {
    let mut world = group(40, 24);
    world.pending = (1..=5).map(|it| pending(room(1), it, "waiting")).collect();
    world.look();
    let bottom = world.screen();
    world.press(KeyCode::PageUp);
    assert_ne!(world.screen(), bottom);
    for _ in 0..30 {
        world.press(KeyCode::Down);
    }
    assert_eq!(world.screen(), bottom);
}

#[test]
fn older_messages_are_asked_for_near_the_top_and_once() {
    let mut world = World::new(80, 24);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    for number in 1..=100 {
        world.says(room(1), "ben", &format!("message {number}."));
    }
    let asks = |effects: &[Effect]| effects.contains(&Effect::LoadOlder(room(1)));
    assert!(!asks(&world.load(true)));
    assert!(!asks(&world.press(KeyCode::PageUp)));
    assert!(asks(&world.press(KeyCode::Home)));
    assert!(shows(&world, "message 1."));
    assert!(!asks(&world.press(KeyCode::PageUp)), "an answer is awaited");
    world.hear(Event::Older(room(1), Err("no way".to_owned())));
    assert!(shows(&world, "no way"));
    assert!(asks(&world.press(KeyCode::Home)), "it is tried again");
    world.hear(Event::Older(room(1), Ok(false)));
    assert!(!asks(&world.press(KeyCode::Home)), "there are no others");
}

#[test]
fn the_server_is_told_what_is_on_screen_and_old_timelines_are_let_go() {
    let mut world = World::new(80, 24);
    for number in 1..=12 {
        world.add(room(number), ConversationKind::Group, Some("Harbour"));
    }
    let mut effects = Vec::new();
    for _ in 2..=12 {
        effects.extend(world.press(KeyCode::Tab));
    }
    assert_eq!(
        effects[..2],
        [Effect::Close(room(1)), Effect::Open(room(2))]
    );
    let let_go = |it: &Effect| matches!(it, Effect::Unfollow(_));
    let let_go: Vec<_> = effects.iter().filter(|it| let_go(it)).collect();
    let expected = (1..=4).map(|number| Effect::Unfollow(room(number)));
    assert!(let_go.into_iter().cloned().eq(expected));
    let effects = world.press(KeyCode::BackTab);
    assert_eq!(effects, [Effect::Close(room(12)), Effect::Open(room(11))]);
}

#[test]
fn where_something_happens_comes_first() {
    let mut world = group(1, 24);
    for (number, title) in [(2, "Lighthouse"), (3, "Pier")] {
        world.add(room(number), ConversationKind::Group, Some(title));
        world.says(room(number), "ben", "first");
    }
    world.look();
    world.says(room(3), "ben", "second");
    world.look();
    let names: Vec<_> = world.state.rooms.iter().map(|it| it.id).collect();
    assert_eq!(names, [room(3), room(1), room(2)]);
    assert_eq!(world.state.open.as_ref().unwrap().id, room(1));
}

#[test]
fn a_conversation_that_is_gone_gives_way_to_the_next() {
    let mut world = group(1, 24);
    world.add(room(2), ConversationKind::Group, Some("Lighthouse"));
    let effects = world.hear(Event::Removed(room(1)));
    assert_eq!(
        effects[..2],
        [Effect::Close(room(1)), Effect::Open(room(2))]
    );
    assert!(shows(&world, "you are no longer in Harbour"));
    world.hear(Event::Removed(room(2)));
    assert!(shows(&world, "No conversation yet."));
}

#[test]
fn a_replaced_history_is_followed_from_where_it_is() {
    let mut world = group(3, 24);
    let effects = world.hear(Event::HistoryReplaced);
    assert_eq!(effects, [Effect::Unfollow(room(1)), Effect::LoadInbox]);
    assert!(shows(&world, "loading…"));
    let effects = world.hear(Event::Inbox(world.inbox.clone()));
    assert_eq!(effects, [Effect::Open(room(1))]);
}

#[test]
fn after_coming_back_what_could_not_be_loaded_is_asked_for_again() {
    let mut world = World::new(80, 24);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    world.hear(Event::Older(
        room(1),
        Err("the server cannot be reached".to_owned()),
    ));
    let effects = world.hear(Event::Online);
    assert_eq!(
        effects,
        [
            Effect::LoadInbox,
            Effect::LoadOlder(room(1)),
            Effect::LoadThreads(room(1))
        ]
    );
}

#[test]
fn the_other_person_of_a_direct_conversation_gives_it_its_name() {
    let mut world = World::new(80, 24);
    world.inbox.clear();
    world.add(room(1), ConversationKind::Direct, None);
    let mut asked = World::new(80, 24);
    asked.rooms = world.rooms;
    let effects = asked.hear(Event::Inbox(world.inbox.clone()));
    assert!(effects.contains(&Effect::LoadMembers {
        conversation: room(1),
        show: false
    }));
    let member = |name: &str| body::Member {
        user: Wire(user(name)),
        role: Wire(tidemark_core::conversation::Role::Member),
        joined_seq: Wire(seq(1)),
        read_seq: Wire(Seq::ZERO),
    };
    let effects = asked.hear(Event::Members(super::super::event::MembersAnswer {
        conversation: room(1),
        members: vec![member("ann"), member("ben")],
        is_complete: true,
        show: false,
    }));
    assert!(shows(&asked, "› ben"));
    assert_eq!(effects, [Effect::LoadPerson(user("ben"))]);
    asked.hear(Event::Person(profile("ben", Some("Ben of the Pier"))));
    assert!(shows(&asked, "› Ben of the Pier") || shows(&asked, "› Ben of the"));
}

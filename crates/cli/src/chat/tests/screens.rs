//! Whole screens. `screens/` holds them as they are to look.

use ratatui::style::Color;
use tidemark_core::conversation::{Joined, MembersChange, Role, SettingsChange};
use tidemark_protocol::Code;

use super::*;
use crate::chat::event::MembersAnswer;
use crate::chat::state::Draft;

/// An afternoon at the harbour.
fn afternoon(width: u16, height: u16, has_colours: bool) -> World {
    let mut world = World::looking(width, height, has_colours);
    world.add(room(1), ConversationKind::Group, Some("Harbour watch"));
    world.add(room(2), ConversationKind::Channel, Some("weather"));
    world.add(room(3), ConversationKind::Direct, None);
    world.hear(Event::Person(profile("ben", Some("Ben Brown"))));
    world.hear(members(room(3), &["ann", "cleo"], false));
    let title = Some("Harbour".to_owned());
    let by = user("ann");
    world.happens(
        room(1),
        EventBody::Created {
            by: by.clone(),
            title,
        },
    );
    let joined = |name: &str| Joined {
        user: user(name),
        role: Role::Member,
    };
    let mut change = MembersChange::by(by.clone());
    change.joined = ["ann", "ben", "cleo"].map(joined).into();
    world.happens(room(1), EventBody::Members(change));
    world.says(room(1), "ann", "Who is at the pier?");
    world.says(
        room(1),
        "ben",
        "I am. The tide is coming in, and faster than the table says it should.",
    );
    world.says(room(1), "ben", "漢字 fit, and 👩\u{200d}👧 do too.");
    world.now.0 += 24 * 60 * 60 * 1000;
    let change = SettingsChange {
        title: Some(Some("Harbour watch".to_owned())),
        topic: Some(Some("Who is where, and when".to_owned())),
        ..SettingsChange::default()
    };
    world.happens(room(1), EventBody::Settings { by, change });
    world.rooms.get_mut(&room(1)).unwrap().state.read = seq(6);
    let reply = Message {
        reply_to: Some(seq(4)),
        mentions: Mentions::Users(vec![user("ann")]),
        ..message("cleo", "@ann will you look?\nPlease.")
    };
    world.happens(room(1), EventBody::Message(reply));
    world.says(room(2), "cleo", "Fog.");
    let mention = Message {
        mentions: Mentions::All,
        ..message("cleo", "@all Fog!")
    };
    world.happens(room(2), EventBody::Message(mention));
    world.state.open.as_mut().unwrap().new_after = Some(seq(6));
    world.load(false);
    // What was on screen is read.
    let held = world.rooms.get_mut(&room(1)).unwrap();
    held.state.counts = Some(Counts::default());
    world.pending = vec![pending(room(1), 1, "On my way.")];
    world.look();
    world
}

fn members(conversation: ConversationId, names: &[&str], show: bool) -> Event {
    let member = |name: &&str| body::Member {
        user: Wire(user(name)),
        role: Wire(Role::Member),
        joined_seq: Wire(seq(2)),
        read_seq: Wire(Seq::ZERO),
    };
    Event::Members(MembersAnswer {
        conversation,
        members: names.iter().map(member).collect(),
        is_complete: true,
        show,
    })
}

#[track_caller]
fn assert_looks(world: &World, expected: &str) {
    let screen = world.screen();
    assert!(screen == expected, "it looks like this:\n{screen}");
}

#[test]
fn a_terminal_of_the_usual_size() {
    let mut world = afternoon(80, 24, true);
    world.types("Nearly there");
    assert_looks(&world, include_str!("screens/usual.txt"));
}

#[test]
fn a_small_terminal() {
    let mut world = afternoon(40, 10, true);
    world.enters("/Laeve");
    assert_looks(&world, include_str!("screens/small.txt"));
}

#[test]
fn the_help_sheet() {
    let mut world = afternoon(80, 54, true);
    world.press(KeyCode::F(1));
    assert_looks(&world, include_str!("screens/help.txt"));
}

#[test]
fn the_members() {
    let mut world = afternoon(60, 14, true);
    world.hear(members(room(1), &["ann", "ben", "cleo"], true));
    assert_looks(&world, include_str!("screens/members.txt"));
}

#[test]
fn a_sheet_scrolls_to_its_end_and_no_further() {
    let mut world = afternoon(40, 10, true);
    world.press(KeyCode::F(1));
    world.press(KeyCode::End);
    let end = world.screen();
    assert!(end.contains("begins a message with"), "{end}");
    world.press(KeyCode::PageDown);
    assert_eq!(world.screen(), end);
    world.press(KeyCode::Up);
    assert_ne!(world.screen(), end);
}

#[test]
fn every_size_can_be_drawn_and_moved_about_in() {
    for width in [0, 1, 2, 3, 5, 8, 19, 40, 60, 200] {
        for height in [0, 1, 2, 3, 4, 5, 6, 9, 13] {
            let mut world = afternoon(width, height, true);
            world.enters("/Laeve and some words that need a second line");
            for key in [KeyCode::PageUp, KeyCode::Home, KeyCode::F(1), KeyCode::End] {
                world.press(key);
                world.draw();
            }
            let size = Size {
                width: width / 2,
                height: height / 2,
            };
            world.hear(Event::Resize(size));
            world.draw();
        }
    }
}

#[test]
fn a_terminal_that_shrank_in_the_meantime_does_no_harm() {
    let mut world = afternoon(80, 24, true);
    world.press(KeyCode::F(1));
    let mut terminal = Terminal::new(TestBackend::new(20, 5)).unwrap();
    terminal
        .draw(|frame| view::draw(frame, &world.state))
        .unwrap();
}

#[test]
fn without_colours_nothing_is_lost() {
    let with = afternoon(80, 24, true);
    let without = afternoon(80, 24, false);
    assert_eq!(with.screen(), without.screen());
    let is_plain = |it: &ratatui::buffer::Cell| it.fg == Color::Reset && it.bg == Color::Reset;
    assert!(without.draw().content.iter().all(is_plain));
    assert!(!with.draw().content.iter().all(is_plain));
}

/// Obeyed, these would clear the screen, name the window, and turn text around.
pub(super) const EVIL: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\n\u{8}end";

#[test]
fn nothing_that_others_write_is_obeyed_by_the_terminal() {
    let mut world = World::new(100, 40);
    world.add(room(1), ConversationKind::Group, Some(EVIL));
    world.add(room(2), ConversationKind::Channel, Some(EVIL));
    world.inbox[0].topic = Some(EVIL.to_owned());
    world.hear(Event::Inbox(world.inbox.clone()));
    world.hear(Event::Person(profile("ben", Some(EVIL))));
    let (by, evil) = (user("ben"), Some(EVIL.to_owned()));
    let title = evil.clone();
    world.happens(
        room(1),
        EventBody::Created {
            by: by.clone(),
            title,
        },
    );
    let change = SettingsChange {
        title: Some(evil.clone()),
        topic: Some(evil),
        ..SettingsChange::default()
    };
    world.happens(room(1), EventBody::Settings { by, change });
    world.says(room(1), "ben", EVIL);
    let reply = Message {
        reply_to: Some(seq(3)),
        ..message("cleo", EVIL)
    };
    world.happens(room(1), EventBody::Message(reply));
    world.pending = vec![pending(room(1), 1, EVIL)];
    world.load(false);
    world.hear(Event::Refused {
        conversation: room(1),
        client_id: ClientId(Uuid::from_u128(1)),
        code: Code::Forbidden,
        detail: EVIL.to_owned(),
    });
    world.hear(Event::Link(Link::Stopped(EVIL.to_owned())));
    world.hear(Event::Done(EVIL.to_owned()));
    world.press_with(KeyModifiers::ALT, KeyCode::Up);
    world.press_with(KeyModifiers::ALT, KeyCode::Char('r'));
    world.hear(Event::Paste(EVIL.to_owned()));
    assert_harmless(&world);
    world.hear(members(room(1), &["ann", "ben"], true));
    assert_harmless(&world);
    world.press(KeyCode::Esc);
    let mut change = MembersChange::by(user("ben"));
    change.banned = vec![user("cleo")];
    change.reason = Some(EVIL.to_owned());
    world.happens(room(1), EventBody::Members(change));
    world.says(room(1), "ann", EVIL);
    for also_in_conversation in [false, true] {
        let mut reply = super::threads::reply("ben", 3, EVIL);
        reply.thread.as_mut().unwrap().also_in_conversation = also_in_conversation;
        world.happens(room(1), EventBody::Message(reply));
    }
    world.look();
    world.hear(Event::ReadBy(room(1), user("ben"), Seq::MAX));
    assert_harmless(&world);
    for line in ["/edit #6", "/thread #3"] {
        world.state.draft = Draft::default();
        world.enters(line);
        assert_harmless(&world);
    }
    world.hear(Event::Thread(room(1), seq(3), Err(EVIL.to_owned())));
    assert_harmless(&world);
}

#[track_caller]
pub(super) fn assert_harmless(world: &World) {
    let buffer = world.draw();
    for cell in &buffer.content {
        let symbol = cell.symbol();
        let is_evil = |it: char| it.is_control() || it == '\u{202e}';
        assert!(!symbol.contains(is_evil), "{symbol:?}");
    }
    assert!(world.screen().contains("evil␛[2J"));
}

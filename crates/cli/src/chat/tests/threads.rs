//! Threads: what the conversation shows of them.

use tidemark_core::conversation::{
    Amendment, Change, DeleteReason, History, InThread, MembersChange, Role, RulesChange,
    SettingsChange,
};

use super::*;

pub(super) fn reply(sender: &str, root: u64, text: &str) -> Message {
    Message {
        thread: Some(InThread {
            root: seq(root),
            also_in_conversation: false,
            first: true,
        }),
        ..message(sender, text)
    }
}

/// A group on screen, with a question of `ben` at 1 and one of `ann` at 2.
pub(super) fn group() -> World {
    let mut world = World::new(80, 24);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    world.says(room(1), "ben", "Who has the key?");
    world.says(room(1), "ann", "Who is at the pier?");
    world.load(false);
    world
}

pub(super) fn replies(world: &mut World, sender: &str, root: u64, text: &str) {
    world.happens(room(1), EventBody::Message(reply(sender, root, text)));
    world.look();
}

pub(super) fn shows(world: &World, text: &str) -> bool {
    world.screen().contains(text)
}

#[test]
fn the_first_message_says_what_is_below_it_and_only_that_is_shown() {
    let mut world = group();
    replies(&mut world, "cleo", 1, "Not me.");
    assert!(shows(&world, "↳ 1 reply · cleo\n"), "{}", world.screen());
    assert!(!shows(&world, "Not me."));
    world.hear(Event::Person(profile("ben", Some("Ben Brown"))));
    replies(&mut world, "ben", 1, "Found it.");
    assert!(shows(&world, "↳ 2 replies · Ben Brown, cleo\n"));
    for number in 1..=5 {
        replies(&mut world, &format!("u{number}"), 1, "So?");
    }
    assert!(shows(&world, "↳ 7 replies · u5, u4, u3, u2, u1, 2 others"));
}

#[test]
fn a_reply_that_the_conversation_shows_says_what_it_belongs_to() {
    let mut world = group();
    let mut shown = reply("cleo", 1, "Found it.");
    shown.thread.as_mut().unwrap().also_in_conversation = true;
    world.happens(room(1), EventBody::Message(shown));
    world.look();
    assert!(shows(&world, "↳ in thread ben: Who has the key?"));
    assert!(shows(&world, "Found it."));
}

#[test]
fn replies_are_new_until_they_are_read_where_the_person_takes_part() {
    let mut world = group();
    replies(&mut world, "cleo", 2, "I am.");
    assert!(!shows(&world, "new"), "the server was not asked yet");
    world.hear(Event::Threads(room(1), vec![(seq(2), Seq::ZERO)]));
    assert!(shows(&world, "↳ 1 reply · cleo · 1 new"));
    replies(&mut world, "ben", 2, "Me too.");
    assert!(shows(&world, "↳ 2 replies · ben, cleo · 2 new"));
    replies(&mut world, "ann", 2, "Good.");
    assert!(shows(&world, "· 2 new"), "one's own are not new");
    let deletion = Amendment {
        target: seq(3),
        by: user("cleo"),
        client_id: None,
        change: Change::Delete {
            reason: DeleteReason::Author,
            thread: Some(seq(2)),
        },
    };
    world.happens(room(1), EventBody::Amendment(deletion));
    world.look();
    assert!(shows(&world, "↳ 2 replies · you, ben, cleo · 1 new"));
    world.hear(Event::ThreadRead(room(1), seq(2), seq(5)));
    assert!(shows(&world, "↳ 2 replies · you, ben, cleo\n"));
    world.hear(Event::ThreadRead(room(1), seq(2), seq(3)));
    assert!(!shows(&world, "new"), "a cursor never moves back");
}

#[test]
fn a_thread_that_began_since_the_server_was_asked_counts_too_and_one_of_others_does_not() {
    let mut world = group();
    world.hear(Event::Threads(room(1), Vec::new()));
    replies(&mut world, "cleo", 1, "Not me.");
    replies(&mut world, "cleo", 2, "I am.");
    let screen = world.screen();
    let below: Vec<&str> = screen.lines().filter(|line| line.contains("↳")).collect();
    assert!(below[0].ends_with("↳ 1 reply · cleo"), "{screen}");
    assert!(below[1].ends_with("↳ 1 reply · cleo · 1 new"), "{screen}");
}

#[test]
fn a_selected_answer_keeps_what_it_answers() {
    let mut world = group();
    let answer = Message {
        reply_to: Some(seq(1)),
        ..message("ann", "I have.")
    };
    world.happens(room(1), EventBody::Message(answer));
    world.look();
    world.press_with(KeyModifiers::ALT, KeyCode::Up);
    assert!(
        shows(&world, "▶ ┃ ben: Who has the key?"),
        "{}",
        world.screen()
    );
}

#[test]
fn bans_and_rules_are_short_lines() {
    let mut world = group();
    let mut change = MembersChange::by(user("ben"));
    change.left = vec![user("cleo")];
    change.banned = vec![user("cleo")];
    change.reason = Some("spam\u{1b}[2J".to_owned());
    world.happens(room(1), EventBody::Members(change));
    let mut change = MembersChange::by(user("ben"));
    change.unbanned = vec![user("cleo")];
    world.happens(room(1), EventBody::Members(change));
    let rules = RulesChange {
        history: Some(History::SinceJoined),
        slow_mode_seconds: Some(30),
        announcements_only: Some(true),
        mention_all: Some(Role::Moderator),
    };
    let change = SettingsChange {
        rules,
        ..SettingsChange::default()
    };
    let by = user("ben");
    world.happens(room(1), EventBody::Settings { by, change });
    world.look();
    let screen = world.screen().replace("\n                    │  ", " ");
    for words in [
        "ben banned cleo: spam␛[2J",
        "ben lets cleo in again",
        "ben hides from newcomers what was before them",
        "ben set slow mode to 30 s",
        "ben lets only moderators write",
        "ben asks for the role moderator to mention everybody",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(!screen.contains("removed"));
}

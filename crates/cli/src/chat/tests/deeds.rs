//! What a person does to messages.

use tidemark_client::OutgoingMessage;
use tidemark_core::conversation::{Amendment, Change, Emoji};

use super::threads::{group, replies, shows};
use super::*;
use crate::chat::event::{Call, Wish};

fn written(world: &World) -> &str {
    world.state.draft.composer.text()
}

fn up(world: &mut World) {
    world.press_with(KeyModifiers::ALT, KeyCode::Up);
}

/// Enters a line of which comes a call, with what is given back if it fails.
#[track_caller]
fn calls(world: &mut World, typed: &str, wish: Wish, line: &str) {
    let line = line.to_owned();
    assert_eq!(world.enters(typed), [Effect::Call(Call { wish, line })]);
    assert_eq!(written(world), "");
}

fn react(at: u64, emoji: &str, on: bool) -> Wish {
    Wish::React {
        conversation: room(1),
        seq: seq(at),
        emoji: Emoji::parse(emoji).unwrap(),
        on,
    }
}

fn edit(at: u64, text: &str, mentions: &[&str]) -> Wish {
    Wish::Edit {
        conversation: room(1),
        seq: seq(at),
        text: text.to_owned(),
        mentions: Some(Mentions::Users(
            mentions.iter().map(|it| user(it)).collect(),
        )),
    }
}

#[test]
fn the_last_message_is_meant_where_none_is_selected_or_named() {
    let mut world = group();
    let reply = |at| OutgoingMessage::text("so it is").replying_to(seq(at));
    let effects = world.enters("/reply so it is");
    assert_eq!(effects, [Effect::Send(room(1), reply(2))]);
    let effects = world.enters("/reply #1 so it is");
    assert_eq!(effects, [Effect::Send(room(1), reply(1))]);
    up(&mut world);
    up(&mut world);
    let effects = world.enters("/reply so it is");
    assert_eq!(effects, [Effect::Send(room(1), reply(1))]);
    assert_eq!(world.enters("/reply #7 so it is"), []);
    assert!(shows(&world, "there is no message #7"));
    assert_eq!(written(&world), "/reply #7 so it is");
}

#[test]
fn reactions_and_pins_become_calls_and_are_shown_when_they_happened() {
    let mut world = group();
    calls(
        &mut world,
        "/react 👍",
        react(2, "👍", true),
        "/react #2 👍",
    );
    calls(
        &mut world,
        "/unreact 👍",
        react(2, "👍", false),
        "/unreact #2 👍",
    );
    up(&mut world);
    up(&mut world);
    calls(
        &mut world,
        "/react :ok:",
        react(1, ":ok:", true),
        "/react #1 :ok:",
    );
    calls(
        &mut world,
        "/pin",
        Wish::Pin(room(1), seq(1), true),
        "/pin #1",
    );
    calls(
        &mut world,
        "/unpin",
        Wish::Pin(room(1), seq(1), false),
        "/unpin #1",
    );
    let change = Change::Reaction {
        emoji: Emoji::parse("👍").unwrap(),
        on: true,
    };
    for change in [change, Change::Pin { on: true }] {
        let amendment = Amendment {
            target: seq(1),
            by: user("cleo"),
            client_id: None,
            change,
        };
        world.happens(room(1), EventBody::Amendment(amendment));
    }
    world.look();
    assert!(shows(&world, "👍 1 · pinned"), "{}", world.screen());
}

#[test]
fn without_a_selection_only_the_own_last_message_is_edited_or_deleted() {
    let mut world = group();
    world.says(room(1), "ben", "Nobody?");
    world.look();
    calls(
        &mut world,
        "/edit Where are you?",
        edit(2, "Where are you?", &[]),
        "/edit #2 Where are you?",
    );
    calls(
        &mut world,
        "/delete",
        Wish::Delete(room(1), seq(2)),
        "/delete #2",
    );
    up(&mut world);
    calls(
        &mut world,
        "/delete",
        Wish::Delete(room(1), seq(3)),
        "/delete #3",
    );
    let mut lonely = World::new(80, 24);
    lonely.add(room(1), ConversationKind::Group, Some("Harbour"));
    lonely.says(room(1), "ben", "Who has the key?");
    lonely.load(false);
    assert_eq!(lonely.enters("/delete"), []);
    assert!(shows(&lonely, "there is no message of yours here"));
}

#[test]
fn the_servers_words_about_a_refused_wish_are_shown() {
    let mut world = group();
    world.enters("/delete");
    world.hear(Event::Failed {
        sentence: "it was deleted already\u{1b}[2J (conflict)".to_owned(),
        line: Some("/delete #2".to_owned()),
    });
    assert!(shows(&world, "it was deleted already␛[2J (conflict)"));
    assert_eq!(written(&world), "/delete #2");
}

#[test]
fn up_edits_the_own_last_message_and_escape_leaves_it_as_it_was() {
    let mut world = group();
    world.press(KeyCode::Up);
    assert_eq!(written(&world), "Who is at the pier?");
    assert!(
        shows(&world, "✎ you: Who is at the pier?"),
        "{}",
        world.screen()
    );
    world.press(KeyCode::Esc);
    assert_eq!(written(&world), "");
    assert!(!shows(&world, "✎"));
    world.press(KeyCode::Up);
    world.types(" @ben");
    let text = "Who is at the pier? @ben";
    let saved = world.press(KeyCode::Enter);
    let line = format!("/edit #2 {text}");
    let wish = edit(2, text, &["ben"]);
    assert_eq!(saved, [Effect::Call(Call { wish, line })]);
    let said = [Effect::Send(room(1), OutgoingMessage::text("next"))];
    assert_eq!(
        world.enters("next"),
        said,
        "the next line is a message again"
    );
}

#[test]
fn what_is_edited_may_begin_with_a_slash_and_is_of_the_person() {
    let mut world = group();
    world.says(room(1), "ann", "/etc/hosts");
    world.look();
    world.enters("/edit");
    assert_eq!(written(&world), "/etc/hosts");
    let saved = world.enters(" is it");
    let (wish, line) = (
        edit(3, "/etc/hosts is it", &[]),
        "/edit #3 /etc/hosts is it".to_owned(),
    );
    assert_eq!(saved, [Effect::Call(Call { wish, line })]);
    assert_eq!(world.enters("/edit #1"), []);
    assert!(shows(&world, "only what you wrote yourself can be edited"));
}

#[test]
fn a_reply_goes_to_the_thread_that_the_message_is_in_or_begins() {
    let mut world = group();
    let below = |root| OutgoingMessage::text("here").in_thread(seq(root), false);
    assert_eq!(
        world.enters("/thread here"),
        [Effect::Send(room(1), below(2))]
    );
    replies(&mut world, "cleo", 1, "Not me.");
    let effects = world.enters("/thread #3 here");
    assert_eq!(effects, [Effect::Send(room(1), below(1))]);
}

//! The thread on screen instead of its conversation.

use tidemark_client::OutgoingMessage;
use tidemark_core::conversation::NewReply;

use super::threads::{group, replies, shows};
use super::*;

/// A group with two replies below the question of `ben` at 1, in its thread, which is read up to `read`.
fn inside(read: u64) -> (World, Vec<Effect>) {
    let mut world = group();
    replies(&mut world, "cleo", 1, "Not me.");
    replies(&mut world, "ben", 1, "Found it.");
    let effects = world.enters("/thread #1");
    assert_eq!(effects, [Effect::LoadThread(room(1), seq(1))]);
    world.look();
    let read = Seq::new(read).unwrap_or_default();
    let effects = world.hear(Event::Thread(room(1), seq(1), Ok(read)));
    (world, effects)
}

#[test]
fn only_the_first_message_and_its_replies_are_shown_until_escape() {
    let (mut world, _) = inside(0);
    for words in [
        "Who has the key?",
        "Not me.",
        "Found it.",
        "thread (Esc: back) · ben: Who",
    ] {
        assert!(shows(&world, words), "{words}: {}", world.screen());
    }
    assert!(!shows(&world, "Who is at the pier?") && !shows(&world, "↳"));
    world.press(KeyCode::Esc);
    assert!(shows(&world, "Who is at the pier?") && !shows(&world, "Not me."));
    assert!(
        shows(&world, "↳ 2 replies · ben, cleo\n"),
        "they are read: {}",
        world.screen()
    );
}

#[test]
fn reading_moves_the_cursor_of_the_thread_and_not_that_of_the_conversation() {
    let (mut world, effects) = inside(3);
    let marks = |root, at| [Effect::MarkThreadRead(room(1), seq(root), seq(at))];
    assert_eq!(effects, marks(1, 4));
    let screen = world.screen();
    let (before, after) = screen.split_once("── new ──").unwrap();
    assert!(
        before.contains("Not me.") && after.contains("Found it."),
        "{screen}"
    );
    world.says(room(1), "cleo", "elsewhere");
    assert_eq!(world.look(), []);
    world.happens(
        room(1),
        EventBody::Message(super::threads::reply("cleo", 1, "Good.")),
    );
    assert_eq!(world.look(), marks(1, 6));
    world.press(KeyCode::F(1));
    world.happens(
        room(1),
        EventBody::Message(super::threads::reply("cleo", 1, "Behind.")),
    );
    assert_eq!(world.look(), [], "a sheet is in front of it");
    assert_eq!(world.press(KeyCode::Esc), marks(1, 7));
    let effects = world.press(KeyCode::Esc);
    assert_eq!(effects, [Effect::MarkRead(room(1), seq(7))]);
    let screen = world.screen();
    let new = screen.split_once("── new ──").unwrap().1;
    assert!(new.contains("elsewhere"), "{screen}");
}

#[test]
fn what_is_read_already_is_not_told_again() {
    let (mut world, effects) = inside(4);
    assert_eq!(effects, []);
    assert!(!shows(&world, "── new ──"));
    assert_eq!(world.look(), []);
}

#[test]
fn what_is_written_there_is_sent_there_and_shown_there() {
    let (mut world, _) = inside(4);
    let here = OutgoingMessage::text("Good.").in_thread(seq(1), false);
    assert_eq!(world.enters("Good."), [Effect::Send(room(1), here)]);
    let answer = OutgoingMessage::text("Where?")
        .replying_to(seq(4))
        .in_thread(seq(1), false);
    assert_eq!(
        world.enters("/reply Where?"),
        [Effect::Send(room(1), answer)]
    );
    let mut waiting = pending(room(1), 1, "on its way");
    waiting.message.thread = Some(NewReply {
        thread: seq(1),
        also_in_conversation: false,
    });
    world.pending = vec![waiting, pending(room(1), 2, "to all")];
    world.look();
    assert!(shows(&world, "on its way") && !shows(&world, "to all"));
    world.press(KeyCode::Esc);
    assert!(!shows(&world, "on its way") && shows(&world, "to all"));
}

#[test]
fn a_refused_reply_is_sent_again_to_its_thread() {
    let (mut world, _) = inside(4);
    let mut refused = pending(room(1), 1, "Good.");
    refused.message.thread = Some(NewReply {
        thread: seq(1),
        also_in_conversation: false,
    });
    world.pending = vec![refused];
    world.look();
    world.pending.clear();
    world.hear(Event::Refused {
        conversation: room(1),
        client_id: ClientId(Uuid::from_u128(1)),
        code: tidemark_protocol::Code::Conflict,
        detail: "its first message was deleted".to_owned(),
    });
    world.look();
    assert!(shows(&world, "not sent: its first message was deleted"));
    let again = OutgoingMessage::text("Good.").in_thread(seq(1), false);
    assert_eq!(world.enters("/again"), [Effect::Send(room(1), again)]);
}

#[test]
fn a_thread_and_its_conversation_have_drafts_of_their_own() {
    let (mut world, _) = inside(4);
    let written = |world: &World| world.state.draft.composer.text().to_owned();
    assert_eq!(written(&world), "", "the command is no draft");
    world.add(room(2), ConversationKind::Group, Some("Lighthouse"));
    world.types("half");
    world.press(KeyCode::Tab);
    assert_eq!(written(&world), "");
    world.press(KeyCode::BackTab);
    assert_eq!(written(&world), "");
    world.load(false);
    world.types("other");
    world.enters("");
    world.enters("/thread #1");
    assert_eq!(written(&world), "half");
}

#[test]
fn a_thread_that_cannot_be_shown_is_left_with_the_reason() {
    let mut world = group();
    world.enters("/thread");
    assert!(shows(&world, "loading…"), "{}", world.screen());
    let effects = world.hear(Event::Online);
    assert!(effects.contains(&Effect::LoadThread(room(1), seq(2))));
    let refusal = "cannot show the thread: there is no such message (not_found)".to_owned();
    world.hear(Event::Thread(room(1), seq(2), Err(refusal.clone())));
    assert!(shows(&world, "Who has the key?") && shows(&world, "cannot show the thread"));
    world.hear(Event::Thread(room(1), seq(2), Err(refusal)));
    world.enters("/thread");
    world.hear(Event::Thread(room(1), seq(1), Ok(Seq::ZERO)));
    assert!(shows(&world, "loading…"), "that was another thread");
}

#[test]
fn the_place_in_the_conversation_is_kept() {
    let mut world = group();
    for number in 3..=60 {
        world.says(room(1), "ben", &format!("message {number}."));
    }
    world.look();
    world.press(KeyCode::PageUp);
    world.press_with(KeyModifiers::ALT, KeyCode::Up);
    let before = world.screen();
    world.enters("/thread");
    assert_ne!(world.screen(), before);
    world.press(KeyCode::Esc);
    assert_eq!(world.screen(), before);
}

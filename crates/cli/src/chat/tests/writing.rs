//! Writing: what is sent, what is not, and what becomes of it.

use tidemark_client::OutgoingMessage;
use tidemark_core::conversation::Role;
use tidemark_protocol::Code;

use super::*;
use crate::chat::event::{Call, MembersAnswer, Wish};

/// A group of `ann`, `ben` and `cleo` on screen, with a message of `ben`.
fn group() -> World {
    let mut world = World::new(80, 24);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    world.says(room(1), "ben", "The tide is coming in.");
    world.load(false);
    let member = |name: &str| body::Member {
        user: Wire(user(name)),
        role: Wire(Role::Member),
        joined_seq: Wire(seq(1)),
        read_seq: Wire(Seq::ZERO),
    };
    world.hear(Event::Members(MembersAnswer {
        conversation: room(1),
        members: ["ann", "ben", "cleo"].map(member).into(),
        is_complete: true,
        show: false,
    }));
    world
}

fn written(world: &World) -> &str {
    world.state.draft.composer.text()
}

fn alt(world: &mut World, code: KeyCode) -> Vec<Effect> {
    world.press_with(KeyModifiers::ALT, code)
}

#[test]
fn a_line_is_sent_and_the_composer_is_empty_again() {
    let mut world = group();
    let effects = world.enters("is it?");
    let message = OutgoingMessage::text("is it?");
    assert_eq!(effects, [Effect::Send(room(1), message)]);
    assert_eq!(written(&world), "");
    assert_eq!(world.enters("  "), [], "there is nothing to say");
}

#[test]
fn others_are_told_of_what_is_written_and_of_nothing_else() {
    let mut world = group();
    let told = [Effect::TellTyping(room(1))];
    assert_eq!(world.press(KeyCode::Char('a')), told);
    assert_eq!(world.press(KeyCode::Char('b')), told);
    assert_eq!(world.press(KeyCode::Backspace), told);
    assert_eq!(world.press(KeyCode::Left), [], "nothing changed");
    assert_eq!(world.press(KeyCode::Delete), [], "nothing is left");
    assert_eq!(world.press(KeyCode::Char(' ')), []);
    world.press(KeyCode::Backspace);
    for character in "/topic".chars() {
        assert_eq!(world.press(KeyCode::Char(character)), [], "a command");
    }
    world.press(KeyCode::Esc);
    world.press(KeyCode::Char('/'));
    assert_eq!(world.press(KeyCode::Char('/')), told, "begins with a slash");
    // A draft of another conversation comes up; nobody writes it now.
    world.add(room(2), ConversationKind::Group, Some("Pier"));
    let effects = world.press(KeyCode::Tab);
    assert!(
        !effects.contains(&Effect::TellTyping(room(2))),
        "{effects:?}"
    );
    let effects = world.press(KeyCode::Tab);
    assert_eq!(written(&world), "//");
    assert!(!effects.contains(&told[0]), "{effects:?}");
}

#[test]
fn who_is_writing_is_shown_until_it_is_over() {
    let mut world = group();
    let begin = |name: &str| Event::Typing(room(1), user(name));
    let shows = |world: &World, words: &str| world.screen().contains(words);
    world.hear(begin("ben"));
    world.hear(begin("ben"));
    assert!(shows(&world, "── ben is writing… ─"));
    world.hear(begin("cleo"));
    assert!(shows(&world, "── ben and cleo are writing… ─"));
    world.hear(begin("dora"));
    assert!(shows(&world, "── 3 people are writing… ─"));
    world.hear(Event::TypingOver(room(1), user("cleo")));
    world.hear(Event::TypingOver(room(1), user("nobody")));
    world.hear(Event::TypingOver(room(2), user("ben")));
    world.hear(Event::Person(profile("ben", Some("Ben\u{1b} Brown"))));
    assert!(shows(&world, "── Ben␛ Brown and dora are writing… ─"));
    // Elsewhere somebody else is.
    world.add(room(2), ConversationKind::Group, Some("Pier"));
    world.hear(Event::Typing(room(2), user("emil")));
    world.press(KeyCode::Tab);
    assert!(shows(&world, "── emil is writing… ─"));
    world.hear(Event::TypingOver(room(2), user("emil")));
    assert!(!shows(&world, "writing"));
    world.state.size.width = 40;
    world.hear(Event::Typing(room(2), user(&"x".repeat(60))));
    assert!(shows(&world, "── xxxxxxxx"));
}

#[test]
fn members_are_mentioned_by_name() {
    let mut world = group();
    let mentions = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::Send(_, message)] => message.mentions.clone(),
        other => panic!("{other:?}"),
    };
    let effects = world.enters("@ben and @zoe: look");
    assert_eq!(mentions(effects), Mentions::Users(vec![user("ben")]));
    assert_eq!(mentions(world.enters("@all look")), Mentions::All);
}

#[test]
fn a_message_may_have_several_lines() {
    let mut world = group();
    world.types("one");
    alt(&mut world, KeyCode::Enter);
    let effects = world.enters("two");
    let message = OutgoingMessage::text("one\ntwo");
    assert_eq!(effects, [Effect::Send(room(1), message)]);
}

#[test]
fn what_is_pasted_is_not_sent_by_its_line_ends() {
    let mut world = group();
    let effects = world.hear(Event::Paste("one\r\ntwo\n\u{1b}[2J".to_owned()));
    assert_eq!(effects, [Effect::TellTyping(room(1))]);
    assert_eq!(written(&world), "one\ntwo\n␛[2J");
}

#[test]
fn a_selected_message_is_replied_to() {
    let mut world = group();
    world.says(room(1), "cleo", "No, out.");
    world.look();
    alt(&mut world, KeyCode::Up);
    assert!(world.screen().contains("▶ No, out."), "{}", world.screen());
    alt(&mut world, KeyCode::Up);
    alt(&mut world, KeyCode::Char('r'));
    assert!(world.screen().contains("↪ ben: The tide is coming in."));
    let reply = OutgoingMessage::text("in").replying_to(seq(1));
    assert_eq!(world.enters("in"), [Effect::Send(room(1), reply)]);
    let plain = OutgoingMessage::text("out");
    assert_eq!(world.enters("out"), [Effect::Send(room(1), plain)]);
}

#[test]
fn an_unknown_command_is_explained_and_not_sent() {
    let mut world = group();
    assert_eq!(world.enters("/Laeve"), []);
    assert!(world.screen().contains("there is no command /Laeve"));
    assert_eq!(written(&world), "/Laeve");
}

#[test]
fn commands_become_calls_and_a_failed_one_can_be_tried_again() {
    let mut world = group();
    let call = Call {
        wish: Wish::Invite(room(1), vec![user("zoe")]),
        line: "/invite @zoe".to_owned(),
    };
    assert_eq!(world.enters("/invite @zoe"), [Effect::Call(call.clone())]);
    assert_eq!(written(&world), "");
    let failed = |line: &str| Event::Failed {
        sentence: "the server cannot be reached".to_owned(),
        line: Some(line.to_owned()),
    };
    world.hear(failed(&call.line));
    assert_eq!(written(&world), "/invite @zoe");
    world.hear(failed("/leave"));
    assert_eq!(
        written(&world),
        "/invite @zoe",
        "what is being written stays"
    );
}

#[test]
fn without_a_conversation_only_commands_do_something() {
    let mut world = World::new(80, 24);
    assert_eq!(world.enters("hello"), []);
    assert!(world.screen().contains("there is no conversation yet"));
    assert_eq!(written(&world), "hello");
    world.press_with(KeyModifiers::CONTROL, KeyCode::Char('u'));
    let call = Call {
        wish: Wish::Direct(user("ben")),
        line: "/direct ben".to_owned(),
    };
    assert_eq!(world.enters("/direct ben"), [Effect::Call(call)]);
}

#[test]
fn each_conversation_has_its_own_draft() {
    let mut world = group();
    world.add(room(2), ConversationKind::Group, Some("Lighthouse"));
    world.types("half a sen");
    world.press(KeyCode::Tab);
    assert_eq!(written(&world), "");
    world.types("other");
    world.press_with(KeyModifiers::CONTROL, KeyCode::Char('p'));
    assert_eq!(written(&world), "half a sen");
}

#[test]
fn what_is_not_acknowledged_looks_so() {
    let mut world = group();
    world.pending = vec![
        pending(room(1), 1, "is it?"),
        pending(room(2), 2, "elsewhere"),
    ];
    world.look();
    assert!(world.screen().contains("you sending…"));
    assert!(world.screen().contains("is it?"));
    assert!(!world.screen().contains("elsewhere"));
    world.hear(Event::Link(Link::Waiting(3)));
    assert!(world.screen().contains("sending as soon as we are online…"));
    assert!(world.screen().contains("○ reconnecting in 3 s"));
    world.pending.clear();
    world.look();
    assert!(!world.screen().contains("sending"));
}

#[test]
fn a_refused_message_says_why_and_can_be_sent_again_or_dropped() {
    let mut world = group();
    let refuse = |world: &mut World| {
        world.pending = vec![pending(room(1), 1, "is it?")];
        world.look();
        world.pending.clear();
        world.hear(Event::Refused {
            conversation: room(1),
            client_id: ClientId(Uuid::from_u128(1)),
            code: Code::Forbidden,
            detail: "only owners write here".to_owned(),
        });
        world.look();
        let screen = world.screen();
        assert!(
            screen.contains("not sent: only owners write here (forbidden)"),
            "{screen}"
        );
        assert!(screen.contains("is it?"), "{screen}");
    };
    refuse(&mut world);
    let again = OutgoingMessage::text("is it?");
    assert_eq!(world.enters("/again"), [Effect::Send(room(1), again)]);
    assert!(!world.screen().contains("not sent"));
    refuse(&mut world);
    world.press(KeyCode::Esc);
    assert!(!world.screen().contains("not sent"));
}

#[test]
fn escape_goes_back_one_step_at_a_time() {
    let mut world = group();
    alt(&mut world, KeyCode::Up);
    alt(&mut world, KeyCode::Char('r'));
    world.enters("/Nonsense");
    world.press(KeyCode::Esc);
    assert!(!world.screen().contains("there is no command"));
    assert!(world.screen().contains("↪ ben"));
    world.press(KeyCode::Esc);
    assert!(!world.screen().contains("↪ ben"));
    assert_eq!(written(&world), "/Nonsense");
    world.press(KeyCode::Esc);
    assert_eq!(written(&world), "");
}

#[test]
fn a_question_mark_is_a_question_only_where_nothing_is_written() {
    let mut world = group();
    world.types("what?");
    assert_eq!(written(&world), "what?");
    world.press_with(KeyModifiers::CONTROL, KeyCode::Char('u'));
    world.types("?");
    assert!(world.screen().contains("Esc closes"));
}

#[test]
fn quitting_works_from_everywhere() {
    let mut world = group();
    let quit =
        |world: &mut World, letter| world.press_with(KeyModifiers::CONTROL, KeyCode::Char(letter));
    assert_eq!(quit(&mut world, 'q'), [Effect::Quit]);
    world.press(KeyCode::F(1));
    assert_eq!(quit(&mut world, 'c'), [Effect::Quit]);
    world.press(KeyCode::Esc);
    assert_eq!(world.enters("/quit"), [Effect::Quit]);
}

#[test]
fn what_one_keeps_is_set_and_taken_back_by_the_same_word() {
    let mut world = group();
    let asks = |world: &mut World, line: &str, wish: Wish| {
        let line_of_call = line.to_owned();
        let call = Call {
            wish,
            line: line_of_call,
        };
        assert_eq!(world.enters(line), [Effect::Call(call)]);
    };
    asks(&mut world, "/mute", Wish::Mute(room(1), true));
    asks(&mut world, "/archive", Wish::Archive(room(1), true));
    asks(&mut world, "/favourite", Wish::Favour(room(1), true));
    let all = Kept {
        is_muted: true,
        is_archived: true,
        is_favourite: true,
    };
    world.kept = vec![(room(1), all)];
    world.look();
    asks(&mut world, "/mute", Wish::Mute(room(1), false));
    asks(&mut world, "/archive", Wish::Archive(room(1), false));
    asks(&mut world, "/favourite", Wish::Favour(room(1), false));
}

#[test]
fn a_muted_conversation_shows_no_counts_and_a_favourite_a_star() {
    let mut world = group();
    world.add(room(2), ConversationKind::Group, Some("Lighthouse"));
    world.says(room(2), "ben", "one");
    world.look();
    let row = |world: &World| {
        let screen = world.screen();
        let row = screen.lines().find(|line| line.contains("Lighthouse"));
        let list = row.unwrap().split('│').next().unwrap();
        list.trim().to_owned()
    };
    assert_eq!(
        row(&world).split_whitespace().collect::<Vec<_>>(),
        ["Lighthouse", "1"]
    );
    let quiet = Kept {
        is_muted: true,
        is_favourite: true,
        ..Kept::default()
    };
    world.kept = vec![(room(2), quiet)];
    world.look();
    assert_eq!(row(&world), "★Lighthouse");
    world.kept.clear();
    world.look();
    assert_eq!(row(&world).split_whitespace().count(), 2);
}

#[test]
fn what_the_program_does_not_know_is_asked_of_a_bot() {
    let mut world = group();
    let call = Call {
        wish: Wish::Command {
            conversation: room(1),
            name: "remind".to_owned(),
            arguments: "me at 5".to_owned(),
        },
        line: "/remind me at 5".to_owned(),
    };
    assert_eq!(world.enters("/remind me at 5"), [Effect::Call(call)]);
    world.hear(Event::Done("tickets: I shall".to_owned()));
    assert!(world.screen().contains("tickets: I shall"));
}

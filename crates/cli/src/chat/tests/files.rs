//! Files: on their way, in messages, and saved.

use tidemark_client::OutgoingMessage;
use tidemark_core::UploadId;
use tidemark_core::conversation::{Amendment, Change, DeleteReason};
use tidemark_core::upload::{Attachment, MediaFacts, UploadState};
use tidemark_protocol::Code;

use super::screens::{EVIL, assert_harmless};
use super::threads::{group, shows};
use super::*;
use crate::chat::event::{Job, Outcome, Progress, RemoteFile};

fn upload(number: u128) -> UploadId {
    UploadId(Uuid::from_u128(number))
}

fn attachment(number: u128, name: &str, state: UploadState) -> Attachment {
    Attachment {
        upload: upload(number),
        name: name.to_owned(),
        content_type: "image/jpeg".to_owned(),
        size: 2_345_678,
        state,
        facts: MediaFacts::default(),
    }
}

fn showing(sender: &str, text: &str, attachments: Vec<Attachment>) -> Message {
    Message {
        attachments,
        ..message(sender, text)
    }
}

fn shown(world: &mut World, message: Message) {
    world.happens(room(1), EventBody::Message(message));
    world.look();
}

fn written(world: &World) -> &str {
    world.state.draft.composer.text()
}

fn is_at(world: &mut World, transfer: u64, name: &str, done: u64, size: u64) {
    let progress = Progress {
        transfer,
        name: name.to_owned(),
        done,
        size: Some(size),
    };
    assert_eq!(world.hear(Event::Progress(progress)), []);
}

fn uploads(transfer: u64, path: &str) -> Effect {
    let path = path.to_owned();
    Effect::Transfer(transfer, Job::Upload { path })
}

fn uploaded(number: u128) -> Outcome {
    Outcome::Uploaded {
        upload: upload(number),
        name: format!("{number}.jpg"),
    }
}

fn failed(words: &str) -> Outcome {
    Outcome::Failed(words.to_owned())
}

fn remote(number: u128, name: &str) -> RemoteFile {
    RemoteFile {
        upload: upload(number),
        name: name.to_owned(),
    }
}

#[test]
fn an_attached_file_is_uploaded_and_then_shown_by_a_message() {
    let mut world = group();
    let effects = world.enters("/attach \"~/my cat.jpg\" @ben look");
    assert_eq!(effects, [uploads(1, "~/my cat.jpg")]);
    assert_eq!(written(&world), "");
    assert!(shows(&world, "↑ ~/my cat.jpg … (/cancel: no)"));
    is_at(&mut world, 1, "my cat.jpg", 1_000_000, 4_000_000);
    let bar = "↑ my cat.jpg ███░░░░░░░░░ 25% · 1.0 MB of 4.0 MB";
    assert!(shows(&world, bar), "{}", world.screen());
    // Meanwhile the person writes something else.
    let said = [Effect::Send(room(1), OutgoingMessage::text("wait"))];
    assert_eq!(world.enters("wait"), said);
    let effects = world.hear(Event::TransferOver(1, uploaded(7)));
    let message = OutgoingMessage::text("@ben look")
        .mentioning(Mentions::Users(vec![user("ben")]))
        .showing(vec![upload(7)]);
    assert_eq!(effects, [Effect::Send(room(1), message)]);
    assert!(!shows(&world, "↑"));
}

#[test]
fn a_file_goes_to_where_it_was_attached() {
    let mut world = group();
    world.press_with(KeyModifiers::ALT, KeyCode::Up);
    world.press_with(KeyModifiers::ALT, KeyCode::Char('r'));
    world.enters("/attach a.jpg");
    assert!(!shows(&world, "↪"), "that one is the answer");
    world.enters("/thread #1");
    world.enters("/attach b.jpg");
    world.press(KeyCode::Esc);
    world.add(room(2), ConversationKind::Group, Some("Pier"));
    world.press(KeyCode::Tab);
    let effects = world.hear(Event::TransferOver(1, uploaded(7)));
    let answer = OutgoingMessage::text("")
        .replying_to(seq(2))
        .showing(vec![upload(7)]);
    let expected = [Effect::Send(room(1), answer), uploads(2, "b.jpg")];
    assert_eq!(effects, expected);
    let effects = world.hear(Event::TransferOver(2, uploaded(8)));
    let below = OutgoingMessage::text("")
        .in_thread(seq(1), false)
        .showing(vec![upload(8)]);
    assert_eq!(effects, [Effect::Send(room(1), below)]);
}

#[test]
fn files_wait_for_each_other_and_not_without_end() {
    let mut world = group();
    assert_eq!(world.enters("/attach 1"), [uploads(1, "1")]);
    for number in 2..=10 {
        assert_eq!(world.enters(&format!("/attach {number}")), []);
    }
    assert!(shows(&world, "… · 9 more (/cancel: no)"));
    assert_eq!(world.enters("/attach 11"), []);
    assert!(shows(&world, "10 transfers are enough at a time"));
    assert_eq!(written(&world), "/attach 11");
    let effects = world.hear(Event::TransferOver(1, failed("no")));
    assert_eq!(effects, [uploads(2, "2")]);
}

#[test]
fn what_failed_is_given_back_where_it_was_written() {
    let mut world = group();
    world.enters("/attach a.jpg look");
    world.hear(Event::TransferOver(1, failed("there is no file a.jpg")));
    assert!(shows(&world, "there is no file a.jpg"));
    assert_eq!(written(&world), "/attach a.jpg look");
    world.press(KeyCode::Enter);
    world.types("something else");
    world.hear(Event::TransferOver(2, failed("no")));
    assert_eq!(written(&world), "something else");
    world.press(KeyCode::Esc);
    world.press(KeyCode::Esc);
    // Elsewhere, it would be sent to others.
    world.enters("/attach a.jpg");
    world.add(room(2), ConversationKind::Group, Some("Pier"));
    world.press(KeyCode::Tab);
    world.hear(Event::TransferOver(3, failed("no")));
    assert_eq!(written(&world), "");
    world.press(KeyCode::Tab);
    assert_eq!(written(&world), "/attach a.jpg");
}

#[test]
fn the_file_under_way_is_stopped_and_the_next_one_begins() {
    let mut world = group();
    assert_eq!(world.enters("/cancel"), []);
    assert!(shows(&world, "no file is on its way"));
    world.press(KeyCode::Esc);
    world.press(KeyCode::Esc);
    world.enters("/attach a.jpg");
    world.enters("/attach b.jpg");
    assert_eq!(world.enters("/cancel"), [Effect::StopTransfer(1)]);
    assert!(shows(&world, "↑ a.jpg stopping… · 1 more"));
    assert_eq!(world.enters("/cancel"), [], "it is being stopped");
    let effects = world.hear(Event::TransferOver(1, Outcome::Stopped));
    assert_eq!(effects, [uploads(2, "b.jpg")]);
    assert!(shows(&world, "stopped: a.jpg"));
    // What is heard of it later is about nothing.
    is_at(&mut world, 1, "a.jpg", 1, 2);
    assert!(shows(&world, "↑ b.jpg … ("));
    assert_eq!(world.hear(Event::TransferOver(1, uploaded(7))), []);
}

#[test]
fn nothing_is_sent_where_the_person_is_no_longer() {
    let mut world = group();
    world.add(room(2), ConversationKind::Group, Some("Pier"));
    world.enters("/attach a.jpg");
    world.enters("/attach b.jpg");
    world.press(KeyCode::Tab);
    world.enters("/attach c.jpg");
    let effects = world.hear(Event::Removed(room(1)));
    assert!(effects.contains(&Effect::StopTransfer(1)), "{effects:?}");
    let effects = world.hear(Event::TransferOver(1, Outcome::Stopped));
    assert_eq!(effects, [uploads(3, "c.jpg")]);
}

#[test]
fn messages_show_their_files() {
    let mut world = group();
    let mut picture = attachment(1, "Old Quay 🌊.jpg", UploadState::Ready);
    picture.facts.width = Some(4032);
    picture.facts.height = Some(3024);
    let mut sound = attachment(2, "waves.opus", UploadState::Scanning);
    "audio/ogg".clone_into(&mut sound.content_type);
    sound.facts.duration_ms = Some(65_000);
    let refused = attachment(3, "evil.jpg", UploadState::Refused);
    shown(&mut world, showing("ben", "From the quay.", vec![picture]));
    shown(&mut world, showing("ben", "", vec![sound, refused]));
    world.enters("/attach \"pier at dawn.jpg\"");
    is_at(&mut world, 1, "pier at dawn.jpg", 3_000_000, 4_000_000);
    world.types("Soon more.");
    let screen = world.screen();
    let expected = include_str!("screens/files.txt");
    assert!(screen == expected, "it looks like this:\n{screen}");
}

#[test]
fn what_became_of_a_file_is_shown_at_once() {
    let mut world = group();
    let looked_at = attachment(1, "cat.jpg", UploadState::Scanning);
    shown(&mut world, showing("ben", "", vec![looked_at.clone()]));
    assert!(shows(
        &world,
        "cat.jpg · 2.3 MB · image/jpeg · being looked at"
    ));
    let ready = Attachment {
        state: UploadState::Ready,
        ..looked_at
    };
    let held = world.rooms.get_mut(&room(1)).unwrap();
    held.timeline.learn_attachment(seq(3), &ready);
    world.look();
    assert!(!shows(&world, "being looked at"));
    world.hear(Event::FileRefused {
        name: "mine.jpg".to_owned(),
        reason: Some("it is harmful".to_owned()),
    });
    assert!(shows(&world, "mine.jpg was refused: it is harmful"));
}

#[test]
fn after_a_break_the_server_is_asked_what_became_of_files() {
    let mut world = group();
    let files = vec![
        attachment(1, "a.jpg", UploadState::Scanning),
        attachment(2, "b.jpg", UploadState::Ready),
    ];
    shown(&mut world, showing("ben", "", files));
    let asked = Effect::AskUpload(room(1), seq(3), upload(1));
    let effects = world.hear(Event::Online);
    assert!(effects.contains(&asked), "{effects:?}");
    let asking = effects
        .iter()
        .filter(|it| matches!(it, Effect::AskUpload(..)));
    assert_eq!(asking.count(), 1);
}

#[test]
fn without_words_the_name_of_the_file_stands_for_a_message() {
    let mut world = group();
    let ready = |number, name| attachment(number, name, UploadState::Ready);
    let files = vec![ready(1, "a.jpg"), ready(2, "b.jpg")];
    shown(&mut world, showing("ben", "", files));
    let reply = Message {
        reply_to: Some(seq(3)),
        ..message("cleo", "Nice.")
    };
    shown(&mut world, reply);
    assert!(
        shows(&world, "┃ ben: 📎 a.jpg and 1 more"),
        "{}",
        world.screen()
    );
}

#[test]
fn the_files_of_the_meant_message_are_saved_or_opened() {
    let mut world = group();
    assert_eq!(world.enters("/save"), []);
    assert!(shows(&world, "there is no message with files here"));
    world.press(KeyCode::Esc);
    world.press(KeyCode::Esc);
    let ready = |number, name| attachment(number, name, UploadState::Ready);
    let files = vec![
        ready(1, "../../a.jpg"),
        ready(2, "b.jpg"),
        attachment(3, "c.jpg", UploadState::Refused),
    ];
    shown(&mut world, showing("ben", "", files));
    let unready = attachment(4, "d.jpg", UploadState::Scanning);
    shown(&mut world, showing("ben", "", vec![unready]));
    world.says(room(1), "cleo", "Nice.");
    world.look();
    assert_eq!(world.enters("/save #4"), []);
    assert!(shows(&world, "d.jpg is being looked at; try again"));
    world.press(KeyCode::Esc);
    world.press(KeyCode::Esc);
    assert_eq!(world.enters("/open #5"), []);
    assert!(shows(&world, "message #5 has no files"));
    world.press(KeyCode::Esc);
    world.press(KeyCode::Esc);
    let files = vec![remote(1, "../../a.jpg"), remote(2, "b.jpg")];
    let (to, both) = (Some("my cats".to_owned()), files.clone());
    let save = Job::Save { files: both, to };
    let effects = world.enters("/save #3 my cats");
    assert_eq!(effects, [Effect::Transfer(1, save)]);
    is_at(&mut world, 1, "b.jpg", 1, 2);
    assert!(shows(&world, "↓ b.jpg ██████░░░░░░ 50%"));
    let done = Outcome::Done("saved 2 files in /people/ann/my cats".to_owned());
    world.hear(Event::TransferOver(1, done));
    assert!(shows(&world, "saved 2 files in /people/ann/my cats"));
    for _ in 0..3 {
        world.press_with(KeyModifiers::ALT, KeyCode::Up);
    }
    let effects = world.enters("/open");
    assert_eq!(effects, [Effect::Transfer(2, Job::Open { files })]);
    world.hear(Event::TransferOver(2, failed("no")));
    assert_eq!(written(&world), "/open");
}

#[test]
fn a_deleted_message_has_no_files() {
    let mut world = group();
    let ready = attachment(1, "a.jpg", UploadState::Ready);
    shown(&mut world, showing("ben", "", vec![ready]));
    let amendment = Amendment {
        target: seq(3),
        by: user("ben"),
        client_id: None,
        change: Change::Delete {
            reason: DeleteReason::Author,
            thread: None,
        },
    };
    world.happens(room(1), EventBody::Amendment(amendment));
    world.look();
    assert!(!shows(&world, "a.jpg"));
    assert_eq!(world.enters("/save"), []);
    assert!(shows(&world, "there is no message with files here"));
}

#[test]
fn a_refused_message_keeps_its_files() {
    let mut world = group();
    world.enters("/attach a.jpg");
    world.hear(Event::TransferOver(1, uploaded(7)));
    let mut waiting = pending(room(1), 1, "");
    waiting.message.attachments = vec![upload(7), upload(8)];
    world.pending = vec![waiting];
    world.look();
    assert!(shows(&world, "📎 7.jpg") && shows(&world, "📎 a file"));
    world.pending.clear();
    world.hear(Event::Refused {
        conversation: room(1),
        client_id: ClientId(Uuid::from_u128(1)),
        code: Code::Forbidden,
        detail: "not now".to_owned(),
    });
    assert!(shows(&world, "📎 7.jpg"));
    let again = OutgoingMessage::text("").showing(vec![upload(7), upload(8)]);
    assert_eq!(
        world.enters("/again"),
        [Effect::Send(room(1), again.clone())]
    );
    // What cannot even wait is not lost.
    world.hear(Event::NotTaken {
        conversation: room(1),
        message: again.clone(),
        reason: "too many messages wait".to_owned(),
    });
    assert!(shows(&world, "not sent: too many messages wait"));
    assert_eq!(world.enters("/again"), [Effect::Send(room(1), again)]);
}

#[test]
fn nothing_in_a_name_is_obeyed_by_the_terminal() {
    let mut world = group();
    let evil = |state| {
        let mut file = attachment(1, EVIL, state);
        EVIL.clone_into(&mut file.content_type);
        file
    };
    let states = [
        UploadState::Ready,
        UploadState::Scanning,
        UploadState::Refused,
    ];
    shown(&mut world, showing("ben", "", states.map(evil).into()));
    assert_harmless(&world);
    let reply = Message {
        reply_to: Some(seq(3)),
        ..message("ben", "No.")
    };
    shown(&mut world, reply);
    world.enters("/attach x");
    is_at(&mut world, 1, EVIL, 1, 2);
    assert_harmless(&world);
    let uploaded = Outcome::Uploaded {
        upload: upload(7),
        name: EVIL.to_owned(),
    };
    world.hear(Event::TransferOver(1, uploaded));
    let mut waiting = pending(room(1), 1, "");
    waiting.message.attachments = vec![upload(7)];
    world.pending = vec![waiting];
    world.look();
    world.hear(Event::FileRefused {
        name: EVIL.to_owned(),
        reason: Some(EVIL.to_owned()),
    });
    assert_harmless(&world);
    world.enters("/attach x");
    world.hear(Event::TransferOver(2, failed(EVIL)));
    assert_harmless(&world);
}

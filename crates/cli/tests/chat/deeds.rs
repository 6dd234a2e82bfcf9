//! What is done to messages at the terminal, and what others do to them.

use tidemark_client::{OutgoingMessage, Update};
use tidemark_core::Seq;
use tidemark_core::timeline::TimelineMessage;
use tokio::time::timeout;

use crate::World;
use crate::terminal::PATIENCE;

const ALT_UP: &str = "\u{1b}[1;3A";
const UP: &str = "\u{1b}[A";
const ESC: &str = "\u{1b}";

impl World {
    /// Waits until `ben` sees a message at this place of which that is true.
    async fn ben_sees(&self, seq: Seq, is_it: impl Fn(&TimelineMessage) -> bool) {
        let mut updates = self.ben.updates();
        let waiting = async {
            loop {
                let timeline = self.ben.timeline(self.group).unwrap_or_default();
                let mut messages = timeline.messages();
                if messages.any(|message| message.seq == seq && is_it(message)) {
                    return;
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.expect("it happens");
    }

    /// Waits until `ben` has a message that answers the one at this place.
    async fn answer_to(&self, question: Seq) -> Seq {
        let mut updates = self.ben.updates();
        let waiting = async {
            loop {
                let timeline = self.ben.timeline(self.group).unwrap_or_default();
                let mut messages = timeline.messages();
                let answer = messages.find(|it| it.message.reply_to == Some(question));
                if let Some(answer) = answer {
                    return answer.seq;
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is answered")
    }

    async fn ben_sends(&self, message: OutgoingMessage) -> Seq {
        let sending = self.ben.send(self.group, message);
        timeout(PATIENCE, sending).await.unwrap().unwrap().seq
    }
}

#[tokio::test]
async fn messages_are_answered_reacted_to_edited_pinned_and_deleted() {
    let world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    let question = world
        .ben_sends(OutgoingMessage::text("Who has the key?"))
        .await;
    chat.wait_for("Who has the key?").await;

    chat.types("/react 👍\r");
    world
        .ben_sees(question, |it| it.reactions.iter().any(|one| one.count == 1))
        .await;
    chat.wait_for("👍 1").await;
    chat.types("/pin\r");
    world.ben_sees(question, |it| it.pinned).await;
    chat.wait_for("👍 1 · pinned").await;
    chat.types("/unreact 👍\r");
    world.ben_sees(question, |it| it.reactions.is_empty()).await;

    chat.types("/reply I haave.\r");
    let answer = world.answer_to(question).await;
    chat.wait_for("┃ ben: Who has the key?").await;
    chat.types(UP);
    chat.wait_for("✎ you: I haave.").await;
    chat.types("\u{15}I have.\r");
    world
        .ben_sees(answer, |it| {
            it.message.text == "I have." && it.edited_at.is_some()
        })
        .await;
    chat.wait_for("edited").await;

    chat.types(ALT_UP);
    chat.types(ALT_UP);
    chat.types("/edit It is mine.\r");
    chat.wait_until("the refusal in the server's words", |screen| {
        screen.contains("(forbidden)")
    })
    .await;
    chat.types(&format!("\u{15}/delete #{answer}\r"));
    world.ben_sees(answer, |it| it.deleted).await;
    chat.wait_for("(deleted)").await;
}

#[tokio::test]
async fn a_thread_is_read_and_written_and_receipts_come_and_go() {
    let world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    chat.types("Who is at the pier?\r");
    world.ben_has(&["Who is at the pier?"]).await;
    let timeline = world.ben.timeline(world.group).unwrap();
    let root = timeline.messages().last().unwrap().seq;
    world.ben.mark_read(world.group, root);
    chat.wait_for("read by ben").await;

    let phone = world.device(None);
    phone.online().await.unwrap();
    let mut heard = phone.updates();
    let below = OutgoingMessage::text("I am.").in_thread(root, false);
    world.ben_sends(below).await;
    chat.wait_for("↳ 1 reply · ben · 1 new").await;
    chat.types("/thread\r");
    chat.wait_for("I am.").await;
    let cursor_moves = async {
        loop {
            let update = heard.next().await.expect("the client goes on");
            if let Ok(Update::Thread {
                thread, unread: 0, ..
            }) = update
            {
                return thread;
            }
        }
    };
    let read = timeout(PATIENCE, cursor_moves).await.expect("it is read");
    assert_eq!(read, root);
    chat.types("Good.\r");
    world.ben_has(&["Who is at the pier?", "Good."]).await;
    let timeline = world.ben.timeline(world.group).unwrap();
    let sent = timeline.messages().last().unwrap().message.thread.unwrap();
    assert_eq!((sent.root, sent.also_in_conversation), (root, false));
    chat.types(ESC);
    chat.wait_until("the conversation again", |screen| {
        screen.contains("↳ 2 replies · you, ben") && !screen.contains("new")
    })
    .await;
}

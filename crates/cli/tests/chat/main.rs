//! `tidemark chat` in a real terminal, against a real server, with somebody to talk to.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod deeds;
mod files;
mod own;
mod terminal;

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tidemark_client::{Client, ClientOptions, Http, OutgoingMessage, ServerUrl, Status, Update};
use tidemark_core::ConversationId;
use tidemark_core::conversation::ConversationKind;
use tidemark_protocol::body::{NewAccount, NewConversation};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Listen, Node};
use tokio::process::Command;
use tokio::time::timeout;

use terminal::{PATIENCE, Terminal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemark");
const USUAL: (u16, u16) = (80, 24);
const CTRL_C: &str = "\u{3}";
const CTRL_Q: &str = "\u{11}";

/// A server, `ann` at a terminal, and `ben` with the SDK, in a group.
struct World {
    node: Node,
    home: TempDir,
    url: String,
    ann: Http,
    token: Secret,
    ben: Client,
    group: ConversationId,
}

impl World {
    async fn new() -> Self {
        let node = Node::start(Launch::new(PROGRAM, "")).await.unwrap();
        let url = format!("http://{}", node.address());
        let server = ServerUrl::parse(&url).unwrap();
        let (ann, token) = register(&server, "ann").await;
        let (_, token_of_ben) = register(&server, "ben").await;
        let ben = Client::connect(ClientOptions::new(server, token_of_ben)).unwrap();
        ben.online().await.unwrap();
        let mut world = Self {
            node,
            home: tempfile::tempdir().unwrap(),
            url,
            ann,
            token,
            ben,
            group: ConversationId(uuid::Uuid::nil()),
        };
        world.group = world.begin_group().await;
        world
    }

    async fn begin_group(&self) -> ConversationId {
        let mut updates = self.ben.updates();
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: Some("Harbour".to_owned()),
            members: vec![Wire("ben".parse().unwrap())],
            client_id: None,
            visibility: None,
        };
        let group = self.ann.create_conversation(&new).await.unwrap().id.0;
        let added = async {
            while let Some(update) = updates.next().await {
                if let Ok(Update::Added(_)) = update {
                    return;
                }
            }
        };
        timeout(PATIENCE, added).await.unwrap();
        group
    }

    fn chat(&self) -> Terminal {
        let home = self.home.path().to_str().unwrap();
        let environment = [
            ("HOME", home),
            ("TIDEMARK_URL", self.url.as_str()),
            ("TIDEMARK_TOKEN", self.token.expose()),
        ];
        Terminal::run(Path::new(PROGRAM), &["chat"], &environment, USUAL)
    }

    /// Waits until `ben` has these messages of `ann`, and no others.
    async fn ben_has(&self, expected: &[&str]) {
        let mut updates = self.ben.updates();
        let waiting = async {
            loop {
                let timeline = self.ben.timeline(self.group).unwrap_or_default();
                let messages = timeline.messages().map(|it| &it.message);
                let of_ann = messages.filter(|it| it.sender.as_str() == "ann");
                let texts: Vec<String> = of_ann.map(|it| it.text.clone()).collect();
                if texts == expected {
                    return;
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting)
            .await
            .expect("the messages arrive, once each");
    }

    async fn ben_says(&self, text: &str) {
        let sending = self.ben.send(self.group, OutgoingMessage::text(text));
        timeout(PATIENCE, sending).await.unwrap().unwrap();
    }
}

async fn register(server: &ServerUrl, name: &str) -> (Http, Secret) {
    let nobody = Http::new(server.clone(), None).unwrap();
    let account = NewAccount {
        username: name.to_owned(),
        password: Secret::new("correct horse battery"),
        display_name: None,
    };
    let token = nobody.register(&account).await.unwrap().token;
    (nobody.with_token(token.clone()), token)
}

#[tokio::test]
async fn people_talk_over_a_restart_of_the_server() {
    let mut world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("● online").await;
    chat.wait_for("Harbour · 2 members").await;

    chat.types("The tide is coming in.\r");
    world.ben_has(&["The tide is coming in."]).await;
    world
        .ben_says("I see\u{1b}]0;owned\u{7}\u{1b}[5i it.")
        .await;
    chat.wait_for("I see␛]0;owned␇␛[5i it.").await;

    world.node.kill().await.unwrap();
    chat.wait_for("reconnecting").await;
    chat.types("Written while away.\r");
    chat.wait_for("sending as soon as we are online…").await;
    world.node.restart(Listen::SamePort).await.unwrap();
    chat.wait_for("● online").await;
    chat.wait_until("message that is sent", |screen| {
        screen.contains("Written while away.") && !screen.contains("sending")
    })
    .await;
    world
        .ben_has(&["The tide is coming in.", "Written while away."])
        .await;

    chat.resize(40, 10);
    chat.wait_until("small screen", |screen| {
        let first = screen.lines().next().unwrap_or_default();
        first.starts_with("Harbour · 2 members") && screen.contains("F1 help")
    })
    .await;

    chat.types(CTRL_C);
    assert!(chat.ended().await.success());
    chat.assert_given_back();
    let written = String::from_utf8_lossy(&chat.written()).into_owned();
    assert!(!written.contains("\u{1b}]0;owned") && !written.contains("\u{1b}[5i"));
    assert!(!written.contains(world.token.expose()));
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_the_next_time() {
    let mut world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    world.node.kill().await.unwrap();
    chat.wait_for("reconnecting").await;
    chat.types("Kept for later.\r");
    chat.wait_for("sending as soon as we are online…").await;
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
    chat.assert_given_back();
    chat.wait_for("1 message could not be sent; the next `tidemark chat` sends them")
        .await;

    world.node.restart(Listen::SamePort).await.unwrap();
    let mut chat = world.chat();
    world.ben_has(&["Kept for later."]).await;
    chat.wait_for("Kept for later.").await;
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
    let kept = world.home.path().join(".local/state/tidemark/unsent");
    let files = std::fs::read_dir(kept)
        .unwrap()
        .map(|file| file.unwrap().path());
    let left: Vec<_> = files
        .filter(|path| path.extension().unwrap() == "json")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn people_see_each_other_writing() {
    let world = World::new().await;
    let mut updates = world.ben.updates();
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    chat.types("Nearly");
    let heard = async {
        loop {
            let update = updates.next().await.expect("the client goes on");
            if let Ok(Update::Typing {
                conversation, user, ..
            }) = update
            {
                return (conversation, user);
            }
        }
    };
    let (conversation, user) = timeout(PATIENCE, heard).await.expect("ann is writing");
    assert_eq!((conversation, user.as_str()), (world.group, "ann"));
    world.ben.typing(world.group);
    chat.wait_for("ben is writing…").await;
    world.ben_says("What is?").await;
    chat.wait_until("what was written", |screen| {
        screen.contains("What is?") && !screen.contains("is writing")
    })
    .await;
    // Whoever stops without sending is forgotten in a while.
    world.ben.typing(world.group);
    chat.wait_for("ben is writing…").await;
    chat.wait_until("silence", |screen| !screen.contains("is writing"))
        .await;
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
}

#[tokio::test]
async fn watching_tells_who_is_there() {
    let world = World::new().await;
    let mut updates = world.ben.updates();
    let mut next = async || {
        let waiting = async {
            loop {
                let update = updates.next().await.expect("the client goes on");
                if let Ok(Update::Presence { user, presence }) = update {
                    assert_eq!(user.as_str(), "ann");
                    return presence.status;
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("ann is told of")
    };
    world.ben.watch(vec!["ann".parse().unwrap()]);
    assert_eq!(next().await, Status::Offline);
    let server = ServerUrl::parse(&world.url).unwrap();
    let ann = Client::connect(ClientOptions::new(server, world.token.clone())).unwrap();
    assert_eq!(next().await, Status::Online);
    ann.set_status(Status::Away);
    assert_eq!(next().await, Status::Away);
    ann.set_status(Status::Online);
    assert_eq!(next().await, Status::Online);
    ann.close(PATIENCE).await;
    assert_eq!(next().await, Status::Offline);
}

#[tokio::test]
async fn reading_and_switching_reach_the_server() {
    let world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    chat.types("/direct ben\r");
    chat.wait_for("› ben").await;
    for number in 1..=3 {
        world.ben_says(&format!("message {number}.")).await;
    }
    chat.wait_until("count", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with("  Harbour   ") && line.contains(" 3 "))
    })
    .await;
    let inbox = world.ann.conversation(world.group).await.unwrap();
    assert_eq!((inbox.unread, inbox.mentions), (3, 0));
    chat.types("\t");
    chat.wait_for("message 3.").await;
    let reading = async {
        while world.ann.conversation(world.group).await.unwrap().unread > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("what is on screen is read");
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
}

#[tokio::test]
async fn a_signal_ends_the_chat_and_gives_the_terminal_back() {
    let world = World::new().await;
    let mut chat = world.chat();
    chat.wait_for("● online").await;
    chat.terminate();
    assert!(chat.ended().await.success());
    chat.assert_given_back();
}

#[tokio::test]
async fn without_a_terminal_it_says_so() {
    let output = Command::new(PROGRAM)
        .arg("chat")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        words.contains("chat needs a terminal") && words.contains("tidemark send"),
        "{words}"
    );
}

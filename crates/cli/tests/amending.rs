//! Editing, deleting, reacting and pinning with the SDK, against the real program and over a bad network.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

use std::time::Duration;

use tidemark_client::{Client, ClientOptions, Http, OutgoingMessage, ServerUrl};
use tidemark_core::conversation::{Change, ConversationKind, Emoji, EventBody, Mentions};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::body::{NewAccount, NewConversation};
use tidemark_protocol::wire::{LogEntry, Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tidemark_simulator::proxy::{Faults, Proxy};
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemark");
const PATIENCE: Duration = Duration::from_mins(1);

/// A server, where ann, who has a proxy before it, talks to ben.
struct World {
    _node: Node,
    proxy: Proxy,
    ann: Client,
    ben: Client,
    direct: Http,
    group: ConversationId,
}

impl World {
    async fn new() -> Self {
        let config = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n";
        let node = Node::start(Launch::new(PROGRAM, config)).await.unwrap();
        let proxy = Proxy::start(node.address(), Faults::none()).await.unwrap();
        let direct = ServerUrl::parse(&format!("http://{}", node.address())).unwrap();
        let proxied = ServerUrl::parse(&format!("http://{}", proxy.address())).unwrap();
        let (http, token_of_ann) = register(&direct, "ann").await;
        let (_, token_of_ben) = register(&direct, "ben").await;
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: None,
            members: vec![Wire("ben".parse().unwrap())],
            client_id: None,
            visibility: None,
        };
        let group = http.create_conversation(&new).await.unwrap().id.0;
        let ann = Client::connect(ClientOptions::new(proxied, token_of_ann)).unwrap();
        let ben = Client::connect(ClientOptions::new(direct, token_of_ben)).unwrap();
        for client in [&ann, &ben] {
            client.online().await.unwrap();
        }
        Self {
            _node: node,
            proxy,
            ann,
            ben,
            direct: http,
            group,
        }
    }

    async fn say(&self, message: OutgoingMessage) -> Seq {
        self.ann.send(self.group, message).await.unwrap().seq
    }

    /// Waits until a client shows the message at `seq` like this, and has so much unread.
    async fn shows(
        &self,
        client: &Client,
        seq: Seq,
        unread: u64,
        is_so: impl Fn(&TimelineMessage) -> bool,
    ) {
        let mut updates = client.updates();
        let waiting = async {
            loop {
                let timeline = client.timeline(self.group).unwrap_or_default();
                let mut messages = timeline.messages();
                let counted = client.unread(self.group).map(|counts| counts.unread);
                if messages.any(|it| it.seq == seq && is_so(it)) && counted == Some(unread) {
                    return;
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }
}

async fn register(url: &ServerUrl, name: &str) -> (Http, Secret) {
    let nobody = Http::new(url.clone(), None).unwrap();
    let account = NewAccount {
        username: name.to_owned(),
        password: Secret::new(format!("password of {name}")),
        display_name: None,
    };
    let token = nobody.register(&account).await.unwrap().token;
    (nobody.with_token(token.clone()), token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_people_see_what_happens_to_a_message() {
    let world = World::new().await;
    let (ann, ben, group) = (&world.ann, &world.ben, world.group);
    let seq = world.say(OutgoingMessage::text("hello")).await;
    let thumb = || Emoji::parse("👍").unwrap();
    ben.react(group, seq, thumb(), true).await.unwrap();
    ben.pin(group, seq, true).await.unwrap();
    let edited = ann
        .edit(group, seq, "hello ben", Some(Mentions::All))
        .await
        .unwrap();
    for (client, unread, mine) in [(ann, 0, false), (ben, 1, true)] {
        let is_so = |shown: &TimelineMessage| {
            shown.message.text == "hello ben"
                && shown.edited_at == Some(edited.at)
                && shown.pinned
                && shown.reactions.len() == 1
                && shown.reactions[0].mine == mine
        };
        world.shows(client, seq, unread, is_so).await;
    }
    ben.react(group, seq, thumb(), false).await.unwrap();
    world
        .shows(ann, seq, 0, |shown| shown.reactions.is_empty())
        .await;
    let deleted = ann.delete(group, seq).await.unwrap();
    let again = ann.delete(group, seq).await.unwrap();
    assert_eq!((again.seq, again.duplicate), (deleted.seq, true));
    for client in [ann, ben] {
        let is_gone = |shown: &TimelineMessage| {
            shown.deleted && shown.message.text.is_empty() && !shown.pinned
        };
        world.shows(client, seq, 0, is_gone).await;
    }
    assert!(ben.edit(group, seq, "mine", None).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_answers_are_lost_each_wish_is_one_event() {
    const EDITS: u64 = 25;
    let world = World::new().await;
    let seq = world.say(OutgoingMessage::text("hello")).await;
    world.proxy.set_faults(Faults {
        seed: 17,
        bytes_until_cut: Some(200..3_000),
        stall_max: Duration::from_millis(50),
        ..Faults::none()
    });
    let text = |number: u64| format!("edit {number}");
    world.proxy.cut();
    for number in 0..EDITS {
        let wished = world.ann.edit(world.group, seq, text(number), None);
        wished.await.unwrap();
    }
    let page = world.direct.events(world.group, seq, 1_000).await.unwrap();
    let texts = page
        .events
        .iter()
        .filter_map(LogEntry::event)
        .map(|event| match &event.body {
            EventBody::Amendment(amendment) => match &amendment.change {
                Change::Edit { text, .. } => text.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        });
    let expected: Vec<String> = (0..EDITS).map(text).collect();
    assert_eq!(texts.collect::<Vec<_>>(), expected);
}

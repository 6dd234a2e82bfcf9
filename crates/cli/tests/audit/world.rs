//! A node, somebody who talks, and what the node counts.

use std::time::Duration;

use tidemark_client::{Http, ServerUrl};
use tidemark_core::conversation::{ConversationKind, Mentions};
use tidemark_core::{ClientId, ConversationId};
use tidemark_protocol::body::{NewAccount, NewConversation, NewMessage};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Nothing here takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const CONFIG: &str = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n";

pub(crate) struct World {
    pub(crate) node: Node,
}

impl World {
    pub(crate) async fn start(more: &str) -> Self {
        let launch = Launch::new(env!("CARGO_BIN_EXE_tidemark"), format!("{CONFIG}{more}"));
        Self {
            node: Node::start(launch).await.unwrap(),
        }
    }

    fn http(&self, token: Option<&str>) -> Http {
        let url = ServerUrl::parse(&format!("http://{}", self.node.address())).unwrap();
        Http::new(url, token.map(Secret::new)).unwrap()
    }

    /// Registers somebody; their token.
    pub(crate) async fn register(&self, username: &str) -> String {
        let account = NewAccount {
            username: username.to_owned(),
            password: Secret::new(format!("password of {username}")),
            display_name: None,
        };
        let signed_in = self.http(None).register(&account).await.unwrap();
        signed_in.token.expose().to_owned()
    }

    /// A group of the owner of this token alone.
    pub(crate) async fn group(&self, token: &str) -> ConversationId {
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: None,
            members: Vec::new(),
            client_id: None,
            visibility: None,
        };
        let made = self.http(Some(token)).create_conversation(&new).await;
        made.unwrap().id.0
    }

    pub(crate) async fn say(&self, token: &str, room: ConversationId, times: usize) {
        self.say_this(token, room, "hello", times).await;
    }

    pub(crate) async fn say_this(
        &self,
        token: &str,
        room: ConversationId,
        text: &str,
        times: usize,
    ) {
        let http = self.http(Some(token));
        for _ in 0..times {
            let message = NewMessage {
                client_id: Wire(ClientId(Uuid::now_v7())),
                text: text.to_owned(),
                reply_to: None,
                mentions: Wire(Mentions::default()),
                client_at: None,
                thread: None,
                also_in_conversation: false,
                attachments: Vec::new(),
            };
            http.send_message(room, &message).await.unwrap();
        }
    }

    /// One sample of the metrics, as it is written; zero for one with labels that is not there yet.
    pub(crate) async fn metric(&self, sample: &str) -> String {
        let mut stream = TcpStream::connect(self.node.address()).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(sample));
        match line {
            Some(value) => value.trim().to_owned(),
            None if sample.contains('{') => "0".to_owned(),
            None => panic!("{sample} is not in {page}"),
        }
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never is so");
        sleep(LOOK_AGAIN).await;
    }
}

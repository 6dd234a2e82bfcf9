//! A server with its log in memory, and clients that speak JSON.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Limits, Timestamp};
use tidemark_server::Server;
use tidemark_server::config::{Config, Secret};
use tidemark_store::Store;
use tidemark_store::memory::MemoryStore;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// Far more than anything here takes; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
/// An API key.
pub(crate) const KEY: &str = "a key that only these tests know";

pub(crate) struct World {
    address: String,
    _directory: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) bye: String,
    pub(crate) close: u16,
}

impl World {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_store(change, MemoryStore::new(Limits::default())).await
    }

    /// A server whose log has a channel with so many events, and that channel.
    pub(crate) async fn with_channel(events: u64) -> (Self, ConversationId) {
        let store = MemoryStore::new(Limits::default());
        let conversation = ConversationId(Uuid::now_v7());
        let command = |action| Command {
            conversation,
            caller: Caller::Administrator,
            at: Timestamp(0),
            action,
        };
        let new = NewConversation {
            kind: ConversationKind::Channel,
            visibility: Visibility::Private,
            title: None,
            members: Vec::new(),
            client_id: None,
        };
        let say = || {
            Action::Send(NewMessage {
                client_id: ClientId(Uuid::now_v7()),
                text: "before".to_owned(),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            })
        };
        let mut batch = vec![command(Action::Create(new))];
        batch.extend((1..events).map(|_| command(say())));
        for outcome in store.commit(batch).await {
            outcome.unwrap();
        }
        (Self::with_store(|_| (), store).await, conversation)
    }

    async fn with_store(change: impl FnOnce(&mut Config), store: MemoryStore) -> Self {
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            api_keys: vec![Secret::new(KEY)],
            ..Config::default()
        };
        change(&mut config);
        let directory = tempfile::tempdir().unwrap();
        config.data = directory.path().to_owned();
        let server = Server::bind(config, store).await.unwrap();
        let address = server.address().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop: Some(stop),
            _directory: directory,
        }
    }

    pub(crate) async fn connect(&self) -> Socket {
        let url = format!("ws://{}/v1/socket", self.address);
        let (stream, _) = connect_async(url).await.unwrap();
        Socket { stream }
    }

    /// A socket that was welcomed.
    pub(crate) async fn live(&self) -> Socket {
        let mut socket = self.connect().await;
        socket.send(json!({"type": "hello", "token": KEY})).await;
        assert_eq!(socket.next().await["type"], "welcome");
        socket
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Sends a message; a server that has hung up already is no surprise.
    pub(crate) async fn send_message(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::Text(text.into())).await;
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.receive().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("the socket goes on, and not with {other:?}"),
            }
        }
    }

    /// How the server ends it. Whatever comes before is passed over.
    pub(crate) async fn end(&mut self) -> Ended {
        let mut last = Value::Null;
        loop {
            match self.receive().await {
                Some(Message::Text(text)) => last = serde_json::from_str(&text).unwrap(),
                Some(Message::Close(Some(close))) => {
                    assert_eq!(last["type"], "bye", "the last frame of a socket");
                    return Ended {
                        bye: last["code"].as_str().unwrap().to_owned(),
                        close: close.code.into(),
                    };
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("the server says goodbye, and not {other:?}"),
            }
        }
    }

    async fn receive(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        next.expect("something comes in time").map(Result::unwrap)
    }
}

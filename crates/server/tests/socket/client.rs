//! A socket as a foreign client has it.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;

use crate::world::within;

pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<TcpStream>,
    last_id: i64,
}

impl Socket {
    /// A connection that has said nothing yet.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let tcp = within(TcpStream::connect(address)).await.unwrap();
        Self::over(tcp, address, None).await.unwrap()
    }

    /// The same over a connection that is there, perhaps with a token in the header.
    pub(crate) async fn over(
        tcp: TcpStream,
        address: SocketAddr,
        token: Option<&str>,
    ) -> Result<Self, Error> {
        tcp.set_nodelay(true).unwrap();
        let mut request =
            tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
                format!("ws://{address}/v1/socket"),
            )?;
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        // The tests send what no sensible client would.
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let (stream, _) = within(client_async_with_config(request, tcp, Some(config))).await?;
        Ok(Self { stream, last_id: 0 })
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        within(self.stream.send(Message::text(text))).await.unwrap();
    }

    pub(crate) async fn say_hello(&mut self, token: &str, fields: Value) {
        let mut hello = json!({"type": "hello", "token": token});
        for (name, value) in fields.as_object().unwrap() {
            hello[name] = value.clone();
        }
        self.send(hello).await;
    }

    /// A number that no request of this socket had yet.
    pub(crate) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Says something and waits for nothing; the number of the request.
    pub(crate) async fn say(&mut self, conversation: &str, text: &str) -> i64 {
        let id = self.next_id();
        self.send(json!({
            "type": "send", "id": id, "conversation": conversation,
            "client_id": Uuid::now_v7(), "text": text,
        }))
        .await;
        id
    }

    /// Asks for something; the number of the request.
    pub(crate) async fn ask(&mut self, mut frame: Value) -> i64 {
        let id = self.next_id();
        frame["id"] = json!(id);
        self.send(frame).await;
        id
    }

    /// Whatever comes next: a frame, or the number that the server closed with.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, u16> {
        loop {
            match within(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Err(close.map_or(1005, |close| CloseCode::into(close.code)));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("the connection broke: {other:?}"),
            }
        }
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err(code) => panic!("closed with {code}"),
        }
    }

    /// The next frame, which must be of this type.
    pub(crate) async fn expect(&mut self, name: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], name, "{frame}");
        frame
    }

    /// The next frame that is like this; others before it are passed over.
    pub(crate) async fn find(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await;
            if is_it(&frame) {
                return frame;
            }
        }
    }

    /// The answer to the request with this number; others before it are passed over.
    pub(crate) async fn answer(&mut self, id: i64) -> Value {
        self.find(|frame| frame["id"] == id).await
    }

    /// The next frame, which must refuse the request with this number.
    pub(crate) async fn expect_refused(&mut self, id: i64, code: &str) -> Value {
        let refused = self.expect("refused").await;
        assert_eq!(refused["id"], id, "{refused}");
        assert_eq!(refused["code"], code, "{refused}");
        assert!(refused["detail"].is_string(), "{refused}");
        refused
    }

    /// Passes over frames until the server closes; says why it did.
    pub(crate) async fn expect_close(&mut self, code: &str, number: u16) -> Value {
        let mut last = Value::Null;
        loop {
            match self.next_or_close().await {
                Ok(frame) => last = frame,
                Err(closed) => {
                    assert_eq!(last["type"], "bye", "{last}");
                    assert_eq!(last["code"], code, "{last}");
                    assert!(last["reconnect"].is_boolean(), "{last}");
                    assert!(last["after_ms"].is_u64(), "{last}");
                    assert_eq!(closed, number);
                    return last;
                }
            }
        }
    }

    /// Everything that was on its way to this socket before now. The user must be in `own`, where
    /// this says something: what was published before it comes before it.
    pub(crate) async fn drain(&mut self, own: &str) -> Vec<Value> {
        let id = self.say(own, "so far").await;
        let mut before = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["id"] == id {
                assert_eq!(frame["type"], "ack", "{frame}");
                return before;
            }
            before.push(frame);
        }
    }
}

/// The places that frames give of a conversation, in the order in which they came.
pub(crate) fn places(frames: &[Value], conversation: &str) -> Vec<u64> {
    let of_it = frames
        .iter()
        .filter(|frame| frame["conversation"] == conversation);
    of_it
        .flat_map(|frame| match frame["type"].as_str().unwrap() {
            "event" | "ack" => vec![frame["seq"].as_u64().unwrap()],
            "events" => frame["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["seq"].as_u64().unwrap())
                .collect(),
            _ => Vec::new(),
        })
        .collect()
}

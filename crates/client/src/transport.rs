//! A WebSocket to a server, and nothing of the protocol but where to find it.
//!
//! [`Client`](crate::Client) runs one of these underneath. A load generator that wants to know what
//! each frame costs uses it alone.

use std::fmt;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// The address of a server: where its HTTP calls and its socket are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    http: String,
    socket: String,
}

/// Text that is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server's address begins with http://, https://, ws:// or wss:// and names a host")]
pub struct InvalidUrl;

impl ServerUrl {
    /// Reads `http(s)://HOST[:PORT][/PREFIX]`, or the same with `ws` or `wss`.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`] for another scheme, or without a host.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(InvalidUrl)?;
        let rest = rest.trim_end_matches('/');
        if rest.is_empty() || rest.starts_with('/') {
            return Err(InvalidUrl);
        }
        let (http, socket) = match scheme {
            "http" | "ws" => ("http", "ws"),
            "https" | "wss" => ("https", "wss"),
            _ => return Err(InvalidUrl),
        };
        Ok(Self {
            http: format!("{http}://{rest}"),
            socket: format!("{socket}://{rest}/v1/socket"),
        })
    }

    /// What the paths of HTTP calls are put behind; without a slash at the end.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// The address of the socket.
    pub fn socket(&self) -> &str {
        &self.socket
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.http)
    }
}

/// How much memory a socket takes and may take.
#[derive(Clone, Copy, Debug)]
pub struct TransportLimits {
    /// The buffer that is read into, in bytes; taken for as long as the socket lives.
    pub read_buffer_bytes: usize,
    /// The largest frame that is accepted, in bytes.
    pub frame_bytes_max: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            read_buffer_bytes: 16 * 1024,
            frame_bytes_max: 32 * 1024 * 1024,
        }
    }
}

/// Why a socket could not be had or is gone.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server answered, but not with a socket: usually 401 for a bad token.
    #[error("the server answered {status} instead of opening a socket")]
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// There is no way to the server, or the connection broke.
    #[error("the connection failed: {0}")]
    Connection(#[source] Box<SocketError>),
    /// The token holds a byte that no HTTP header can carry.
    #[error("the token cannot be sent in a header")]
    Token,
}

impl From<SocketError> for TransportError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Http(response) => Self::Answered {
                status: response.status().as_u16(),
            },
            other => Self::Connection(Box::new(other)),
        }
    }
}

/// An open socket that carries text frames.
pub struct Transport {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// Opens a socket. With a `token` it is sent as the `Authorization` header; without one it has
    /// to be in the first frame.
    ///
    /// # Errors
    ///
    /// As [`TransportError`] says. There is no time limit here; wrap the call in one.
    pub async fn connect(
        url: &ServerUrl,
        token: Option<&str>,
        limits: TransportLimits,
    ) -> Result<Self, TransportError> {
        let mut request = url.socket().into_client_request()?;
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| TransportError::Token)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(limits.read_buffer_bytes)
            .write_buffer_size(limits.read_buffer_bytes)
            .max_message_size(Some(limits.frame_bytes_max))
            .max_frame_size(Some(limits.frame_bytes_max));
        let (socket, _) = connect_async_with_config(request, Some(config), true).await?;
        Ok(Self { socket })
    }

    /// Sends one text frame and waits until the operating system has it.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), TransportError> {
        Ok(self.socket.send(Message::Text(text.into())).await?)
    }

    /// Puts one text frame into the write buffer; [`Transport::flush`] sees it off. Waits only
    /// while the buffer is full.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub async fn feed(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), TransportError> {
        Ok(self.socket.feed(Message::Text(text.into())).await?)
    }

    /// Waits until the operating system has everything that was fed.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub async fn flush(&mut self) -> Result<(), TransportError> {
        Ok(self.socket.flush().await?)
    }

    /// The next text frame; nothing once the socket is closed. Frames that carry no text are
    /// skipped. Cancel safe: a frame is never lost by dropping the future.
    ///
    /// # Errors
    ///
    /// When the connection broke.
    pub async fn next(&mut self) -> Result<Option<Utf8Bytes>, TransportError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(text)),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed)) => {
                    return Ok(None);
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// Says goodbye. What the server still sends is not read.
    ///
    /// # Errors
    ///
    /// When the connection broke before.
    pub async fn close(mut self) -> Result<(), TransportError> {
        match self.socket.close(None).await {
            Ok(()) | Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_serves_calls_and_socket() {
        for text in ["http://chat.example:8080/", "ws://chat.example:8080"] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!(url.http(), "http://chat.example:8080");
            assert_eq!(url.socket(), "ws://chat.example:8080/v1/socket");
        }
        let url = ServerUrl::parse("https://example.org/chat").unwrap();
        assert_eq!(url.socket(), "wss://example.org/chat/v1/socket");
    }

    #[test]
    fn what_names_no_server_is_turned_down() {
        for text in [
            "",
            "chat.example",
            "ftp://chat.example",
            "http://",
            "ws:///v1",
        ] {
            assert_eq!(ServerUrl::parse(text), Err(InvalidUrl), "{text:?}");
        }
    }
}

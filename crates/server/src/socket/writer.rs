//! Puts frames on the wire: in the order of each conversation's log, several in one write, and never
//! for longer than a reader may take.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use tidemark_protocol::ByeCode;
use tidemark_protocol::frame;

/// How long the last words to a client may take.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// The writing half of a socket.
pub(super) struct Writer {
    pub(super) socket: WebSocket,
    write_timeout: Duration,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server closes it, with this code.
    Bye(ByeCode),
    /// The client closed it, or the network did.
    Gone,
}

impl Writer {
    pub(super) fn new(socket: WebSocket, write_timeout: Duration) -> Self {
        Self {
            socket,
            write_timeout,
        }
    }

    /// Puts a frame into the write buffer; goes to the network only when that is full.
    pub(super) async fn feed(&mut self, frame: impl Into<Utf8Bytes>) -> Result<(), End> {
        let message = Message::Text(frame.into());
        within(self.write_timeout, self.socket.feed(message)).await
    }

    /// Sends what is in the write buffer.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        within(self.write_timeout, self.socket.flush()).await
    }

    /// Says why, and closes.
    pub(super) async fn close(mut self, end: End, drain: Duration) {
        let End::Bye(code) = end else {
            // What a client's close is answered with goes out with the next read.
            let _ = tokio::time::timeout(FAREWELL_TIMEOUT, self.socket.recv()).await;
            return;
        };
        let after_ms = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
        let farewell = async {
            let bye = frame::Bye::new(code, after_ms).encode();
            self.socket.feed(Message::Text(bye.into())).await?;
            let reason = Utf8Bytes::from_static(code.as_str());
            let close = CloseFrame {
                code: code.close_number(),
                reason,
            };
            self.socket.send(Message::Close(Some(close))).await
        };
        // The client may be gone or read nothing: then there is nobody to tell.
        let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
    }
}

async fn within(
    limit: Duration,
    write: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), End> {
    match tokio::time::timeout(limit, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Bye(ByeCode::SlowReader)),
    }
}

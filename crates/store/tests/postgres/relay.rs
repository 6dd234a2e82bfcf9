//! A connection that breaks at the worst moment: when a commit is on its way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the protocol says before the text of a simple query: its kind and its length.
const HEADER_LEN: usize = 5;
const COMMIT: &[u8] = b"COMMIT\0";

/// What happens to the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Next {
    /// It passes, and so do those after it.
    Passes = 0,
    /// The server gets it and answers; the answer is lost and the connection with it.
    LosesAnswer = 1,
    /// The server never gets it.
    LosesCommit = 2,
}

/// Stands between a store and its server.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    next: Arc<AtomicU8>,
}

impl Relay {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let next = Arc::new(AtomicU8::new(Next::Passes as u8));
        let shared = Arc::clone(&next);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(server).await.unwrap();
                tokio::spawn(carry(client, upstream, Arc::clone(&shared)));
            }
        });
        Self { address, next }
    }

    pub(crate) fn set(&self, next: Next) {
        self.next.store(next as u8, Ordering::SeqCst);
    }

    /// Whether the last one that was set has happened.
    pub(crate) fn has_happened(&self) -> bool {
        self.next.load(Ordering::SeqCst) == Next::Passes as u8
    }
}

async fn carry(client: TcpStream, upstream: TcpStream, next: Arc<AtomicU8>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let back = tokio::spawn(carry_back(from_server, to_client));
    carry_forth(from_client, to_server, &next).await;
    back.abort();
}

async fn carry_back(mut from_server: OwnedReadHalf, mut to_client: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        if to_client.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A statement of this length comes in one piece.
async fn carry_forth(
    mut from_client: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    next: &AtomicU8,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..length];
        let commit = sent.windows(COMMIT.len()).position(|part| part == COMMIT);
        if let Some(place) = commit.filter(|place| *place >= HEADER_LEN) {
            match next.swap(Next::Passes as u8, Ordering::SeqCst) {
                0 => {}
                happens => {
                    let kept = if happens == Next::LosesCommit as u8 {
                        &sent[..place - HEADER_LEN]
                    } else {
                        sent
                    };
                    // If the server is gone as well, nothing happened, which is one of the cases.
                    let _ = to_server.write_all(kept).await;
                    return;
                }
            }
        }
        if to_server.write_all(sent).await.is_err() {
            return;
        }
    }
}

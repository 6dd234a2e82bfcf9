//! A socket of a simulated user.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tidemark_client::transport::{Transport, TransportError, TransportLimits};
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::frame::{ClientFrame, Hello, ServerFrame, Welcome};
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};

use super::frame::Frame;
use super::people::token_of;
use super::progress::Progress;
use super::target::Target;
use super::verify::Violation;
use crate::failure::{Failure, FailureKind};

/// How long opening a socket may take, up to its `welcome`.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a socket says something, so that the server does not take it for dead.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Frames that are taken before the socket's task does anything else.
const BATCH_MAX: usize = 256;
/// Sockets that are being opened at the same time: enough to keep two cores busy.
const OPENING_MAX: usize = 64;
/// Read at once from a socket that hears little.
pub(super) const SMALL_BUFFER_BYTES: usize = 1024;
/// Read at once from a socket that hears much.
pub(super) const LARGE_BUFFER_BYTES: usize = 16 * 1024;

/// An open socket whose user is known to the server.
pub(super) struct LoadSocket {
    transport: Transport,
    heartbeat: Interval,
    user: UserId,
}

/// What a socket can tell when it is open.
pub(super) struct Opened {
    pub(super) socket: LoadSocket,
    welcome: Box<Welcome>,
}

impl Opened {
    /// Where a conversation of the user stood when the socket was opened.
    pub(super) fn head(&self, conversation: ConversationId) -> Result<u64, Failure> {
        let conversations = &self.welcome.conversations;
        conversations
            .iter()
            .find(|entry| entry.id.0 == conversation)
            .map(|entry| entry.head_seq.0.get())
            .ok_or_else(|| {
                let user = &self.socket.user;
                Failure::failed(format!("{user} is not told of a conversation of theirs"))
            })
    }
}

impl LoadSocket {
    /// Opens a socket, says `hello` with a token for `user`, and waits for `welcome`.
    pub(super) async fn open(
        target: &Target,
        user: UserId,
        read_buffer_bytes: usize,
    ) -> Result<Opened, Failure> {
        let hello = Hello {
            token: Some(token_of(target, &user)?),
            ..Hello::default()
        };
        let hello = ClientFrame::Hello(hello).encode();
        let limits = TransportLimits {
            read_buffer_bytes,
            ..TransportLimits::default()
        };
        let opening = async {
            let mut transport = Transport::connect(target.any_url(), None, limits).await?;
            transport.send(hello).await?;
            let answer = transport.next().await?;
            Ok::<_, TransportError>((transport, answer))
        };
        let Ok(opened) = timeout(OPEN_TIMEOUT, opening).await else {
            let seconds = OPEN_TIMEOUT.as_secs();
            return Err(Failure::failed(format!(
                "{user} has no welcome after {seconds} s"
            )));
        };
        let (transport, answer) = opened.map_err(|error| unreachable(&user, &error))?;
        let Some(Ok(ServerFrame::Welcome(welcome))) = answer.as_deref().map(ServerFrame::parse)
        else {
            let answer = answer.as_deref().unwrap_or("nothing");
            return Err(Failure::failed(format!(
                "{user} got no welcome but {answer}"
            )));
        };
        let mut heartbeat = interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Opened {
            socket: Self {
                transport,
                heartbeat,
                user,
            },
            welcome,
        })
    }

    /// Puts a frame where the next flush finds it.
    pub(super) async fn feed(&mut self, frame: String) -> Result<(), Failure> {
        self.transport
            .feed(frame)
            .await
            .map_err(|error| unreachable(&self.user, &error))
    }

    /// Sends what was fed.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        self.transport
            .flush()
            .await
            .map_err(|error| unreachable(&self.user, &error))
    }

    pub(super) async fn send(&mut self, frame: String) -> Result<(), Failure> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// Asks for events after a place. A run has one such request of a socket under way at a time.
    pub(super) async fn sync(
        &mut self,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<(), Failure> {
        self.send(format!(
            r#"{{"type":"sync","id":0,"conversation":"{conversation}","after":{after},"limit":{limit}}}"#
        ))
        .await
    }

    /// Waits for a frame, then takes all that are there already, with the time at which they were. A refusal
    /// or a goodbye is a failure: nothing that a bench asks for should be refused.
    ///
    /// Cancel safe: what is not taken stays for the next call.
    pub(super) async fn next_batch(
        &mut self,
        mut take: impl FnMut(Frame<'_>, Instant) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let first = loop {
            tokio::select! {
                frame = self.transport.next() => break frame,
                _ = self.heartbeat.tick() => {
                    self.send(r#"{"type":"ping"}"#.to_owned()).await?;
                }
            }
        };
        let now = Instant::now();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(frame) = next {
            match frame {
                Ok(Some(text)) => take(self.understood(&text)?, now)?,
                Ok(None) => return Err(self.failure("the server closed the socket")),
                Err(error) => return Err(unreachable(&self.user, &error)),
            }
            taken += 1;
            if taken == BATCH_MAX {
                break;
            }
            next = self.transport.next().now_or_never();
        }
        Ok(())
    }

    fn understood<'text>(&self, text: &'text str) -> Result<Frame<'text>, Failure> {
        match Frame::read(text) {
            Ok(Frame::Refused { code, detail }) => {
                Err(self.failure(&format!("the server refused: {detail} ({code})")))
            }
            Ok(Frame::Bye { code }) => Err(self.failure(&format!("the server said bye: {code}"))),
            Ok(frame) => Ok(frame),
            Err(_) => Err(self.failure(&format!("this is no frame: {text}"))),
        }
    }

    fn failure(&self, sentence: &str) -> Failure {
        Failure::failed(format!("{}: {sentence}", self.user))
    }
}

/// Opens a socket for each of these users, several at a time; in the order of the users.
pub(super) async fn open_all(
    target: &Target,
    users: Vec<UserId>,
    read_buffer_bytes: usize,
    progress: &Progress,
) -> Result<Vec<Opened>, Failure> {
    let bar = progress.count("opening sockets", users.len());
    stream::iter(users)
        .map(async |user| {
            let opened = LoadSocket::open(target, user, read_buffer_bytes).await;
            bar.inc(1);
            opened
        })
        .buffered(OPENING_MAX)
        .try_collect()
        .await
}

/// The server broke a promise.
pub(super) fn broken(conversation: ConversationId, violation: Violation) -> Failure {
    Failure::failed(format!("conversation {conversation}: {violation}"))
}

fn unreachable(user: &UserId, error: &TransportError) -> Failure {
    Failure::new(FailureKind::Unreachable, format!("{user}: {error}"))
}

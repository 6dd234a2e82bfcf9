//! One socket's task: waits for what comes first and deals with it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::ByeCode;
use tidemark_protocol::frame::RequestId;
use tidemark_protocol::session::delivery::Delivery;
use tidemark_protocol::session::server::{Input, ServerSession};
use tidemark_protocol::wire::Secret;
use tidemark_store::{Directory, Store};
use tokio::time::{Sleep, sleep_until};
use tungstenite::error::ProtocolError;

use super::greet::greet;
use super::writer::{End, Writer};
use crate::gateway::Gateway;
use crate::hub::Session;
use crate::limits::SignalLimiter;

/// A socket that was let in.
pub(super) struct Connection<S> {
    pub(super) gateway: Arc<Gateway<S>>,
    pub(super) writer: Writer,
    pub(super) session: Arc<Session>,
    pub(super) machine: ServerSession,
    /// What was written of each conversation, and so what may be written next.
    pub(super) delivery: Delivery,
    /// Conversations with events to read from the store before live ones can go on.
    pub(super) catch_ups: VecDeque<CatchUp>,
    /// Commands handed over whose answer was not written yet. An ack that waits for its place counts.
    pub(super) in_flight: usize,
    pub(super) signals: SignalLimiter,
    /// When the token ends, on the monotonic clock.
    pub(super) expires_ms: Option<u64>,
    /// Whether the token is good for sending.
    pub(super) may_send: bool,
    /// The server is going away: nothing more is read, and until then what was handed over is answered.
    pub(super) leave_by_ms: Option<u64>,
}

/// A page of events to read and write.
#[derive(Clone, Copy, Debug)]
pub(super) struct CatchUp {
    pub(super) conversation: ConversationId,
    pub(super) after: Seq,
    /// The request that asked for it.
    pub(super) id: Option<RequestId>,
}

/// Serves a socket from its first frame to its last.
pub(super) async fn serve<S: Store + Directory>(
    gateway: Arc<Gateway<S>>,
    socket: WebSocket,
    token: Option<Secret>,
) {
    gateway.metrics.sockets.inc();
    let mut writer = Writer::new(socket, gateway.config.socket.write_timeout);
    let end = match greet(&gateway, &mut writer, token).await {
        Err(end) => end,
        Ok(greeting) => {
            let mut connection = greeting.into_connection(Arc::clone(&gateway), writer);
            let end = match connection.run().await {
                Err(end) => end,
                Ok(never) => match never {},
            };
            gateway.hub.leave(&connection.session);
            writer = connection.writer;
            end
        }
    };
    let why = match end {
        End::Bye(code) => code.as_str(),
        End::Gone => "gone",
    };
    gateway.metrics.socket_closed(why);
    writer.close(end, gateway.config.drain).await;
    gateway.metrics.sockets.dec();
}

impl<S: Store + Directory> Connection<S> {
    async fn run(&mut self) -> Result<Infallible, End> {
        let in_flight_max = self.gateway.config.limits.in_flight;
        let mut deadline = pin!(self.sleep_to_deadline());
        loop {
            let is_leaving = self.leave_by_ms.is_some();
            if is_leaving && self.in_flight == 0 {
                return Err(End::Bye(ByeCode::GoingAway));
            }
            let reads = !is_leaving && self.in_flight < in_flight_max;
            tokio::select! {
                () = self.session.outbox.filled() => {
                    self.write_queued().await?;
                    if self.leave_by_ms.is_some() {
                        deadline.set(self.sleep_to_deadline());
                    }
                }
                message = self.writer.socket.recv(), if reads => {
                    self.take(message).await?;
                }
                () = ready(()), if !self.catch_ups.is_empty() => self.catch_up_one().await?,
                // Heard or not since it was set: whether it is time is the machine's to say.
                () = &mut deadline => {
                    self.check_deadlines()?;
                    deadline.set(self.sleep_to_deadline());
                }
            }
        }
    }

    fn sleep_to_deadline(&self) -> Sleep {
        let deadlines = [
            self.machine.next_timeout(),
            self.expires_ms,
            self.leave_by_ms,
        ];
        let next = deadlines.into_iter().flatten().min();
        sleep_until(self.gateway.clock.instant_of(next.unwrap_or(0)))
    }

    fn check_deadlines(&mut self) -> Result<(), End> {
        let now = self.gateway.clock.monotonic_ms();
        if self.expires_ms.is_some_and(|expires| expires <= now) {
            return Err(End::Bye(ByeCode::Unauthorized));
        }
        if self.leave_by_ms.is_some_and(|leave_by| leave_by <= now) {
            return Err(End::Bye(ByeCode::GoingAway));
        }
        self.machine
            .handle_timeout(now)
            .map_or(Ok(()), |code| Err(End::Bye(code)))
    }

    /// The server is going away. Whoever waits for answers gets them first, for as long as half of the time
    /// that there is.
    pub(super) fn leave(&mut self) {
        let patience = self.gateway.config.drain / 2;
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let leave_by_ms = self.gateway.clock.monotonic_ms() + patience_ms;
        self.leave_by_ms.get_or_insert(leave_by_ms);
    }

    async fn take(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let now = self.gateway.clock.monotonic_ms();
        match read(&mut self.machine, now, message)? {
            None => Ok(()),
            Some(Input::Request(request)) => self.perform(request).await,
            Some(Input::Refuse(refused)) => self.refuse(refused).await,
            Some(Input::Close(code)) => Err(End::Bye(code)),
            Some(Input::Hello(_)) => Err(End::Bye(ByeCode::ProtocolError)),
        }
    }
}

/// What a WebSocket message means to the session; nothing for what only shows that the client lives.
pub(super) fn read(
    machine: &mut ServerSession,
    now_ms: u64,
    message: Option<Result<Message, axum::Error>>,
) -> Result<Option<Input>, End> {
    match message {
        None | Some(Ok(Message::Close(_))) => Err(End::Gone),
        Some(Ok(Message::Text(text))) => Ok(Some(machine.handle_text(now_ms, &text))),
        Some(Ok(Message::Binary(_))) => Ok(Some(machine.handle_not_text())),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
            machine.handle_sign_of_life(now_ms);
            Ok(None)
        }
        Some(Err(error)) => Err(end_of(error)),
    }
}

fn end_of(error: axum::Error) -> End {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        // How most clients go: with their network.
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
            End::Gone
        }
        Some(tungstenite::Error::Capacity(_)) => End::Bye(ByeCode::TooLarge),
        Some(tungstenite::Error::Utf8(_) | tungstenite::Error::Protocol(_)) => {
            End::Bye(ByeCode::ProtocolError)
        }
        _ => End::Gone,
    }
}

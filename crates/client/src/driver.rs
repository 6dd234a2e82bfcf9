//! The background task: connections, one after another, until the client is stopped.

use std::sync::Arc;
use std::time::Duration;

use tidemark_protocol::session::client::{ClientSession, Ending};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::shared::Shared;
use crate::transport::{Transport, TransportError};
use crate::{ClientOptions, Connection, Http, StopReason};

/// A connection that lived so long was a good one: the pauses begin anew.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// How many changes of the user's own to ask for at a time.
const PERSONAL_CHANGES: u32 = 1_000;
/// How long to wait after that brought nothing.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long saying goodbye may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) http: Http,
    pub(crate) options: ClientOptions,
    /// Turns true, or is dropped, when the client is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    /// The app wishes it.
    Stopped,
    /// The session says so.
    Session(Ending),
    /// The socket broke or could not be had.
    Lost,
}

impl Driver {
    pub(crate) async fn run(mut self) {
        let mut failures = 0;
        let reason = loop {
            self.shared.connection.send_replace(Connection::Connecting);
            let began = Instant::now();
            let mut stopping = self.stopping.clone();
            let end = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => End::Stopped,
                end = self.connection() => end,
            };
            self.shared
                .with_session(|session, _| session.disconnected());
            if began.elapsed() >= GOOD_AFTER {
                failures = 0;
            }
            failures += 1;
            let asked = match end {
                End::Stopped => break StopReason::Closed,
                End::Lost => Duration::ZERO,
                End::Session(ending) => {
                    tracing::debug!(?ending, "the connection ended");
                    if let Some(reason) = StopReason::of(&ending) {
                        break reason;
                    }
                    match ending {
                        Ending::Bye { after, .. } => after.mul_f64(rand::random()),
                        _ => Duration::ZERO,
                    }
                }
            };
            let pause = self
                .options
                .backoff
                .pause(failures, rand::random())
                .max(asked);
            if !self.pause(pause).await {
                break StopReason::Closed;
            }
        };
        self.shared.stop(&reason);
    }

    /// Waits. Whether to go on then.
    async fn pause(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        self.shared
            .connection
            .send_replace(Connection::Waiting { until });
        tokio::select! {
            _ = self.stopping.wait_for(|stop| *stop) => false,
            () = sleep_until(until) => true,
        }
    }

    async fn connection(&mut self) -> End {
        let connecting = Transport::connect(&self.options.url, None, self.options.transport);
        let mut transport = match timeout(self.options.connect_within, connecting).await {
            Ok(Ok(transport)) => transport,
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot connect");
                return End::Lost;
            }
            Err(_) => return End::Lost,
        };
        self.shared.with_session(ClientSession::connected);
        let end = self.converse(&mut transport).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the connection is lost");
            End::Lost
        });
        if let End::Stopped | End::Session(_) = end {
            let _ = timeout(GOODBYE_WITHIN, transport.close()).await;
        }
        end
    }

    /// Moves frames both ways until the connection ends.
    async fn converse(&mut self, transport: &mut Transport) -> Result<End, TransportError> {
        let shared = Arc::clone(&self.shared);
        let http = self.http.clone();
        let catching_up = keep_personal(&shared, &http);
        tokio::pin!(catching_up);
        loop {
            shared.with_session(ClientSession::handle_timeout);
            if let Some(ending) = shared.take_ending() {
                return Ok(End::Session(ending));
            }
            let sending = send_all(&shared, transport);
            let Ok(sent) = timeout(self.options.answer_within, sending).await else {
                return Ok(End::Session(Ending::Silent));
            };
            sent?;
            let next_timeout = shared.lock().session.next_timeout();
            let due = next_timeout.map_or_else(Instant::now, Instant::from_std);
            tokio::select! {
                frame = transport.next() => match frame? {
                    Some(text) => shared.with_session(|session, now| session.handle_text(now, &text)),
                    None => return Ok(End::Lost),
                },
                () = shared.roused.notified() => {}
                () = &mut catching_up => {}
                _ = self.stopping.wait_for(|stop| *stop) => return Ok(End::Stopped),
                () = sleep_until(due) => {}
            }
            if let Some(ending) = shared.take_ending() {
                return Ok(End::Session(ending));
            }
        }
    }
}

/// Asks for what the user changed elsewhere whenever something of it is missing. Never returns.
async fn keep_personal(shared: &Shared, http: &Http) {
    loop {
        let Some(after) = shared.lock().session.missing_personal() else {
            shared.personal_missing.notified().await;
            continue;
        };
        match http.personal_changes(after, PERSONAL_CHANGES).await {
            Ok(page) => shared.with_session(|session, _| {
                session.learn_personal_changes(after, page);
            }),
            Err(error) => {
                tracing::debug!(%error, "what the user changed elsewhere cannot be read");
            }
        }
        // Either there was no answer, or it did not bring what the server had told of.
        if shared.lock().session.missing_personal() == Some(after) {
            sleep(ASK_AGAIN_AFTER).await;
        }
    }
}

/// Sends all that the session has to say now, in as few writes as possible.
async fn send_all(shared: &Shared, transport: &mut Transport) -> Result<(), TransportError> {
    let mut any = false;
    while let Some(frame) = shared.with_session(ClientSession::poll_transmit) {
        transport.feed(frame).await?;
        any = true;
    }
    if any {
        transport.flush().await?;
    }
    Ok(())
}

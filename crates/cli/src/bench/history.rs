//! Writes and reads the history of a conversation over one socket.

use std::time::Instant;

use tidemark_core::ConversationId;

use super::composer::{Composer, MessageName};
use super::frame::{Event, Frame};
use super::in_flight::InFlight;
use super::load_socket::{LoadSocket, broken};
use super::progress::Bar;
use super::verify::{Follower, Violation};
use crate::failure::Failure;

/// Messages without an ack while a history is written.
const IN_FLIGHT_MAX: usize = 256;

/// One person who writes to one conversation.
pub(super) struct Author {
    pub(super) socket: LoadSocket,
    pub(super) conversation: ConversationId,
    composer: Composer,
    in_flight: InFlight,
}

impl Author {
    pub(super) fn new(socket: LoadSocket, conversation: ConversationId, text: &str) -> Self {
        Self {
            socket,
            conversation,
            composer: Composer::new(0, conversation, text),
            in_flight: InFlight::default(),
        }
    }

    /// Sends so many messages and waits until all are durable. Tells `acked` of each, with its place.
    pub(super) async fn write(
        &mut self,
        count: u64,
        bar: &Bar,
        mut acked: impl FnMut(u64, MessageName),
    ) -> Result<(), Failure> {
        let (mut to_send, mut to_hear) = (count, count);
        while to_hear > 0 {
            let now = Instant::now();
            while to_send > 0 && self.in_flight.len() < IN_FLIGHT_MAX {
                self.feed(now).await?;
                to_send -= 1;
            }
            self.socket.flush().await?;
            let Self {
                socket,
                in_flight,
                conversation,
                ..
            } = self;
            socket
                .next_batch(|frame, _| {
                    let settled = in_flight.settle(frame);
                    if let Some(one) = settled.map_err(|it| broken(*conversation, it))? {
                        acked(one.seq, one.message);
                        to_hear -= 1;
                        bar.inc(1);
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    /// Sends so many messages and waits for nothing.
    pub(super) async fn write_unheard(&mut self, count: u64) -> Result<(), Failure> {
        let now = Instant::now();
        for _ in 0..count {
            self.feed(now).await?;
        }
        self.socket.flush().await
    }

    async fn feed(&mut self, now: Instant) -> Result<(), Failure> {
        self.in_flight.begin(now);
        self.socket.feed(self.composer.compose(now)).await
    }
}

/// Reads the log after a place page by page to its end, and checks that it has no hole. Tells `each` of every
/// event. Gives back the place of the last one.
pub(super) async fn read_log(
    socket: &mut LoadSocket,
    conversation: ConversationId,
    after: u64,
    page_events: u32,
    mut each: impl FnMut(Event<'_>) -> Result<(), Violation>,
) -> Result<u64, Failure> {
    let mut follower = Follower::after(after);
    let mut last = after;
    loop {
        socket.sync(conversation, last, page_events).await?;
        let mut more = None;
        while more.is_none() {
            socket
                .next_batch(|frame, _| {
                    let Frame::Page(page) = frame else {
                        return Ok(());
                    };
                    for event in page.events() {
                        let event = event.map_err(|_| Violation::Differs { seq: last + 1 });
                        event
                            .and_then(|event| {
                                follower.paged(event.seq)?;
                                last = event.seq;
                                each(event)
                            })
                            .map_err(|violation| broken(conversation, violation))?;
                    }
                    more = Some(page.more);
                    Ok(())
                })
                .await?;
        }
        if more == Some(false) {
            return Ok(last);
        }
    }
}

//! A member who is online and has something else on screen, until everybody looks at once.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use tidemark_core::ConversationId;
use tokio::sync::Notify;

use crate::bench::frame::Frame;
use crate::bench::load_socket::{LoadSocket, broken};
use crate::bench::verify::Violation;
use crate::failure::Failure;

/// What all onlookers of a channel have seen together.
#[derive(Default)]
pub(super) struct Seen {
    /// Events that were pushed.
    pub(super) events: Cell<u64>,
    /// Heads that were pushed.
    pub(super) heads: Cell<u64>,
    /// How many know that the channel has come to a place, by the place.
    known: RefCell<std::collections::BTreeMap<u64, usize>>,
    /// How many have all events up to a place.
    reached: RefCell<std::collections::BTreeMap<u64, usize>>,
    opening: Notify,
}

impl Seen {
    /// Whether all of `online` know of what is at `seq`.
    pub(super) fn is_known_to(&self, online: usize, seq: u64) -> bool {
        self.known.borrow().get(&seq) == Some(&online)
    }

    /// Whether all of `online` have every event up to `seq`.
    pub(super) fn has_reached(&self, online: usize, seq: u64) -> bool {
        self.reached.borrow().get(&seq) == Some(&online)
    }

    /// Has everybody open the channel.
    pub(super) fn open_all(&self) {
        self.opening.notify_waiters();
    }
}

/// Takes one from a place to another.
fn advance(counts: &RefCell<std::collections::BTreeMap<u64, usize>>, from: u64, to: u64) {
    let mut counts = counts.borrow_mut();
    if let Some(count) = counts.get_mut(&from) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&from);
        }
    }
    *counts.entry(to).or_default() += 1;
}

pub(super) struct Onlooker {
    socket: LoadSocket,
    conversation: ConversationId,
    /// The channel has come to here, as far as this one was told.
    known: u64,
    /// Every event up to here is held.
    reached: u64,
    seen: Rc<Seen>,
}

impl Onlooker {
    /// Holds everything up to `head`.
    pub(super) fn new(
        socket: LoadSocket,
        conversation: ConversationId,
        head: u64,
        seen: Rc<Seen>,
    ) -> Self {
        for counts in [&seen.known, &seen.reached] {
            *counts.borrow_mut().entry(head).or_default() += 1;
        }
        Self {
            socket,
            conversation,
            known: head,
            reached: head,
            seen,
        }
    }

    /// Follows what is told, and opens the channel when everybody does.
    pub(super) async fn look(mut self) -> Result<Infallible, Failure> {
        let seen = Rc::clone(&self.seen);
        let mut opening = std::pin::pin!(seen.opening.notified());
        let mut is_open = false;
        loop {
            let Self {
                socket,
                conversation,
                known,
                reached,
                seen,
            } = &mut self;
            let mut take = |frame: Frame<'_>| follow(frame, known, reached, seen);
            tokio::select! {
                taken = socket.next_batch(|frame, _| take(frame).map_err(|it| broken(*conversation, it))) => taken?,
                () = &mut opening, if !is_open => {
                    is_open = true;
                    let (conversation, after) = (self.conversation, self.reached);
                    self.socket
                        .send(format!(
                            r#"{{"type":"open","id":1,"conversation":"{conversation}","after":{after}}}"#
                        ))
                        .await?;
                }
            }
        }
    }
}

fn follow(
    frame: Frame<'_>,
    known: &mut u64,
    reached: &mut u64,
    seen: &Seen,
) -> Result<(), Violation> {
    let mut next = |seq: u64| {
        if seq != *reached + 1 {
            return Err(Violation::Gap {
                expected: *reached + 1,
                found: seq,
            });
        }
        advance(&seen.reached, *reached, seq);
        *reached = seq;
        Ok(())
    };
    let told = match frame {
        Frame::Event(event) => {
            next(event.seq)?;
            seen.events.set(seen.events.get() + 1);
            event.seq
        }
        Frame::Page(page) => {
            for event in page.events() {
                let event = event.map_err(|_| Violation::Differs { seq: *known })?;
                next(event.seq)?;
            }
            *reached
        }
        Frame::Head { head } => {
            seen.heads.set(seen.heads.get() + 1);
            head
        }
        _ => return Ok(()),
    };
    if told > *known {
        advance(&seen.known, *known, told);
        *known = told;
    }
    Ok(())
}

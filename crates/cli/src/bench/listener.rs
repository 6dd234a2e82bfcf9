//! Hears the events of one conversation, live, and checks that they come once and without a hole.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use tidemark_core::ConversationId;

use super::composer::MessageName;
use super::frame::{Event, Frame};
use super::load_socket::{LoadSocket, broken};
use super::verify::{Follower, Step, Violation};
use crate::failure::Failure;

/// Events in a page that brings a listener up to date.
const PAGE_EVENTS: u32 = 1_000;

/// A socket that listens to a conversation in which a load generator sends.
pub(super) struct Listener {
    socket: LoadSocket,
    conversation: ConversationId,
    follower: Follower,
    text: Rc<str>,
    fell_behind: Rc<Cell<u64>>,
}

impl Listener {
    /// For messages with this text after `head`. Counts in `fell_behind` how often live events were left out.
    pub(super) fn new(
        socket: LoadSocket,
        conversation: ConversationId,
        head: u64,
        text: Rc<str>,
        fell_behind: Rc<Cell<u64>>,
    ) -> Self {
        Self {
            socket,
            conversation,
            follower: Follower::after(head),
            text,
            fell_behind,
        }
    }

    /// Tells `heard` of every message, once and in order.
    pub(super) async fn listen(
        mut self,
        mut heard: impl FnMut(u64, MessageName, Instant) -> Result<(), Violation>,
    ) -> Result<Infallible, Failure> {
        loop {
            let mut step = Step::Skip;
            let conversation = self.conversation;
            let Self {
                socket,
                follower,
                text,
                ..
            } = &mut self;
            socket
                .next_batch(|frame, now| {
                    let mut new = |event: Event<'_>| {
                        let message = message_of(event, text)?;
                        heard(event.seq, message, now)
                    };
                    let next = take(follower, frame, &mut new)
                        .map_err(|violation| broken(conversation, violation))?;
                    if let Step::Ask { .. } = next {
                        step = next;
                    }
                    Ok(())
                })
                .await?;
            if let Step::Ask { after } = step {
                self.fell_behind.set(self.fell_behind.get() + 1);
                self.socket
                    .sync(self.conversation, after, PAGE_EVENTS)
                    .await?;
            }
        }
    }
}

/// Follows one frame; tells `new` of what is next in the log.
fn take(
    follower: &mut Follower,
    frame: Frame<'_>,
    new: &mut impl FnMut(Event<'_>) -> Result<(), Violation>,
) -> Result<Step, Violation> {
    match frame {
        Frame::Event(event) => {
            let step = follower.live(event.seq)?;
            if step == Step::New {
                new(event)?;
            }
            Ok(step)
        }
        Frame::Head { head } => Ok(follower.head(head)),
        Frame::Page(page) => {
            let mut last = 0;
            for event in page.events() {
                let event = event.map_err(|_| Violation::Differs { seq: last + 1 })?;
                last = event.seq;
                if follower.paged(event.seq)? == Step::New {
                    new(event)?;
                }
            }
            Ok(follower.page_ends())
        }
        _ => Ok(Step::Skip),
    }
}

/// Which message an event is, if it says what was sent.
fn message_of(event: Event<'_>, text: &str) -> Result<MessageName, Violation> {
    match event.message {
        Some((name, said)) if said == text => Ok(name),
        _ => Err(Violation::Differs { seq: event.seq }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, number: u32) -> String {
        format!(
            r#"{{"type":"event","seq":{seq},"client_id":"0190163d-8694-739b-aea5-0001{number:08x}","text":"hi"}}"#
        )
    }

    fn hear(frames: &[String]) -> Result<Vec<u32>, Violation> {
        let mut follower = Follower::after(0);
        let mut numbers = Vec::new();
        for frame in frames {
            take(&mut follower, Frame::read(frame).unwrap(), &mut |event| {
                numbers.push(message_of(event, "hi")?.number);
                Ok(())
            })?;
        }
        Ok(numbers)
    }

    #[test]
    fn what_comes_once_and_in_order_is_heard() {
        assert_eq!(hear(&[event(1, 0), event(2, 1)]), Ok(vec![0, 1]));
    }

    #[test]
    fn a_planted_gap_or_double_is_not_let_through() {
        assert_eq!(
            hear(&[event(1, 0), event(3, 2)]),
            Err(Violation::Gap {
                expected: 2,
                found: 3
            })
        );
        assert_eq!(
            hear(&[event(1, 0), event(1, 0)]),
            Err(Violation::Twice { seq: 1 })
        );
    }

    #[test]
    fn a_text_that_nobody_sent_is_not_let_through() {
        let other = event(1, 0).replace("hi", "ho");
        assert_eq!(hear(&[other]), Err(Violation::Differs { seq: 1 }));
    }

    #[test]
    fn a_page_fills_what_a_head_announced() {
        let events = [event(1, 0), event(2, 1)].join(",");
        let frames = [
            r#"{"type":"head","head_seq":2,"unread":2,"mentions":0}"#.to_owned(),
            format!(r#"{{"type":"events","id":0,"events":[{events}],"head_seq":2,"more":false}}"#),
            event(3, 2),
        ];
        assert_eq!(hear(&frames), Ok(vec![0, 1, 2]));
    }
}

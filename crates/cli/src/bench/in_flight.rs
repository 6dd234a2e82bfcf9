//! Requests that are not answered yet, and when each was made.

use std::collections::VecDeque;
use std::time::Instant;

use super::composer::MessageName;
use super::frame::Frame;
use super::verify::Violation;

/// A message that the server said is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acked {
    pub(super) seq: u64,
    pub(super) message: MessageName,
    /// When it was sent, or was to be sent.
    pub(super) made: Instant,
}

/// The requests of one sender, numbered without holes.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    first: u64,
    made: VecDeque<Option<Instant>>,
    unanswered: usize,
}

impl InFlight {
    /// The request with the next number was made, or was to be made, at `at`.
    pub(super) fn begin(&mut self, at: Instant) {
        self.made.push_back(Some(at));
        self.unanswered += 1;
    }

    /// Request `number` was answered. When it was made.
    pub(super) fn finish(&mut self, number: u64) -> Result<Instant, Violation> {
        let at = number
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok());
        let made = at
            .and_then(|index| self.made.get_mut(index)?.take())
            .ok_or(Violation::NotAsked { number })?;
        self.unanswered -= 1;
        while let Some(None) = self.made.front() {
            self.made.pop_front();
            self.first += 1;
        }
        Ok(made)
    }

    /// The message that an `ack` is for, once for each; nothing for any other frame.
    pub(super) fn settle(&mut self, frame: Frame<'_>) -> Result<Option<Acked>, Violation> {
        let Frame::Ack {
            id,
            seq,
            message,
            duplicate,
        } = frame
        else {
            return Ok(None);
        };
        if duplicate {
            return Err(Violation::CalledDuplicate { seq });
        }
        let made = self.finish(id)?;
        if u64::from(message.number) != id {
            return Err(Violation::Differs { seq });
        }
        Ok(Some(Acked { seq, message, made }))
    }

    pub(super) fn len(&self) -> usize {
        self.unanswered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_any_order_and_only_once() {
        let now = Instant::now();
        let mut requests = InFlight::default();
        for _ in 0..3 {
            requests.begin(now);
        }
        for number in [1, 0] {
            assert_eq!(requests.finish(number), Ok(now));
        }
        assert_eq!(requests.len(), 1);
        for number in [0, 1, 3] {
            assert_eq!(requests.finish(number), Err(Violation::NotAsked { number }));
        }
        assert_eq!(requests.finish(2), Ok(now));
        assert_eq!(requests.len(), 0);
    }

    #[test]
    fn an_ack_settles_its_own_message_and_only_when_it_is_new() {
        let made = Instant::now();
        let message = |number| MessageName { sender: 1, number };
        let ack = |id, number, duplicate| Frame::Ack {
            id,
            seq: 7,
            message: message(number),
            duplicate,
        };
        let mut requests = InFlight::default();
        requests.begin(made);
        requests.begin(made);
        assert_eq!(requests.settle(Frame::Other), Ok(None));
        assert_eq!(
            requests.settle(ack(0, 0, false)),
            Ok(Some(Acked {
                seq: 7,
                message: message(0),
                made
            }))
        );
        assert_eq!(
            requests.settle(ack(0, 0, false)),
            Err(Violation::NotAsked { number: 0 })
        );
        assert_eq!(
            requests.settle(ack(1, 1, true)),
            Err(Violation::CalledDuplicate { seq: 7 })
        );
        assert_eq!(
            requests.settle(ack(1, 0, false)),
            Err(Violation::Differs { seq: 7 })
        );
    }
}

//! Whether what came is what was promised: every message once, in one gapless order, the same for everybody.

use std::collections::VecDeque;
use std::fmt;

use super::composer::MessageName;

/// A promise that the server broke. It makes the whole run worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// Something is missing before it.
    Gap { expected: u64, found: u64 },
    /// It was there before.
    Twice { seq: u64 },
    /// Two were told different messages for one place, or one was told a message that was never sent so.
    Differs { seq: u64 },
    /// An answer to what was not asked, or was answered already.
    NotAsked { number: u64 },
    /// A new message is said to have been there before.
    CalledDuplicate { seq: u64 },
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { expected, found } => {
                write!(formatter, "seq {found} came where {expected} was due")
            }
            Self::Twice { seq } => write!(formatter, "seq {seq} came twice"),
            Self::Differs { seq } => write!(formatter, "seq {seq} is not the same for everybody"),
            Self::NotAsked { number } => {
                write!(formatter, "request {number} was answered and not under way")
            }
            Self::CalledDuplicate { seq } => {
                write!(formatter, "seq {seq} is new and was called a duplicate")
            }
        }
    }
}

/// What to do about something that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the next event.
    New,
    /// It is known, or will be in a page that was asked for.
    Skip,
    /// Ask for what comes after this place.
    Ask { after: u64 },
}

/// What one receiver has seen of a conversation, and may see next.
///
/// Live events come without a hole, unless a `head` said that some are left out; then pages bring them.
#[derive(Debug)]
pub(super) struct Follower {
    next: u64,
    last_live: u64,
    /// Up to where pages have to be read before live events count again.
    behind_to: Option<u64>,
}

impl Follower {
    /// Everything up to `head` is history.
    pub(super) fn after(head: u64) -> Self {
        Self {
            next: head + 1,
            last_live: head,
            behind_to: None,
        }
    }

    pub(super) fn live(&mut self, seq: u64) -> Result<Step, Violation> {
        if seq <= self.last_live {
            return Err(Violation::Twice { seq });
        }
        self.last_live = seq;
        if let Some(target) = &mut self.behind_to {
            *target = seq.max(*target);
            return Ok(Step::Skip);
        }
        if seq < self.next {
            // A page brought it while it was on its way.
            return Ok(Step::Skip);
        }
        self.advance(seq)
    }

    pub(super) fn head(&mut self, head: u64) -> Step {
        if head < self.next {
            return Step::Skip;
        }
        if let Some(target) = &mut self.behind_to {
            *target = head.max(*target);
            return Step::Skip;
        }
        self.behind_to = Some(head);
        self.ask()
    }

    /// An event in a page.
    pub(super) fn paged(&mut self, seq: u64) -> Result<Step, Violation> {
        if seq < self.next {
            return Err(Violation::Twice { seq });
        }
        self.advance(seq)
    }

    pub(super) fn page_ends(&mut self) -> Step {
        match self.behind_to {
            Some(target) if self.next <= target => self.ask(),
            _ => {
                self.behind_to = None;
                Step::Skip
            }
        }
    }

    fn ask(&self) -> Step {
        Step::Ask {
            after: self.next - 1,
        }
    }

    fn advance(&mut self, seq: u64) -> Result<Step, Violation> {
        if seq != self.next {
            return Err(Violation::Gap {
                expected: self.next,
                found: seq,
            });
        }
        self.next += 1;
        Ok(Step::New)
    }
}

/// The messages of one conversation that have a place, and who knows of them. Holds only those that
/// somebody has still to hear of.
#[derive(Debug)]
pub(super) struct Ledger {
    receivers: u32,
    /// The place of the first one that is held.
    first: u64,
    entries: VecDeque<Entry>,
    completed: u64,
}

#[derive(Debug)]
struct Entry {
    message: MessageName,
    acked: bool,
    missing: u32,
}

impl Ledger {
    /// For a conversation in which somebody sends from `head` on and `receivers` listen.
    pub(super) fn new(receivers: u32, head: u64) -> Self {
        Self {
            receivers,
            first: head + 1,
            entries: VecDeque::new(),
            completed: 0,
        }
    }

    /// Whether somebody was told what is at this place, now or before.
    pub(super) fn has_come_to(&self, seq: u64) -> bool {
        seq < self.first + self.entries.len() as u64
    }

    /// The sender was told. Whether everybody knows of the message now.
    pub(super) fn acked(&mut self, seq: u64, message: MessageName) -> Result<bool, Violation> {
        let entry = self.entry(seq, message)?;
        if entry.acked {
            return Err(Violation::Twice { seq });
        }
        entry.acked = true;
        Ok(self.settle(seq))
    }

    /// A receiver, which has seen everything before, was told. Whether everybody knows of the message now.
    pub(super) fn delivered(&mut self, seq: u64, message: MessageName) -> Result<bool, Violation> {
        let entry = self.entry(seq, message)?;
        entry.missing = entry
            .missing
            .checked_sub(1)
            .ok_or(Violation::Twice { seq })?;
        Ok(self.settle(seq))
    }

    /// How many messages everybody knows of.
    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    fn entry(&mut self, seq: u64, message: MessageName) -> Result<&mut Entry, Violation> {
        let Some(at) = seq.checked_sub(self.first) else {
            return Err(Violation::Twice { seq });
        };
        let known = self.entries.len() as u64;
        if at > known {
            return Err(Violation::Gap {
                expected: self.first + known,
                found: seq,
            });
        }
        if at == known {
            self.entries.push_back(Entry {
                message,
                acked: false,
                missing: self.receivers,
            });
        }
        let at = usize::try_from(at).expect("an index into what is held");
        let entry = &mut self.entries[at];
        if entry.message == message {
            Ok(entry)
        } else {
            Err(Violation::Differs { seq })
        }
    }

    fn settle(&mut self, seq: u64) -> bool {
        let at = usize::try_from(seq - self.first).expect("an index into what is held");
        let complete = self.entries[at].is_complete();
        if complete {
            self.completed += 1;
        }
        while self.entries.front().is_some_and(Entry::is_complete) {
            self.entries.pop_front();
            self.first += 1;
        }
        complete
    }
}

impl Entry {
    fn is_complete(&self) -> bool {
        self.acked && self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u32) -> MessageName {
        MessageName { sender: 1, number }
    }

    #[test]
    fn a_gap_is_found() {
        let mut follower = Follower::after(2);
        assert_eq!(follower.live(3), Ok(Step::New));
        assert_eq!(
            follower.live(5),
            Err(Violation::Gap {
                expected: 4,
                found: 5
            })
        );
    }

    #[test]
    fn an_event_that_comes_twice_is_found() {
        let mut follower = Follower::after(0);
        assert_eq!(follower.live(1), Ok(Step::New));
        assert_eq!(follower.live(1), Err(Violation::Twice { seq: 1 }));
    }

    #[test]
    fn an_older_event_is_found() {
        let mut follower = Follower::after(7);
        assert_eq!(follower.live(6), Err(Violation::Twice { seq: 6 }));
    }

    #[test]
    fn pages_bring_what_a_head_announced() {
        let mut follower = Follower::after(0);
        assert_eq!(follower.live(1), Ok(Step::New));
        assert_eq!(follower.head(4), Step::Ask { after: 1 });
        assert_eq!(follower.live(5), Ok(Step::Skip));
        for seq in 2..=3 {
            assert_eq!(follower.paged(seq), Ok(Step::New));
        }
        assert_eq!(follower.page_ends(), Step::Ask { after: 3 });
        for seq in 4..=6 {
            assert_eq!(follower.paged(seq), Ok(Step::New));
        }
        assert_eq!(follower.page_ends(), Step::Skip);
        assert_eq!(follower.live(6), Ok(Step::Skip));
        assert_eq!(follower.live(7), Ok(Step::New));
    }

    #[test]
    fn a_page_with_a_hole_or_a_double_is_found() {
        let mut follower = Follower::after(0);
        follower.head(9);
        assert_eq!(follower.paged(1), Ok(Step::New));
        assert_eq!(follower.paged(1), Err(Violation::Twice { seq: 1 }));
        assert_eq!(
            follower.paged(3),
            Err(Violation::Gap {
                expected: 2,
                found: 3
            })
        );
    }

    #[test]
    fn a_message_is_complete_when_everybody_knows_of_it() {
        let mut ledger = Ledger::new(2, 10);
        assert_eq!(ledger.delivered(11, message(0)), Ok(false));
        assert_eq!(ledger.acked(11, message(0)), Ok(false));
        assert_eq!(ledger.acked(12, message(1)), Ok(false));
        assert_eq!(ledger.delivered(11, message(0)), Ok(true));
        assert_eq!(ledger.delivered(12, message(1)), Ok(false));
        assert_eq!(ledger.delivered(12, message(1)), Ok(true));
        assert_eq!(ledger.completed(), 2);
        assert!(ledger.entries.is_empty());
    }

    #[test]
    fn an_ack_and_an_event_that_disagree_are_found() {
        let mut ledger = Ledger::new(1, 0);
        ledger.acked(1, message(0)).unwrap();
        assert_eq!(
            ledger.delivered(1, message(1)),
            Err(Violation::Differs { seq: 1 })
        );
    }

    #[test]
    fn a_double_in_the_ledger_is_found() {
        let mut ledger = Ledger::new(1, 0);
        ledger.acked(1, message(0)).unwrap();
        assert_eq!(
            ledger.acked(1, message(0)),
            Err(Violation::Twice { seq: 1 })
        );
        ledger.delivered(1, message(0)).unwrap();
        assert_eq!(
            ledger.delivered(1, message(0)),
            Err(Violation::Twice { seq: 1 })
        );
        assert_eq!(
            ledger.acked(3, message(2)),
            Err(Violation::Gap {
                expected: 2,
                found: 3
            })
        );
    }
}

//! What must be true of the log of everything, event by event.

use lru::LruCache;
use tidemark_core::{ConversationId, Position, Seq};
use tidemark_store::FeedEvent;

/// How many conversations are remembered; the one without events for the longest time is forgotten first.
const REMEMBERED_MAX: usize = 10_000;

/// A promise that the log breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    /// Positions do not grow.
    #[error("its position is not above the one before it, {before}")]
    Position {
        /// The position before.
        before: u64,
    },
    /// Events are missing.
    #[error("events before it are missing: the last of its conversation was {before}")]
    Hole {
        /// The seq before.
        before: Seq,
    },
    /// A place is taken twice, or the order is wrong.
    #[error("its place was passed before: the last of its conversation was {before}")]
    Repeat {
        /// The seq before.
        before: Seq,
    },
}

/// What was seen so far, as far as it is remembered.
///
/// Of a conversation that is not remembered, the first event that comes is believed: a hole right before it is not
/// found. That is so after a start, and for conversations that were forgotten because 10,000 others had events since.
pub(super) struct Consistency {
    position: Position,
    heads: LruCache<ConversationId, Seq>,
    remembered_max: usize,
}

impl Consistency {
    /// Nothing is remembered of what is at or before `position`.
    pub(super) fn after(position: Position) -> Self {
        Self {
            position,
            heads: LruCache::unbounded(),
            remembered_max: REMEMBERED_MAX,
        }
    }

    /// Looks at the next event of the feed; what it breaks, if anything. What follows is compared with it either way, so that one
    /// hole is told once.
    pub(super) fn look_at(&mut self, entry: &FeedEvent) -> Option<Violation> {
        let (conversation, seq) = (entry.event.conversation, entry.event.seq);
        let previous = self.position;
        self.position = self.position.max(entry.position);
        let before = self.heads.get(&conversation).copied();
        if before.is_none_or(|before| seq > before) {
            self.remember(conversation, seq);
        }
        if entry.position <= previous {
            return Some(Violation::Position { before: previous.0 });
        }
        let before = before?;
        if seq <= before {
            return Some(Violation::Repeat { before });
        }
        (seq.get() != before.get() + 1).then_some(Violation::Hole { before })
    }

    fn remember(&mut self, conversation: ConversationId, seq: Seq) {
        self.heads.put(conversation, seq);
        if self.heads.len() > self.remembered_max {
            self.heads.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemark_core::conversation::{Event, EventBody, MembersChange};
    use tidemark_core::{Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn entry(position: u64, conversation: u128, seq: u64) -> FeedEvent {
        FeedEvent {
            position: Position(position),
            event: Event {
                conversation: ConversationId(Uuid::from_u128(conversation)),
                seq: place(seq),
                at: Timestamp(0),
                body: EventBody::Members(MembersChange::by(UserId::parse("ann").unwrap())),
            },
        }
    }

    fn place(seq: u64) -> Seq {
        Seq::new(seq).unwrap()
    }

    fn found(consistency: &mut Consistency, entries: &[(u64, u128, u64)]) -> Vec<Violation> {
        entries
            .iter()
            .filter_map(|&(position, room, seq)| consistency.look_at(&entry(position, room, seq)))
            .collect()
    }

    #[test]
    fn a_log_that_is_as_promised_has_nothing_to_tell() {
        let mut consistency = Consistency::after(Position(4));
        // Positions that nothing took are no holes, and a conversation may be met in its middle.
        let log = [(5, 1, 7), (9, 2, 1), (10, 1, 8), (17, 2, 2), (18, 1, 9)];
        assert_eq!(found(&mut consistency, &log), []);
    }

    #[test]
    fn a_hole_is_told_once() {
        let mut consistency = Consistency::after(Position(0));
        let log = [(1, 1, 1), (2, 1, 2), (4, 1, 4), (5, 1, 5), (6, 2, 1)];
        let hole = Violation::Hole { before: place(2) };
        assert_eq!(found(&mut consistency, &log), [hole]);
    }

    #[test]
    fn a_place_that_was_passed_is_told() {
        let mut consistency = Consistency::after(Position(0));
        let log = [(1, 1, 1), (2, 1, 2), (3, 1, 2), (4, 1, 1), (5, 1, 3)];
        let repeat = Violation::Repeat { before: place(2) };
        assert_eq!(found(&mut consistency, &log), [repeat, repeat]);
    }

    #[test]
    fn positions_that_do_not_grow_are_told() {
        let mut consistency = Consistency::after(Position(4));
        let log = [(4, 1, 1), (6, 1, 2), (5, 2, 1), (6, 2, 2), (7, 1, 3)];
        let back = |before| Violation::Position { before };
        assert_eq!(found(&mut consistency, &log), [back(4), back(6), back(6)]);
    }

    #[test]
    fn what_was_long_quiet_is_forgotten_first() {
        let mut consistency = Consistency::after(Position(0));
        consistency.remembered_max = 2;
        // 1 has an event after 2, so 3 pushes 2 out.
        let log = [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 3, 1)];
        assert_eq!(found(&mut consistency, &log), []);
        assert_eq!(consistency.heads.len(), 2);
        // Of 2, which is not remembered any more, whatever comes is believed.
        assert_eq!(found(&mut consistency, &[(5, 2, 9)]), []);
        assert_eq!(found(&mut consistency, &[(6, 2, 11)]).len(), 1);
    }
}

//! Puts the events of one conversation in order, whatever way they come.
//!
//! Events come from the commits of this node, from other nodes over the bus, and from the store, where somebody
//! looked for what was missing. Each has its place, and each place is passed on once. What comes before its turn
//! is held, so that sockets get events in order and need not read the store for each that was a moment late;
//! what is missing for too long is read from the store once, for the whole room (`peers::mend`).

use std::collections::BTreeMap;

use tidemark_core::Seq;

/// Events of one conversation that may be held.
const HELD_MAX: usize = 512;
/// Bytes of events of one conversation that may be held.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// The order of one conversation's events.
#[derive(Debug)]
pub(super) struct Order<T> {
    /// The last place that was passed on. Not known as long as nobody has said where to begin.
    passed: Option<Seq>,
    /// What came before its turn, with its size in bytes.
    held: BTreeMap<Seq, (T, usize)>,
    held_bytes: usize,
}

/// What becomes of something that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offered<T> {
    /// It is its turn: pass it on, and then whatever [`Order::next_due`] gives.
    Due(T),
    /// It is held until its turn comes; the first one that is says that something is missing.
    Held {
        /// Whether nothing was held before.
        first: bool,
    },
    /// It is not kept: it was passed on, it is held, or too much is.
    Refused(T),
}

impl<T> Order<T> {
    /// Begins after this place, if it is known.
    pub(super) fn after(passed: Option<Seq>) -> Self {
        Self {
            passed,
            held: BTreeMap::new(),
            held_bytes: 0,
        }
    }

    /// Begins after this place, unless it has begun.
    pub(super) fn begin_after(&mut self, passed: Seq) {
        self.passed.get_or_insert(passed);
    }

    /// The last place that was passed on.
    pub(super) fn passed(&self) -> Option<Seq> {
        self.passed
    }

    /// Whether something is missing before what is held.
    pub(super) fn has_gap(&self) -> bool {
        !self.held.is_empty()
    }

    /// Something came for this place.
    pub(super) fn offer(&mut self, seq: Seq, item: T, bytes: usize) -> Offered<T> {
        let next = self.passed.map_or(seq, Seq::next);
        if seq == next {
            // Who was held for this place came first, and somebody may wait for it.
            let item = self.take_held(seq).unwrap_or(item);
            self.passed = Some(seq);
            return Offered::Due(item);
        }
        let is_full = self.held.len() >= HELD_MAX || self.held_bytes + bytes > HELD_BYTES_MAX;
        if seq < next || self.held.contains_key(&seq) || is_full {
            return Offered::Refused(item);
        }
        let first = self.held.is_empty();
        self.held.insert(seq, (item, bytes));
        self.held_bytes += bytes;
        Offered::Held { first }
    }

    /// What was held and has its turn now.
    pub(super) fn next_due(&mut self) -> Option<T> {
        let next = self.passed?.next();
        let item = self.take_held(next)?;
        self.passed = Some(next);
        Some(item)
    }

    /// Everything that is held, in order; nobody waits for its turn any more.
    pub(super) fn into_held(self) -> impl Iterator<Item = T> {
        self.held.into_values().map(|(item, _)| item)
    }

    fn take_held(&mut self, seq: Seq) -> Option<T> {
        let (item, bytes) = self.held.remove(&seq)?;
        self.held_bytes -= bytes;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// Offers these places, each as itself; what was passed on, in its order.
    fn passed_on(order: &mut Order<u64>, places: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut passed = Vec::new();
        for place in places {
            if let Offered::Due(item) = order.offer(seq(place), place, 1) {
                passed.push(item);
                passed.extend(std::iter::from_fn(|| order.next_due()));
            }
        }
        passed
    }

    #[test]
    fn every_place_is_passed_on_once_and_in_order() {
        let mut order = Order::after(Some(seq(4)));
        let places = [6, 5, 5, 8, 9, 4, 6, 9, 11, 7, 1, 10];
        assert_eq!(passed_on(&mut order, places), (5..=11).collect::<Vec<_>>());
        assert_eq!(order.passed(), Some(seq(11)));
        assert!(!order.has_gap());
    }

    #[test]
    fn the_first_one_that_is_held_says_so() {
        let mut order = Order::after(Some(seq(1)));
        assert_eq!(order.offer(seq(3), 'c', 1), Offered::Held { first: true });
        assert_eq!(order.offer(seq(4), 'd', 1), Offered::Held { first: false });
        assert_eq!(order.offer(seq(4), 'x', 1), Offered::Refused('x'));
        assert!(order.has_gap());
        assert_eq!(order.offer(seq(2), 'b', 1), Offered::Due('b'));
        assert_eq!(order.next_due(), Some('c'));
        assert_eq!(order.next_due(), Some('d'));
        assert_eq!(order.next_due(), None);
        assert_eq!(order.offer(seq(6), 'f', 1), Offered::Held { first: true });
    }

    #[test]
    fn what_is_held_for_a_place_goes_before_what_comes_again() {
        let mut order = Order::after(Some(seq(1)));
        order.offer(seq(3), "ours, with an answer", 1);
        assert_eq!(
            order.offer(seq(2), "from the store", 1),
            Offered::Due("from the store")
        );
        assert_eq!(order.next_due(), Some("ours, with an answer"));
        assert_eq!(
            order.offer(seq(3), "from the store", 1),
            Offered::Refused("from the store")
        );
    }

    #[test]
    fn an_order_without_a_beginning_takes_the_first_that_comes() {
        let mut order = Order::after(None);
        assert_eq!(order.passed(), None);
        assert_eq!(passed_on(&mut order, [7, 6, 8]), [7, 8]);
        order.begin_after(seq(3));
        assert_eq!(order.passed(), Some(seq(8)));
        let mut order = Order::<u64>::after(None);
        order.begin_after(seq(3));
        assert_eq!(passed_on(&mut order, [5, 4]), [4, 5]);
    }

    #[test]
    fn only_so_much_is_held() {
        let mut order = Order::after(Some(seq(0)));
        let most = u64::try_from(HELD_MAX).unwrap();
        for place in 0..most {
            order.offer(seq(place + 2), place, 1);
        }
        assert_eq!(order.offer(seq(most + 2), 0, 1), Offered::Refused(0));
        // Its turn needs no room.
        assert_eq!(passed_on(&mut order, [1]).len(), HELD_MAX + 1);

        let mut order = Order::after(Some(seq(0)));
        assert_eq!(
            order.offer(seq(2), 0, HELD_BYTES_MAX),
            Offered::Held { first: true }
        );
        assert_eq!(order.offer(seq(3), 0, 1), Offered::Refused(0));
        assert_eq!(passed_on(&mut order, [1]).len(), 2);
        assert_eq!(
            order.offer(seq(4), 0, HELD_BYTES_MAX),
            Offered::Held { first: true }
        );
    }

    #[test]
    fn whoever_waits_in_an_order_that_ends_is_told() {
        let mut order = Order::after(Some(seq(0)));
        order.offer(seq(5), 'e', 1);
        order.offer(seq(3), 'c', 1);
        assert_eq!(order.into_held().collect::<String>(), "ce");
    }
}

//! What orders things: `Seq` inside a conversation, `Position` across the whole log. Time orders
//! nothing.

use std::fmt;

/// The place of an event in its conversation: gapless, from 1. Zero stands before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq(u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The largest number that every JSON reader keeps exactly (2^53 − 1, RFC 8259 section 6).
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The place with this number, or nothing above [`Seq::MAX`].
    pub const fn new(number: u64) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place right after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place right before this one; zero stays zero.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// The place of an event in the log of everything, in commit order: growing, with holes allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// A time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

#[cfg(test)]
mod tests {
    use super::Seq;

    #[test]
    fn a_seq_is_what_every_json_reader_keeps_exactly() {
        let most = 9_007_199_254_740_991;
        assert_eq!(Seq::new(most), Some(Seq::MAX));
        assert_eq!(Seq::new(most + 1), None);
        assert_eq!(Seq::new(0), Some(Seq::ZERO));
    }

    #[test]
    fn places_follow_each_other_from_zero() {
        let first = Seq::ZERO.next();
        assert_eq!(first.get(), 1);
        assert_eq!(first.previous(), Seq::ZERO);
        assert_eq!(Seq::ZERO.previous(), Seq::ZERO);
        assert!(Seq::ZERO < first && first < first.next());
    }
}

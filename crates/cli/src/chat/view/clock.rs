//! Times as people read them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Moment, Zoned};
use tidemark_core::Timestamp;

/// Where the person is, as far as times are concerned.
#[derive(Clone, Debug)]
pub(in crate::chat) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// As this machine is set; UTC if it does not say.
    pub(in crate::chat) fn of_machine() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    #[cfg(test)]
    pub(in crate::chat) fn utc() -> Self {
        Self {
            zone: TimeZone::UTC,
        }
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        let moment = Moment::from_millisecond(at.0).unwrap_or(Moment::UNIX_EPOCH);
        moment.to_zoned(self.zone.clone())
    }

    pub(super) fn day(&self, at: Timestamp) -> Date {
        self.zoned(at).date()
    }

    pub(super) fn day_in_words(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%A %-d %B %Y").to_string()
    }

    pub(super) fn hour(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_people_do() {
        let clock = Clock::utc();
        let at = Timestamp(1_764_089_700_000);
        assert_eq!(clock.hour(at), "16:55");
        assert_eq!(clock.day_in_words(at), "Tuesday 25 November 2025");
        let there = Clock {
            zone: TimeZone::fixed(jiff::tz::offset(9)),
        };
        assert_eq!(there.hour(at), "01:55");
        assert_ne!(there.day(at), clock.day(at));
    }

    #[test]
    fn a_time_beyond_the_calendar_does_no_harm() {
        let clock = Clock::utc();
        assert_eq!(clock.hour(Timestamp(i64::MAX)), "00:00");
        assert_eq!(clock.hour(Timestamp(i64::MIN)), "00:00");
    }
}

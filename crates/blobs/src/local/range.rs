//! Which part of a blob a request is for (RFC 9110, 14).

/// What to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it: nothing else was asked for, or in a way that is not understood.
    Whole,
    /// The bytes from the first to the last, both included.
    Range { first: u64, last: u64 },
    /// Nothing of what was asked for is there.
    Unsatisfiable,
}

/// What to answer to the header `Range` with this value, for a blob of this size.
///
/// One range is understood. Several are answered with the whole, as they may be: a client that asks for many small
/// ones shall not make many reads and a long answer.
pub(super) fn answer(range: &str, size: u64) -> Answer {
    let Some((unit, range)) = range.split_once('=') else {
        return Answer::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Answer::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Answer::Whole;
    }
    match (number(first), number(last)) {
        (Number::Missing, Number::Is(0)) => Answer::Unsatisfiable,
        (Number::Missing, Number::Is(_)) if size == 0 => Answer::Unsatisfiable,
        (Number::Missing, Number::Is(count)) => Answer::Range {
            first: size.saturating_sub(count),
            last: size - 1,
        },
        (Number::Is(first), Number::Is(last)) if first > last => Answer::Whole,
        (Number::Is(first), Number::Is(_) | Number::Missing) if first >= size => {
            Answer::Unsatisfiable
        }
        (Number::Is(first), Number::Missing) => Answer::Range {
            first,
            last: size - 1,
        },
        (Number::Is(first), Number::Is(last)) => Answer::Range {
            first,
            last: last.min(size - 1),
        },
        _ => Answer::Whole,
    }
}

/// A place in a range. What is larger than any blob is as good as the largest.
enum Number {
    Missing,
    Is(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        Number::Missing
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Number::Is(text.parse().unwrap_or(u64::MAX))
    } else {
        Number::Wrong
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Answer, answer};

    fn range(first: u64, last: u64) -> Answer {
        Answer::Range { first, last }
    }

    #[test]
    fn ranges_are_answered_as_the_standard_says() {
        for (asked, size, expected) in [
            ("bytes=0-0", 10, range(0, 0)),
            ("bytes=2-5", 10, range(2, 5)),
            ("Bytes = 2-5", 10, range(2, 5)),
            ("bytes=7-", 10, range(7, 9)),
            ("bytes=5-99", 10, range(5, 9)),
            ("bytes=0-99999999999999999999999", 10, range(0, 9)),
            ("bytes=-3", 10, range(7, 9)),
            ("bytes=-99", 10, range(0, 9)),
            ("bytes=10-", 10, Answer::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Answer::Unsatisfiable),
            ("bytes=-0", 10, Answer::Unsatisfiable),
            ("bytes=0-", 0, Answer::Unsatisfiable),
            ("bytes=-1", 0, Answer::Unsatisfiable),
            ("bytes=5-2", 10, Answer::Whole),
            ("bytes=0-1,3-4", 10, Answer::Whole),
            ("bytes=a-b", 10, Answer::Whole),
            ("bytes=+1-2", 10, Answer::Whole),
            ("bytes=-", 10, Answer::Whole),
            ("bytes=", 10, Answer::Whole),
            ("lines=0-1", 10, Answer::Whole),
            ("", 10, Answer::Whole),
        ] {
            assert_eq!(answer(asked, size), expected, "{asked} of {size}");
        }
    }

    proptest! {
        #[test]
        fn no_range_leaves_the_blob(asked in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}|.*", size in 0_u64..) {
            if let Answer::Range { first, last } = answer(&asked, size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn a_range_that_is_there_is_given_as_asked(size in 1_u64.., places in any::<[u64; 2]>()) {
            let [one, other] = places.map(|place| place % size);
            let (first, last) = (one.min(other), one.max(other));
            prop_assert_eq!(answer(&format!("bytes={first}-{last}"), size), range(first, last));
            prop_assert_eq!(answer(&format!("bytes={first}-"), size), range(first, size - 1));
            prop_assert_eq!(answer(&format!("bytes=-{}", size - first), size), range(first, size - 1));
        }
    }
}

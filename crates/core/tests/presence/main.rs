//! Presence and typing as functions of time.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tidemark_core::presence::{Attendance, NodeReport, Presence, Reports, SETTLE_MS, Status};
use tidemark_core::typing::{NEWS_AFTER_MS, Typists};
use tidemark_core::{Timestamp, UserId};

const LINGER_MS: u64 = 10_000;
const VALID_MS: u64 = 25_000;

fn status() -> impl Strategy<Value = Status> {
    select(vec![Status::Offline, Status::Away, Status::Online])
}

/// The wall clock, which need not agree with the other one.
fn wall(now_ms: u64) -> Timestamp {
    Timestamp(1_750_000_000_000 + i64::try_from(now_ms).unwrap())
}

fn gone(since_ms: u64) -> Presence {
    Presence {
        status: Status::Offline,
        last_seen: Some(wall(since_ms)),
    }
}

#[derive(Default)]
struct Somebody(Attendance);

impl Somebody {
    fn says(&mut self, now_ms: u64, devices: Status) {
        self.0.observe(now_ms, wall(now_ms), devices, LINGER_MS);
    }

    fn shown(&self, now_ms: u64) -> Status {
        self.0.presence(now_ms).status
    }
}

#[test]
fn one_device_that_is_there_is_enough() {
    use Status::{Away, Offline, Online};
    assert_eq!(Status::of_devices([]), Offline);
    assert_eq!(Status::of_devices([Away, Away]), Away);
    assert_eq!(Status::of_devices([Away, Online, Away]), Online);
}

#[test]
fn whoever_is_gone_for_a_moment_is_not_shown_to_be_gone() {
    let mut ann = Somebody::default();
    assert_eq!(ann.0.presence(0), Presence::default());
    ann.says(0, Status::Online);
    ann.says(1_000, Status::Offline);
    assert_eq!(ann.shown(10_999), Status::Online);
    assert_eq!(ann.0.next_change(1_000), Some(11_000));
    ann.says(10_999, Status::Online);
    assert_eq!(ann.shown(11_000), Status::Online);
    assert_eq!(ann.0.next_change(11_000), None);
    ann.says(20_000, Status::Offline);
    assert_eq!(ann.0.presence(29_999), Presence::of(Status::Online));
    assert_eq!(ann.0.presence(30_000), gone(20_000));
    ann.says(40_000, Status::Away);
    assert_eq!(ann.0.presence(40_000), Presence::of(Status::Away));
}

#[test]
fn whoever_comes_back_has_a_moment_to_say_that_they_are_still_away() {
    let mut ann = Somebody::default();
    ann.says(0, Status::Away);
    ann.says(1_000, Status::Offline);
    ann.says(2_000, Status::Online);
    assert_eq!(ann.shown(2_000), Status::Away);
    assert_eq!(ann.shown(2_000 + SETTLE_MS), Status::Online);
    ann.says(2_100, Status::Away);
    assert_eq!(ann.shown(2_000 + SETTLE_MS), Status::Away);
    // And whoever says that they are there is there at once.
    ann.says(5_000, Status::Offline);
    ann.says(6_000, Status::Online);
    ann.says(6_001, Status::Online);
    assert_eq!(ann.shown(6_001), Status::Online);
}

#[test]
fn a_node_that_falls_silent_is_believed_for_a_while() {
    let mut reports = Reports::default();
    assert_eq!(reports.presence(), Presence::default());
    reports.hear(0, wall(0), 'a', open(Presence::of(Status::Away)), VALID_MS);
    reports.hear(
        100,
        wall(100),
        'b',
        open(Presence::of(Status::Online)),
        VALID_MS,
    );
    assert_eq!(reports.presence(), Presence::of(Status::Online));
    reports.hear(
        10_000,
        wall(10_000),
        'a',
        open(Presence::of(Status::Away)),
        VALID_MS,
    );
    assert!(!reports.expire(25_099));
    assert!(reports.expire(25_100));
    assert_eq!(reports.presence(), Presence::of(Status::Away));
    assert!(reports.expire(35_000));
    // Nobody said when they went.
    assert_eq!(reports.presence(), gone(10_000));
    reports.hear(36_000, wall(36_000), 'b', open(gone(12_000)), VALID_MS);
    assert_eq!(reports.presence(), gone(12_000));
}

/// What a node says of somebody who hides nothing.
fn open(presence: Presence) -> NodeReport {
    NodeReport::new(presence, false)
}

#[test]
fn a_node_keeps_back_what_is_hidden() {
    let hidden = NodeReport::new(gone(5), true);
    assert_eq!(hidden.presence, Presence::of(Status::Offline));
    assert_eq!(open(gone(5)).presence, gone(5));
}

#[test]
fn of_whoever_hides_it_a_silent_node_tells_no_last_time() {
    let mut reports = Reports::default();
    let there = Presence::of(Status::Online);
    reports.hear(0, wall(0), 'a', NodeReport::new(there, true), VALID_MS);
    assert_eq!(reports.presence(), there);
    assert!(reports.expire(VALID_MS));
    assert_eq!(reports.presence(), Presence::of(Status::Offline));
    // What was known before is forgotten when somebody says that it is hidden, also if they are there no more.
    for hidden in [there, gone(60_000)] {
        reports.hear(50_000, wall(50_000), 'b', open(gone(40_000)), VALID_MS);
        assert_eq!(reports.presence(), gone(40_000));
        reports.hear(
            60_000,
            wall(60_000),
            'a',
            NodeReport::new(hidden, true),
            VALID_MS,
        );
        reports.expire(60_000 + VALID_MS);
        assert_eq!(reports.presence(), Presence::of(Status::Offline));
    }
}

#[test]
fn typing_again_soon_is_no_news_unless_something_was_sent() {
    let [ann, bob] = ["ann", "bob"].map(|id| UserId::parse(id).unwrap());
    let mut typists = Typists::default();
    assert!(typists.begin(0, &ann));
    assert!(typists.begin(1, &bob));
    assert!(!typists.begin(NEWS_AFTER_MS - 1, &ann));
    assert!(typists.begin(NEWS_AFTER_MS, &ann));
    typists.end(&ann);
    assert!(typists.begin(NEWS_AFTER_MS + 1, &ann));
    assert!(!typists.begin(NEWS_AFTER_MS + 2, &ann));
}

proptest! {
    /// However somebody flaps: offline is only shown to follow as much silence as it must, and never while a
    /// device is there; a last time is only shown with it.
    #[test]
    fn offline_is_shown_after_a_whole_lingering_without_devices(
        steps in vec((0_u64..15_000, status()), 1..40),
    ) {
        let mut ann = Somebody::default();
        let mut now_ms = 0;
        let mut without_since = None;
        for (pause_ms, devices) in steps {
            for at_ms in [now_ms, now_ms + pause_ms / 2, now_ms + pause_ms] {
                let shown = ann.0.presence(at_ms);
                if let Some(since_ms) = without_since {
                    let is_over = at_ms >= since_ms + LINGER_MS;
                    prop_assert_eq!(shown.status == Status::Offline, is_over);
                    prop_assert_eq!(shown.last_seen, is_over.then(|| wall(since_ms)));
                } else if ann.0.has_devices() {
                    prop_assert_ne!(shown.status, Status::Offline);
                    prop_assert_eq!(shown.last_seen, None);
                }
            }
            now_ms += pause_ms;
            let was_there = ann.0.has_devices();
            ann.says(now_ms, devices);
            if devices != Status::Offline {
                without_since = None;
            } else if was_there {
                without_since = Some(now_ms);
            }
        }
    }

    /// What is shown changes only when something happens or at the time that was foretold.
    #[test]
    fn changes_by_time_alone_are_foretold(
        steps in vec((1_u64..15_000, status()), 1..20),
    ) {
        let mut ann = Somebody::default();
        let mut now_ms = 0;
        for (pause_ms, devices) in steps {
            ann.says(now_ms, devices);
            let until_ms = ann.0.next_change(now_ms).unwrap_or(u64::MAX);
            for at_ms in (now_ms..now_ms + 40_000).step_by(500).filter(|at_ms| *at_ms < until_ms) {
                prop_assert_eq!(ann.0.presence(at_ms), ann.0.presence(now_ms));
            }
            now_ms += pause_ms;
        }
    }

    /// Reports in any order join to what is greatest among those that hold.
    #[test]
    fn reports_join_to_the_greatest_that_holds(
        heard in vec((0_u64..60_000, 0_u8..4, status()), 1..40),
    ) {
        let mut heard = heard;
        heard.sort_by_key(|(at_ms, ..)| *at_ms);
        let mut reports = Reports::default();
        for (at_ms, from, status) in &heard {
            let presence = match status {
                Status::Offline => gone(*at_ms),
                there => Presence::of(*there),
            };
            reports.hear(*at_ms, wall(*at_ms), *from, open(presence), VALID_MS);
        }
        let end_ms = heard.last().unwrap().0;
        for now_ms in [end_ms, end_ms + 10_000, end_ms + VALID_MS] {
            reports.expire(now_ms);
            let last_of = |node: u8| heard.iter().rev().find(|(_, from, _)| *from == node);
            let holding = (0..4).filter_map(last_of).filter(|(at_ms, ..)| now_ms < at_ms + VALID_MS);
            let expected = Status::of_devices(holding.map(|(.., status)| *status));
            prop_assert_eq!(reports.presence().status, expected);
            prop_assert_eq!(reports.presence().last_seen.is_some(), expected == Status::Offline);
        }
    }
}

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::Quota;
use tidemark_core::UserId;

use super::rate::Rate;
use super::{LoginLimiter, SendLimiter, SignalLimiter};
use crate::config::{Config, LimitsConfig};

fn limits(change: impl FnOnce(&mut LimitsConfig)) -> LimitsConfig {
    let mut limits = Config::default().limits;
    change(&mut limits);
    limits
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

#[test]
fn a_user_may_send_a_burst_and_then_hears_how_long_to_wait() {
    let limiter = SendLimiter::new(&limits(|limits| {
        limits.sends_per_second = 1;
        limits.sends_burst = 3;
    }));
    for _ in 0..3 {
        limiter.check(&user("ann")).unwrap();
    }
    let wait = limiter.check(&user("ann")).unwrap_err();
    assert!((1..=1000).contains(&wait), "{wait}");
    limiter.check(&user("bob")).unwrap();
}

#[test]
fn a_signal_that_names_many_users_counts_for_several() {
    let limiter = |rate| SignalLimiter::new(&limits(|limits| limits.signals_per_second = rate));
    let passing = |limiter: &SignalLimiter, users| {
        (0..1_000)
            .take_while(|_| limiter.check(users).is_ok())
            .count()
    };
    assert_eq!(passing(&limiter(1), 0), 10);
    assert_eq!(passing(&limiter(1), 24), 10);
    assert_eq!(passing(&limiter(1), 100), 2);
    let heavy = limiter(1);
    assert_eq!(passing(&heavy, 100_000), 1, "with all there is");
    let wait = heavy.check(0).unwrap_err();
    assert!((1..=1_000).contains(&wait), "{wait}");
    assert_eq!(passing(&limiter(0), 500), 1_000);
}

#[test]
fn a_rate_of_zero_is_no_limit() {
    let limits = limits(|limits| {
        limits.sends_per_second = 0;
        limits.logins_per_minute = 0;
    });
    let (sends, logins) = (SendLimiter::new(&limits), LoginLimiter::new(&limits));
    for _ in 0..1000 {
        sends.check(&user("ann")).unwrap();
        logins.check(IpAddr::from([127, 0, 0, 1])).unwrap();
    }
}

#[test]
fn an_ipv6_customer_counts_as_one_address() {
    let limiter = LoginLimiter::new(&limits(|limits| limits.logins_per_minute = 1));
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    limiter.check(address("2001:db8::1")).unwrap();
    limiter.check(address("2001:db8::ffff:1")).unwrap_err();
    limiter.check(address("2001:db8:0:1::1")).unwrap();
    limiter.check(address("192.0.2.1")).unwrap();
    limiter.check(address("::ffff:192.0.2.1")).unwrap_err();
}

#[test]
fn keys_that_rest_are_dropped() {
    let fast = NonZeroU32::new(1_000_000).unwrap();
    let rate = Rate::<u32>::new(Some(Quota::per_second(fast)));
    for key in 0..300_000 {
        rate.check(&key).unwrap();
    }
    assert!(rate.keys() < 200_000, "{} keys are kept", rate.keys());
}

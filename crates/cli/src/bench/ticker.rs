//! Waits until a point in time, to within some microseconds.
//!
//! Timers of tokio have a resolution of a millisecond, which is longer than the latencies that an open
//! loop measures from the time at which each message was due.

use std::io;
use std::time::Instant;

#[cfg(target_os = "linux")]
pub(super) use precise::Ticker;

#[cfg(not(target_os = "linux"))]
pub(super) use coarse::Ticker;

#[cfg(target_os = "linux")]
mod precise {
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use super::{Instant, io};

    /// A timer of the kernel.
    pub(in crate::bench) struct Ticker {
        timer: AsyncFd<OwnedFd>,
        armed_for: Option<Instant>,
    }

    impl Ticker {
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, because a foreign type may lie about its descriptor; OwnedFd does not"
        )]
        pub(in crate::bench) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self {
                timer: AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?,
                armed_for: None,
            })
        }

        /// Waits until `due`. Cancel safe: it can be asked again, for this or another time.
        pub(in crate::bench) async fn until(&mut self, due: Instant) -> io::Result<()> {
            loop {
                let now = Instant::now();
                if due <= now {
                    return Ok(());
                }
                if self.armed_for != Some(due) {
                    self.arm(due, now)?;
                }
                let mut ready = self.timer.readable().await?;
                // Reading takes the expiration away; how many there were does not matter.
                let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut [0; 8])?));
                if let Ok(read) = read {
                    read?;
                    self.armed_for = None;
                }
            }
        }

        fn arm(&mut self, due: Instant, now: Instant) -> io::Result<()> {
            let wait = due - now;
            let seconds = i64::try_from(wait.as_secs()).map_err(io::Error::other)?;
            let value = Timespec {
                tv_sec: seconds,
                tv_nsec: wait.subsec_nanos().into(),
            };
            let once = Itimerspec {
                it_interval: Timespec::default(),
                it_value: value,
            };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            self.armed_for = Some(due);
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod coarse {
    use super::{Instant, io};

    /// A timer of the runtime, which is the best there is here.
    pub(in crate::bench) struct Ticker;

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the precise one can fail and has a state"
    )]
    impl Ticker {
        pub(in crate::bench) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits until `due`.
        pub(in crate::bench) async fn until(&mut self, due: Instant) -> io::Result<()> {
            tokio::time::sleep_until(due.into()).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_never_wakes_early_and_can_be_asked_again() {
        let mut ticker = Ticker::new().unwrap();
        let due = Instant::now() + Duration::from_millis(20);
        let early = tokio::time::timeout(Duration::from_millis(1), ticker.until(due)).await;
        assert!(early.is_err());
        ticker.until(due).await.unwrap();
        assert!(Instant::now() >= due);
        ticker.until(due).await.unwrap();
    }
}

//! One lane for all bytes that go to the disk, which gives way to what people wait for.
//!
//! A drive has one queue, and whoever flushes waits for all that is in it. Left to the page cache, bytes of files
//! gather in memory until the kernel writes a second's worth of them at once, and whatever is flushed meanwhile, a message
//! for example, takes that second. So bytes are written a little at a time, each little bit is on the disk before the next one, and
//! none begins while something more urgent is being flushed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{MutexGuard, Notify, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use crate::BlobError;
use crate::off_runtime::off_runtime;

/// How much is written and flushed at once: what something urgent may have to wait for.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// How long bytes wait for something urgent to pass, so that they get somewhere even if it never ends.
const PATIENCE: Duration = Duration::from_millis(20);
/// For how long after something urgent more of it is expected.
const LULL: Duration = Duration::from_secs(1);

/// How many copy at the same time.
const COPIES_MAX: usize = 4;

/// What bytes of files give way to, where both go to the same disk. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct RightOfWay(Arc<Urgent>);

#[derive(Debug, Default)]
struct Urgent {
    under_way: AtomicUsize,
    /// Nothing is under way any more.
    passed: Notify,
    /// When that was, the last time.
    last: Mutex<Option<Instant>>,
}

/// What bytes of files give way to, and how far.
#[derive(Clone, Debug)]
pub struct Yielding {
    /// What goes before them.
    pub to: RightOfWay,
    /// The most that they take from the disk in a second as long as something does.
    pub bytes_per_second: NonZeroU64,
}

impl Default for Yielding {
    /// To nothing.
    fn default() -> Self {
        Self {
            to: RightOfWay::default(),
            bytes_per_second: NonZeroU64::MAX,
        }
    }
}

/// Something urgent is under way as long as this is held.
#[derive(Debug)]
#[must_use = "it is over when this is dropped"]
pub struct UnderWay(Arc<Urgent>);

impl RightOfWay {
    /// From now on something urgent is under way.
    pub fn take(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(&self.0))
    }

    /// Waits until nothing is under way.
    async fn passed(&self) {
        loop {
            let passed = self.0.passed.notified();
            if self.0.under_way.load(Ordering::Acquire) == 0 {
                return;
            }
            passed.await;
        }
    }

    /// Whether something is, or was a moment ago.
    fn is_used(&self) -> bool {
        self.0.under_way.load(Ordering::Acquire) > 0
            || self.0.last.lock().is_some_and(|last| last.elapsed() < LULL)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.0.last.lock() = Some(Instant::now());
            self.0.passed.notify_waiters();
        }
    }
}

/// Lets one write after the other to the disk.
#[derive(Debug)]
pub(super) struct Lane {
    right_of_way: RightOfWay,
    /// The time that a chunk is given while something urgent is about.
    chunk_time: Duration,
    /// When the next chunk may be written, then. Whoever holds it writes.
    turn: tokio::sync::Mutex<Option<Instant>>,
    /// Who copies.
    copying: Semaphore,
}

impl Lane {
    pub(super) fn new(yielding: Yielding) -> Self {
        let chunk_time = CHUNK_BYTES as f64 / yielding.bytes_per_second.get() as f64;
        Self {
            right_of_way: yielding.to,
            chunk_time: Duration::from_secs_f64(chunk_time),
            turn: tokio::sync::Mutex::default(),
            copying: Semaphore::new(COPIES_MAX),
        }
    }

    /// Waits for the turn, which lasts as long as the answer is held.
    async fn turn(&self) -> MutexGuard<'_, Option<Instant>> {
        let mut next = self.turn.lock().await;
        if self.right_of_way.is_used() {
            if let Some(next) = *next {
                sleep_until(next).await;
            }
            // Whether it passed or not: bytes get somewhere.
            let _ = timeout(PATIENCE, self.right_of_way.passed()).await;
        }
        *next = Some(Instant::now() + self.chunk_time);
        next
    }

    /// Writes a chunk to the end of a file. It is on the disk afterwards.
    pub(super) async fn write(&self, file: &File, chunk: Bytes) -> Result<(), BlobError> {
        let mut file = file.try_clone()?;
        let _turn = self.turn().await;
        off_runtime(move || Ok(write_through(&mut file, &chunk)?)).await
    }

    /// Does what [copies](Self::copy), on a thread that may wait. A few at a time: whoever has the turn needs a
    /// thread, too.
    pub(super) async fn copying<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let permit = self.copying.acquire().await;
        let _permit = permit.map_err(|error| BlobError::Unavailable(error.to_string()))?;
        off_runtime(work).await
    }

    /// Copies what is left of a file to where another one stands. It is on the disk afterwards. Waits for that.
    pub(super) fn copy(&self, from: &mut File, to: &mut File) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = read_full(from, &mut chunk)?;
            if length == 0 {
                return Ok(());
            }
            let _turn = Handle::current().block_on(self.turn());
            write_through(to, &chunk[..length])?;
        }
    }
}

fn write_through(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}

/// Reads until the buffer is full or the file is at its end.
fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB_PER_SECOND: NonZeroU64 = NonZeroU64::new(1024 * 1024).expect("it is not 0");

    fn lane(right_of_way: &RightOfWay) -> Lane {
        Lane::new(Yielding {
            to: right_of_way.clone(),
            bytes_per_second: MIB_PER_SECOND,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_while_nothing_is_urgent() {
        let lane = lane(&RightOfWay::default());
        let began = Instant::now();
        for _ in 0..100 {
            drop(lane.turn().await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_wait_until_what_is_urgent_has_passed() {
        let right_of_way = RightOfWay::default();
        let lane = Arc::new(lane(&right_of_way));
        let urgent = right_of_way.take();
        let began = Instant::now();
        let turn = tokio::spawn(async move {
            drop(lane.turn().await);
            began.elapsed()
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(urgent);
        let waited = turn.await.expect("it does not panic");
        assert_eq!(waited, Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_urgent_without_end_does_not_stop_bytes() {
        let right_of_way = RightOfWay::default();
        let lane = lane(&right_of_way);
        let _urgent = right_of_way.take();
        let began = Instant::now();
        drop(lane.turn().await);
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_keep_to_their_rate_until_nothing_was_urgent_for_a_while() {
        let right_of_way = RightOfWay::default();
        let lane = lane(&right_of_way);
        drop(right_of_way.take());
        let began = Instant::now();
        // The first one may be written at once, and each further one a quarter of a second later.
        for _ in 0..4 {
            drop(lane.turn().await);
        }
        assert_eq!(began.elapsed(), Duration::from_millis(750));
        tokio::time::sleep(Duration::from_millis(250)).await;
        let later = Instant::now();
        for _ in 0..4 {
            drop(lane.turn().await);
        }
        assert_eq!(later.elapsed(), Duration::ZERO);
    }
}

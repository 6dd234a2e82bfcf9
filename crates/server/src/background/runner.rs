//! One runner for a job in all nodes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tidemark_core::Position;
use tidemark_store::{Acquired, LeaseError, LeaseToken, Leases};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How often progress is kept, if there is any: what is done again after a crash, at most.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait before asking a store again that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// How long after the end of another's lease to ask for it.
const AFTER_END: Duration = Duration::from_millis(10);

/// Work that one at a time may do.
pub(crate) trait Job: Send {
    /// Works from where the last one came to, and tells how far it is done. Never returns; dropped at any
    /// point when the lease is lost or the server stops.
    fn work(&mut self, from: Position, progress: &Progress) -> impl Future<Output = ()> + Send;

    /// It does not work any more.
    fn stopped(&mut self);
}

/// How far a job has come.
pub(crate) struct Progress(AtomicU64);

impl Progress {
    fn from(position: Position) -> Self {
        Self(AtomicU64::new(position.0))
    }

    /// All up to here is done. It is kept soon.
    pub(crate) fn reach(&self, position: Position) {
        self.0.fetch_max(position.0, Ordering::Relaxed);
    }

    fn reached(&self) -> Position {
        Position(self.0.load(Ordering::Relaxed))
    }
}

/// Holds the lease with the name of a job while the job works.
pub(super) struct Runner<S> {
    pub(super) store: Arc<S>,
    /// What is done; also the name of the lease.
    pub(super) name: &'static str,
    /// Who does it: nobody else, and nobody before, has this name.
    pub(super) holder: String,
    /// After how long without a sign of life another node takes over.
    pub(super) lease: Duration,
    /// 1 while the job works here.
    pub(super) active: Gauge,
}

/// A lease that was granted.
struct Grant {
    token: LeaseToken,
    position: Position,
    /// Before the store was asked: the lease lasts at least from here on.
    asked: Instant,
}

impl<S: Leases> Runner<S> {
    /// Lets `job` work whenever the lease is here, until `stop` resolves; then gives the lease back.
    pub(super) async fn run(&self, job: &mut impl Job, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let grant = tokio::select! {
                biased;
                () = &mut stop => return,
                grant = self.acquire() => grant,
            };
            let progress = Progress::from(grant.position);
            let (name, token) = (self.name, grant.token.0);
            tracing::info!(name, token, position = grant.position.0, "running here");
            self.active.set(1);
            let is_stopping = tokio::select! {
                biased;
                () = &mut stop => true,
                () = self.tend(&grant, &progress) => false,
                () = job.work(grant.position, &progress) => false,
            };
            job.stopped();
            self.active.set(0);
            if is_stopping {
                return self.give_back(&grant, &progress).await;
            }
            tracing::warn!(name, token, "not running here any more: the lease is lost");
        }
    }

    /// Waits until nobody else has the lease.
    async fn acquire(&self) -> Grant {
        loop {
            let asked = Instant::now();
            let acquired = self
                .store
                .acquire_lease(self.name, &self.holder, self.lease)
                .await;
            match acquired {
                Ok(Acquired::Granted { token, position }) => {
                    return Grant {
                        token,
                        position,
                        asked,
                    };
                }
                // It may be given back before its end.
                Ok(Acquired::Held { remaining, .. }) => {
                    sleep(remaining.min(self.lease / 3) + AFTER_END).await;
                }
                Err(_) => sleep(STORE_RETRY).await,
            }
        }
    }

    /// Renews the lease at a third of its time, and keeps progress. Returns when the lease is lost, or may be.
    async fn tend(&self, grant: &Grant, progress: &Progress) {
        let renew_after = self.lease / 3;
        let beat = KEEP_INTERVAL.min(renew_after);
        let (mut renewed, mut kept) = (grant.asked, grant.position);
        loop {
            let until = renewed + self.lease;
            sleep_until((Instant::now() + beat).min(until)).await;
            if Instant::now() >= until {
                return;
            }
            let reached = progress.reached();
            if reached > kept {
                let advance = self.store.advance(self.name, grant.token, reached);
                match timeout_at(until, advance).await {
                    Ok(Ok(())) => kept = reached,
                    Ok(Err(LeaseError::Unavailable)) => {}
                    Ok(Err(LeaseError::Lost)) | Err(_) => return,
                }
            }
            if renewed.elapsed() >= renew_after {
                let asked = Instant::now();
                let renew = self.store.renew_lease(self.name, grant.token, self.lease);
                match timeout_at(until, renew).await {
                    Ok(Ok(())) => renewed = asked,
                    Ok(Err(LeaseError::Unavailable)) => {}
                    Ok(Err(LeaseError::Lost)) | Err(_) => return,
                }
            }
        }
    }

    /// Lets another node go on at once, from here.
    async fn give_back(&self, grant: &Grant, progress: &Progress) {
        let reached = progress.reached();
        // Should either not work, the next one waits for the end of the lease, or does a little again.
        if reached > grant.position {
            let _ = self.store.advance(self.name, grant.token, reached).await;
        }
        let _ = self.store.release_lease(self.name, grant.token).await;
    }
}

#[cfg(test)]
mod tests;

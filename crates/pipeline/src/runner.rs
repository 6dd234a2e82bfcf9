//! One runner for a job in all nodes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tidemark_store::{Acquired, LeaseError, Leases};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{Progress, Turn};

/// How long to wait before asking a store again that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(500);
/// How long after the end of another's lease to ask for it.
const AFTER_END: Duration = Duration::from_millis(10);

/// Work that one at a time may do: a [consumer](crate::Consumer), or anything else that is there once.
pub trait Job: Send {
    /// Works from where the last one came to, and tells how far it is done. Returns when it has found out that the
    /// lease is lost, which is not its business to look for; dropped at any point when that is so, or the server stops.
    fn work(&mut self, turn: Turn, progress: &Progress) -> impl Future<Output = ()> + Send;

    /// It does not work any more.
    fn stopped(&mut self);
}

/// Holds the lease with the name of a job while the job works.
pub(crate) struct Runner<S> {
    pub(crate) store: Arc<S>,
    /// What is done; also the name of the lease.
    pub(crate) name: String,
    /// Who does it: nobody else, and nobody before, has this name.
    pub(crate) holder: String,
    /// After how long without a sign of life another node takes over.
    pub(crate) lease: Duration,
    /// How often progress is kept, if there is any: what is done again after a crash, at most.
    pub(crate) keep: Duration,
    /// 1 while the job works here.
    pub(crate) active: Gauge,
}

/// A lease that was granted.
struct Grant {
    turn: Turn,
    /// Before the store was asked: the lease lasts at least from here on.
    asked: Instant,
}

impl<S: Leases> Runner<S> {
    /// Lets `job` work whenever the lease is here, until `stop` resolves; then gives the lease back.
    pub(crate) async fn run(&self, job: &mut impl Job, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let grant = tokio::select! {
                biased;
                () = &mut stop => return,
                grant = self.acquire() => grant,
            };
            let progress = Progress::from(grant.turn.position);
            let (name, token) = (&*self.name, grant.turn.token.0);
            tracing::info!(
                name,
                token,
                position = grant.turn.position.0,
                "running here"
            );
            self.active.set(1);
            let is_stopping = tokio::select! {
                biased;
                () = &mut stop => true,
                () = self.tend(&grant, &progress) => false,
                () = job.work(grant.turn, &progress) => false,
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
                .acquire_lease(&self.name, &self.holder, self.lease)
                .await;
            match acquired {
                Ok(Acquired::Granted { token, position }) => {
                    let turn = Turn { position, token };
                    return Grant { turn, asked };
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
        let beat = self.keep.min(renew_after);
        let (mut renewed, mut kept) = (grant.asked, (0, grant.turn.position));
        let token = grant.turn.token;
        loop {
            let until = renewed + self.lease;
            sleep_until((Instant::now() + beat).min(until)).await;
            if Instant::now() >= until {
                return;
            }
            let mark = progress.mark();
            if mark != kept {
                let advance = self.store.advance(&self.name, token, mark.1);
                match timeout_at(until, advance).await {
                    Ok(Ok(())) => kept = mark,
                    Ok(Err(LeaseError::Unavailable)) => {}
                    Ok(Err(LeaseError::Lost)) | Err(_) => return,
                }
            }
            if renewed.elapsed() >= renew_after {
                let asked = Instant::now();
                let renew = self.store.renew_lease(&self.name, token, self.lease);
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
        let mark = progress.mark();
        let Turn { position, token } = grant.turn;
        // Should either not work, the next one waits for the end of the lease, or does a little again.
        if mark != (0, position) {
            let _ = self.store.advance(&self.name, token, mark.1).await;
        }
        let _ = self.store.release_lease(&self.name, token).await;
    }
}

#[cfg(test)]
mod tests;

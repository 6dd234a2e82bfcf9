//! Continuous proof: reads the log of everything in commit order and looks whether it is what is promised.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::Position;
use tidemark_store::{FeedEvent, PageLimits, Store};
use tokio::time::{sleep, timeout};

use super::consistency::Consistency;
use super::runner::{Job, Progress};
use crate::clock::Clock;
use crate::config::AuditConfig;
use crate::gateway::Gateway;
use crate::hub::Hub;
use crate::telemetry::Metrics;

/// What is read at once.
const PAGE: PageLimits = PageLimits {
    entries_max: 500,
    text_bytes_max: 512 * 1024,
};
/// How long at least from one read to the next, unless there is a whole page more: whoever follows closely
/// reads often and little, which costs most.
const CALM: Duration = Duration::from_millis(250);
/// How many times slower it goes while something is committed.
const TURNS_OF_OTHERS: u32 = 5;
/// How often to look when nobody tells of news: another node may have committed something.
const RECHECK: Duration = Duration::from_secs(3);
/// How long to wait before reading again from a store that could not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Audit<S> {
    store: Arc<S>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    clock: Clock,
    events_per_second_max: u32,
}

impl<S: Store> Audit<S> {
    pub(super) fn new(gateway: &Gateway<S>, config: AuditConfig) -> Self {
        Self {
            store: Arc::clone(&gateway.store),
            hub: Arc::clone(&gateway.hub),
            metrics: Arc::clone(&gateway.metrics),
            clock: gateway.clock,
            events_per_second_max: config.events_per_second,
        }
    }

    fn look_at(&self, page: &[FeedEvent], consistency: &mut Consistency) {
        for entry in page {
            let Some(violation) = consistency.look_at(entry) else {
                continue;
            };
            self.metrics.audit_violations.inc();
            tracing::error!(
                conversation = %entry.event.conversation,
                seq = entry.event.seq.get(),
                position = entry.position.0,
                %violation,
                "the log breaks a promise"
            );
        }
        self.metrics.audit_events.inc_by(page.len() as u64);
    }

    /// How long after this page the next one may be read. While others commit, it is their turn.
    fn pause(&self, page: &[FeedEvent], is_busy: bool) -> Duration {
        let events = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let turns = if is_busy { TURNS_OF_OTHERS } else { 1 };
        let paced = Duration::from_secs(1) * events / self.events_per_second_max * turns;
        if page.len() < PAGE.entries_max {
            paced.max(CALM)
        } else {
            paced
        }
    }
}

impl<S: Store> Job for Audit<S> {
    async fn work(&mut self, from: Position, progress: &Progress) {
        let mut consistency = Consistency::after(from);
        let mut after = from;
        let mut news = self.hub.news();
        loop {
            // What is committed from here on ends the wait.
            news.borrow_and_update();
            let Ok(page) = self.store.feed(after, PAGE).await else {
                sleep(STORE_RETRY).await;
                continue;
            };
            self.look_at(&page, &mut consistency);
            let lag_ms = page.last().map_or(0, |last| {
                after = last.position;
                self.clock.now().0.saturating_sub(last.event.at.0).max(0)
            });
            progress.reach(after);
            self.metrics.audit_reached(after, lag_ms);
            let is_busy = news.has_changed().is_ok_and(|changed| changed);
            sleep(self.pause(&page, is_busy)).await;
            if page.is_empty() {
                // Either way it is time to look again.
                let _ = timeout(RECHECK, news.changed()).await;
            }
        }
    }

    fn stopped(&mut self) {
        self.metrics.audit_stopped();
    }
}

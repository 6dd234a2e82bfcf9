//! Continuous proof: reads the log of everything in commit order and looks whether it is what is promised.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::Position;
use tidemark_pipeline::{Consumer, Pace, Progress, Setback, Spec, Turn};
use tidemark_store::{Directory, FeedEvent, PageLimits, Store};

use super::consistency::Consistency;
use crate::clock::Clock;
use crate::config::AuditConfig;
use crate::gateway::Gateway;
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

/// Audits the log whenever no other node does, until the server goes away.
pub(crate) async fn audit<S: Store + Directory>(gateway: Arc<Gateway<S>>, config: AuditConfig) {
    let spec = Spec {
        batch: PAGE,
        pace: Pace {
            calm: CALM,
            events_per_second_max: Some(config.events_per_second),
            turns_of_others: TURNS_OF_OTHERS,
        },
        ..Spec::single("audit")
    };
    let mut audit = Audit {
        metrics: Arc::clone(&gateway.metrics),
        clock: gateway.clock,
        consistency: Consistency::after(Position(0)),
        reached: Position(0),
    };
    let stop = gateway.going_away();
    gateway.pipelines.run(&spec, &mut audit, stop).await;
}

struct Audit {
    metrics: Arc<Metrics>,
    clock: Clock,
    /// What is known of the conversations since this node began to audit.
    consistency: Consistency,
    reached: Position,
}

impl Audit {
    fn look_at(&mut self, page: &[FeedEvent]) {
        for entry in page {
            let Some(violation) = self.consistency.look_at(entry) else {
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
}

impl Consumer for Audit {
    async fn begin(&mut self, turn: Turn) -> Result<Position, Setback> {
        self.consistency = Consistency::after(turn.position);
        self.reached = turn.position;
        Ok(turn.position)
    }

    async fn handle(&mut self, batch: &[FeedEvent], _: &Progress) -> Result<(), Setback> {
        self.look_at(batch);
        if let Some(last) = batch.last() {
            self.reached = last.position;
            let lag_ms = self.clock.now().0.saturating_sub(last.event.at.0).max(0);
            self.metrics.audit_reached(last.position, lag_ms);
        }
        Ok(())
    }

    fn caught_up(&mut self) {
        self.metrics.audit_reached(self.reached, 0);
    }

    fn stopped(&mut self) {
        self.metrics.audit_stopped();
    }
}

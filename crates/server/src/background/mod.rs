//! Work that one of all nodes does, and another takes over when that one dies.
//!
//! [`runner`] holds a lease of the store while a job works, and stops the job when the lease is lost. A job
//! reads what is durable, at its own pace, and can delay no send. The first is the [`audit`], which uses
//! [`consistency`] to find out whether the log is what is promised.

mod audit;
mod consistency;
mod runner;

use std::sync::Arc;

use tidemark_store::{Directory, Store};
use uuid::Uuid;

use crate::config::AuditConfig;
use crate::gateway::Gateway;
use audit::Audit;
use runner::Runner;
pub(crate) use runner::{Job, Progress};

/// Audits the log whenever no other node does, until the server goes away.
pub(crate) async fn audit<S: Store + Directory>(gateway: Arc<Gateway<S>>, config: AuditConfig) {
    let mut audit = Audit::new(&gateway, config);
    run(&gateway, "audit", &mut audit).await;
}

/// Does a job with this name whenever no other node does, until the server goes away.
pub(crate) async fn run<S: Store + Directory>(
    gateway: &Arc<Gateway<S>>,
    name: &'static str,
    job: &mut impl Job,
) {
    let runner = Runner {
        store: Arc::clone(&gateway.store),
        name,
        holder: Uuid::new_v4().to_string(),
        lease: gateway.config.background.lease,
        active: gateway.metrics.runner_active(name),
    };
    runner.run(job, gateway.going_away()).await;
}

//! Looks after uploads on one of all nodes: at those that wait for it, and after those that are over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tidemark_core::UploadId;
use tidemark_pipeline::{Job, Progress, Turn};
use tidemark_store::{Directory, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::gateway::Gateway;

/// How often to look when nobody tells of news: bytes may have come to another node, and a retry may be due.
const RECHECK: Duration = Duration::from_secs(1);
/// How often bytes are looked for that belong to no upload.
const ORPHANS_INTERVAL: Duration = Duration::from_hours(1);
/// How long to wait before asking again what could not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Looks after uploads whenever no other node does, until the server goes away.
pub(crate) async fn look_after_uploads<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let mut job = Caretaker {
        gateway: Arc::clone(&gateway),
    };
    let runtime = &gateway.pipelines;
    let stop = gateway.going_away();
    runtime.run_job("uploads", &mut job, stop).await;
}

struct Caretaker<S> {
    gateway: Arc<Gateway<S>>,
}

impl<S: Store + Directory> Job for Caretaker<S> {
    async fn work(&mut self, _: Turn, _: &Progress) {
        tokio::join!(self.look(), self.take_away());
    }

    fn stopped(&mut self) {
        self.gateway.metrics.uploads.set_due(0);
    }
}

impl<S: Store + Directory> Caretaker<S> {
    /// Has uploads looked at, a few at the same time. Dropped, it drops what is being done.
    async fn look(&self) {
        let gateway = &self.gateway;
        let at_once = gateway.config.uploads.at_once;
        let mut under_way: HashSet<UploadId> = HashSet::new();
        let mut tasks: JoinSet<UploadId> = JoinSet::new();
        loop {
            let room = at_once - tasks.len();
            let asked = at_once * 2;
            if room > 0 {
                let now = gateway.clock.now();
                if let Ok(due) = gateway.store.uploads_due(now, asked).await {
                    gateway.metrics.uploads.set_due(due.len());
                    let fresh = due.into_iter().filter(|it| !under_way.contains(&it.id));
                    for upload in fresh.take(room).collect::<Vec<_>>() {
                        let id = upload.id;
                        under_way.insert(id);
                        let gateway = Arc::clone(gateway);
                        tasks.spawn(async move {
                            gateway.look_at_upload(upload).await;
                            id
                        });
                    }
                }
            }
            tokio::select! {
                Some(done) = tasks.join_next() => match done {
                    Ok(id) => {
                        under_way.remove(&id);
                    }
                    Err(error) => {
                        tracing::error!(%error, "looking at an upload has failed");
                        // Nobody knows whose that was.
                        tasks.abort_all();
                        while tasks.join_next().await.is_some() {}
                        under_way.clear();
                        sleep(RETRY).await;
                    }
                },
                () = gateway.uploading.news.notified(), if tasks.len() < at_once => {}
                () = sleep(RECHECK) => {}
            }
        }
    }

    async fn take_away(&self) {
        let gateway = &self.gateway;
        let mut orphans_at = Instant::now();
        loop {
            let ended = gateway.end_expired_uploads().await;
            let is_done = matches!(ended, Ok(false));
            let is_due = is_done && Instant::now() >= orphans_at;
            if is_due && gateway.sweep_orphans().await.is_ok() {
                orphans_at = Instant::now() + ORPHANS_INTERVAL;
            }
            if !matches!(ended, Ok(true)) {
                sleep(RECHECK).await;
            }
        }
    }
}

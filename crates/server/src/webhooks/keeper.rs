//! Has one consumer at work for each webhook.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidemark_core::Position;
use tidemark_pipeline::{Pace, Place, Retries, Spec};
use tidemark_store::{ConsumerError, Directory, PageLimits, Store, Webhook};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::delivery::Delivery;
use super::{NAME, instance, pipeline};
use crate::gateway::Gateway;

/// How often to look what there is: changes may be made at another node.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What is told at once, at most: a call with it has about 1 MB.
const PAGE: PageLimits = PageLimits {
    entries_max: 500,
    text_bytes_max: 512 * 1024,
};

/// How long at least from one call to the next, unless there is a full one: few calls of many events cost everybody less.
const CALM: Duration = Duration::from_millis(50);

/// How long one batch may take: more than a few calls that are not answered.
const PATIENCE: Duration = Duration::from_mins(3);

/// Tells whoever keeps webhooks that there is a change.
pub(crate) type Bell = Notify;

/// A consumer at work.
struct AtWork {
    webhook: Webhook,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Lets a consumer work for each webhook that is to be called, until the server goes away.
pub(crate) async fn keep<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let mut at_work: HashMap<Uuid, AtWork> = HashMap::new();
    let gone = gateway.going_away();
    tokio::pin!(gone);
    loop {
        if let Ok(webhooks) = gateway.store.webhooks().await {
            compare(&gateway, &mut at_work, webhooks).await;
        }
        tokio::select! {
            () = &mut gone => break,
            _ = timeout(LOOK_INTERVAL, gateway.webhooks_bell.notified()) => {}
        }
    }
    // Each hears by itself that the server goes away.
    for one in at_work.into_values() {
        let _ = one.task.await;
    }
}

async fn compare<S: Store + Directory>(
    gateway: &Arc<Gateway<S>>,
    at_work: &mut HashMap<Uuid, AtWork>,
    webhooks: Vec<Webhook>,
) {
    let wanted: HashMap<Uuid, Webhook> = webhooks
        .into_iter()
        .map(|webhook| (webhook.id, webhook))
        .collect();
    let ended: Vec<Uuid> = at_work
        .iter()
        .filter(|(id, one)| {
            wanted
                .get(id)
                .is_none_or(|webhook| webhook.disabled.is_some() || !is_same(webhook, &one.webhook))
        })
        .map(|(id, _)| *id)
        .collect();
    for id in ended {
        let Some(one) = at_work.remove(&id) else {
            continue;
        };
        // Where nobody listens any more it has ended by itself.
        let _ = one.stop.send(());
        let _ = one.task.await;
        if !wanted.contains_key(&id) {
            forget(gateway, id).await;
        }
    }
    for (id, webhook) in wanted {
        if webhook.disabled.is_none() && !at_work.contains_key(&id) {
            at_work.insert(id, start(gateway, webhook));
        }
    }
}

/// Whether what is told is the same; not up to where.
fn is_same(one: &Webhook, other: &Webhook) -> bool {
    let mut other = other.clone();
    other.told = one.told;
    *one == other
}

/// Takes away what is kept of the consumer of a webhook that there is not any more.
async fn forget<S: Store + Directory>(gateway: &Gateway<S>, id: Uuid) {
    match gateway.store.forget_consumer(&pipeline(id)).await {
        Ok(()) | Err(ConsumerError::Unknown | ConsumerError::AtWork) => {}
        Err(error) => tracing::warn!(%id, %error, "the position of a webhook is left behind"),
    }
}

fn start<S: Store + Directory>(gateway: &Arc<Gateway<S>>, webhook: Webhook) -> AtWork {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn({
        let gateway = Arc::clone(gateway);
        let webhook = webhook.clone();
        async move {
            let spec = spec(webhook.id);
            let clock = gateway.clock;
            let mut delivery = Delivery {
                store: Arc::clone(&gateway.store),
                caller: gateway.outward.clone(),
                done: Position(0),
                now: Box::new(move || clock.now()),
                webhook,
            };
            let stop = async {
                tokio::select! {
                    _ = stopped => {}
                    () = gateway.going_away() => {}
                }
            };
            gateway.pipelines.run(&spec, &mut delivery, stop).await;
        }
    });
    AtWork {
        webhook,
        stop,
        task,
    }
}

fn spec(id: Uuid) -> Spec {
    Spec {
        place: Place::OneOf {
            instance: instance(id),
        },
        batch: PAGE,
        pace: Pace {
            calm: CALM,
            ..Pace::default()
        },
        retries: Retries {
            pause_first: Duration::from_secs(1),
            pause_max: Duration::from_mins(1),
            attempts_max: 5,
        },
        patience: PATIENCE,
        ..Spec::single(NAME)
    }
}

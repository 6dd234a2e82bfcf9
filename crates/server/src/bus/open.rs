//! The bus that the configuration names.

use std::sync::Arc;

use uuid::Uuid;

use super::nats::{NatsBus, NatsError};
use super::{Bus, LocalBus};
use crate::config::BusEngine;
use crate::telemetry::Metrics;

/// Opens it, for the nodes of the store with this epoch. Waits for no connection: a bus that is down is one that
/// drops everything.
pub(crate) async fn open(
    engine: &BusEngine,
    epoch: Uuid,
    metrics: &Metrics,
) -> Result<Arc<dyn Bus>, NatsError> {
    Ok(match engine {
        BusEngine::Local => Arc::new(LocalBus),
        BusEngine::Nats(config) => {
            Arc::new(NatsBus::connect(config, epoch, metrics.bus_drops.clone()).await?)
        }
    })
}

//! What a server found in its own log when it started, and its standby may lack.
//!
//! A commit is visible to nobody while the primary waits for its synchronous standby. But a primary that
//! crashes meanwhile has the commit in its own log: after the restart everybody can read it, and the standby,
//! which may take over next, need not have it. Whoever acknowledges or shows it then takes it back later.
//!
//! So the first connection to a server since it started commits something, which is confirmed when the standby
//! has that and everything before it. Until then no connection is handed out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_postgres::{Client, Error};

use super::connector::Way;

/// What one server process answers for as long as it runs.
const STARTED_AT: &str = "SELECT pg_postmaster_start_time()::text";

/// The smallest commit that a standby has to confirm: a record in the log that changes nothing.
const FENCE: &str = "BEGIN; SET LOCAL synchronous_commit = on;
    SELECT pg_logical_emit_message(true, 'tidemark', 'started'); COMMIT";

/// How long to wait after trouble before trying again.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// Remembers the server that has confirmed.
#[derive(Default)]
pub(crate) struct Incarnations(Mutex<Option<Incarnation>>);

struct Incarnation {
    started_at: String,
    confirmed: watch::Receiver<bool>,
}

impl Incarnations {
    /// Waits until whatever can be read with `client` is where its commits have to be; not so if another server
    /// took the place of this one meanwhile. Whoever gives up waiting leaves no more behind than the one
    /// connection that waits for everybody.
    pub(crate) async fn is_confirmed(
        &self,
        way: &Arc<Way>,
        client: &Client,
    ) -> Result<bool, Error> {
        let started_at = started_at(client).await?;
        let mut confirmed = self.of(way, started_at);
        Ok(confirmed.wait_for(|confirmed| *confirmed).await.is_ok())
    }

    fn of(&self, way: &Arc<Way>, started_at: String) -> watch::Receiver<bool> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(known) if known.started_at == started_at && is_awaited(&known.confirmed) => {
                known.confirmed.clone()
            }
            _ => {
                let (confirm, confirmed) = watch::channel(false);
                tokio::spawn(fence(Arc::clone(way), started_at.clone(), confirm));
                *newest = Some(Incarnation {
                    started_at,
                    confirmed: confirmed.clone(),
                });
                confirmed
            }
        }
    }
}

/// Whether it is confirmed or can still be.
fn is_awaited(confirmed: &watch::Receiver<bool>) -> bool {
    *confirmed.borrow() || confirmed.has_changed().is_ok()
}

async fn started_at(client: &Client) -> Result<String, Error> {
    let rows = client.query_typed(STARTED_AT, &[]).await?;
    let row = rows.first();
    Ok(row.map_or_else(String::new, |row| row.get(0)))
}

/// Confirms for everybody who waits, however long that takes; ends when nobody does, or another server is there.
async fn fence(way: Arc<Way>, started_at: String, confirm: watch::Sender<bool>) {
    while confirm.receiver_count() > 0 {
        match try_fence(&way, &started_at).await {
            Ok(true) => {
                // Those who waited may have given up.
                let _ = confirm.send(true);
                return;
            }
            Ok(false) => return,
            Err(error) => {
                tracing::debug!(%error, "a server that started cannot confirm what it has");
                sleep(TRY_AGAIN).await;
            }
        }
    }
}

/// Whether the server confirmed; not if it is another one.
async fn try_fence(way: &Arc<Way>, started_at: &str) -> Result<bool, Error> {
    let (client, _driver) = way.connect().await?;
    if self::started_at(&client).await? != started_at {
        return Ok(false);
    }
    client.batch_execute(FENCE).await?;
    Ok(true)
}

//! Compares what this node knows with the store, so that what the bus loses is late and not lost.
//!
//! What a round asks, and what it costs the store:
//!
//! - **How far has each conversation come that has a socket here?** One seek for each, in chunks. A room that is
//!   behind is mended, which also takes the sockets of those who were removed out of it.
//! - **Who joined where?** The `members` events since the last round, of all conversations: nearly always none.
//!   They are in commit order, so a position is enough to miss nobody. This finds conversations that nobody here
//!   follows yet.
//! - **Which devices with a socket here were signed out?** One seek for each, in chunks.
//!
//! Rooms that are new here are compared soon after, too: what others told while the bus did not know yet that this
//! node follows them, it was not told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tidemark_core::conversation::EventBody;
use tidemark_core::{ConversationId, Position, Seq, SessionId};
use tidemark_store::{Directory, DirectoryError, ReadError, Store};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::mend::{MENDED_AT_ONCE, mend};
use crate::bus::BusHealth;
use crate::gateway::Gateway;

/// Conversations or sessions in one question.
const CHUNK: usize = 1_000;
/// `members` events in one answer.
const MEMBERSHIP_PAGE: usize = 1_000;
/// How long what is on its way has to arrive before a room counts as behind.
const GRACE: Duration = Duration::from_millis(50);
/// A new room is compared between one and two of these after it came to be.
const FRESH_INTERVAL: Duration = Duration::from_millis(250);
/// No position is above this one.
const END: Position = Position(i64::MAX.unsigned_abs());

/// Never returns.
pub(crate) async fn compare<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let mut comparison = Comparison {
        gateway,
        through: None,
    };
    let every = comparison.gateway.config.bus.repair;
    let mut ticks = interval(FRESH_INTERVAL.min(every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut compared = Instant::now();
    let mut fresh = Vec::new();
    loop {
        ticks.tick().await;
        let is_time = compared.elapsed() >= every || comparison.through.is_none();
        let round = if is_time {
            compared = Instant::now();
            comparison.all().await
        } else {
            comparison.rooms(fresh).await
        };
        fresh = comparison.gateway.hub.take_fresh().into_iter().collect();
        if round.is_err() {
            tracing::debug!("the store cannot be compared with now");
        }
    }
}

struct Comparison<S> {
    gateway: Arc<Gateway<S>>,
    /// Up to where it is known who joined; nothing before the first answer of the store, which is asked for
    /// when the server starts.
    through: Option<Position>,
}

/// The store could not answer; the next round asks again.
struct Unavailable;

impl From<ReadError> for Unavailable {
    fn from(_: ReadError) -> Self {
        Self
    }
}

impl From<DirectoryError> for Unavailable {
    fn from(_: DirectoryError) -> Self {
        Self
    }
}

impl<S: Store + Directory> Comparison<S> {
    async fn all(&mut self) -> Result<(), Unavailable> {
        let hub = &self.gateway.hub;
        let is_connected = hub.bus.reaches_others() && hub.bus.health() == BusHealth::Connected;
        self.gateway.metrics.bus_connected.set(is_connected.into());
        // Whoever waits for news of any conversation looks for itself.
        hub.note_news();
        let rooms = hub.all_pushed().into_keys().collect();
        self.memberships().await?;
        self.rooms(rooms).await?;
        self.sessions().await
    }

    /// Mends the rooms that are behind their conversations.
    async fn rooms(&self, rooms: Vec<ConversationId>) -> Result<(), Unavailable> {
        let Gateway { store, hub, .. } = &*self.gateway;
        let is_behind = |(id, head): &(ConversationId, Seq)| {
            hub.pushed(*id).is_some_and(|pushed| pushed < *head)
        };
        let mut behind = Vec::new();
        for chunk in rooms.chunks(CHUNK) {
            let heads = store.heads(chunk).await?;
            behind.extend(heads.into_iter().filter(is_behind));
        }
        if behind.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(GRACE).await;
        behind.retain(is_behind);
        let mended = stream::iter(behind)
            .map(|(id, _)| mend(&self.gateway, id))
            .buffer_unordered(MENDED_AT_ONCE)
            .collect::<Vec<_>>();
        mended.await.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// Lets the sockets of those who joined something hear of it.
    async fn memberships(&mut self) -> Result<(), Unavailable> {
        let Gateway { store, hub, .. } = &*self.gateway;
        // Whoever comes in now reads where they are members by themselves.
        let Some(mut through) = self.through else {
            self.through = Some(store.membership_feed(END, 1).await?.through);
            return Ok(());
        };
        loop {
            let page = store.membership_feed(through, MEMBERSHIP_PAGE).await?;
            let mut missed = 0;
            for entry in &page.events {
                let event = &entry.event;
                if let EventBody::Members(change) = &event.body {
                    for joined in &change.joined {
                        let is_news = hub.add(&joined.user, event.conversation, event.seq);
                        missed += u64::from(is_news);
                    }
                }
            }
            self.gateway.metrics.repaired("membership", missed);
            through = page.through;
            self.through = Some(through);
            if page.events.len() < MEMBERSHIP_PAGE {
                return Ok(());
            }
        }
    }

    /// Closes the sockets of devices that were signed out.
    async fn sessions(&self) -> Result<(), Unavailable> {
        let devices: HashMap<SessionId, _> = self.gateway.hub.devices();
        let ids: Vec<SessionId> = devices.keys().copied().collect();
        for chunk in ids.chunks(CHUNK) {
            let ended = self.gateway.store.ended_sessions(chunk).await?;
            self.gateway.metrics.repaired("session", ended.len() as u64);
            for session in ended {
                self.gateway.end_session(&devices[&session], session);
            }
        }
        Ok(())
    }
}

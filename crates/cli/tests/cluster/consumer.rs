//! A consumer of the feed that follows it all the time, from whichever node answers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tidemark_client::Http;
use tidemark_core::Position;
use tidemark_core::conversation::Event;
use tidemark_simulator::cluster::Cluster;
use tidemark_simulator::node::Node;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::crowd::administrator;

const PAGE: u32 = 500;

/// What was consumed, in the order in which it came.
pub(crate) type Consumed = Vec<(Position, Event)>;

pub(crate) struct Consumer {
    following: JoinHandle<anyhow::Result<Consumed>>,
    stop: watch::Sender<bool>,
}

impl Consumer {
    pub(crate) fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let nodes = cluster.gateways.iter().map(Node::address);
        let nodes: Vec<_> = nodes.map(administrator).collect::<Result<_, _>>()?;
        let (stop, stopped) = watch::channel(false);
        Ok(Self {
            following: tokio::spawn(follow(nodes, stopped)),
            stop,
        })
    }

    /// Lets it come to the end, which is where a node has nothing more; everything that it saw.
    pub(crate) async fn finish(self) -> anyhow::Result<Consumed> {
        self.stop.send_replace(true);
        self.following.await?
    }
}

/// Asks one node after the other, each from where the last answer ended.
async fn follow(nodes: Vec<Http>, stopped: watch::Receiver<bool>) -> anyhow::Result<Consumed> {
    let mut consumed = Consumed::new();
    let mut after = Position(0);
    for http in nodes.iter().cycle() {
        let is_last = *stopped.borrow();
        let wait = Duration::from_millis(if is_last { 0 } else { 500 });
        let Ok(page) = http.feed(after, PAGE, wait).await else {
            // It is down, or its database is.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        if is_last && page.events.is_empty() {
            break;
        }
        for entry in page.events {
            ensure!(
                entry.position.0 > after,
                "the feed went back after {after:?}"
            );
            after = entry.position.0;
            let event = entry.entry.event().context("an unknown kind")?.clone();
            consumed.push((after, event));
        }
    }
    Ok(consumed)
}

/// The whole feed, as one node gives it.
pub(crate) async fn whole_feed(node: SocketAddr) -> anyhow::Result<Consumed> {
    let (_, stopped) = watch::channel(true);
    follow(vec![administrator(node)?], stopped).await
}

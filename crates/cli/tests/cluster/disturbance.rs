//! What breaks, in what order.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_simulator::cluster::Cluster;
use tidemark_simulator::nats::Nats;
use tidemark_simulator::node::{Listen, Node};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// One thing that breaks, and is whole again at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    NodeKilled,
    NodeStopped,
    LinkCut,
    BusKilled,
    BusesKilled,
    DatabaseKilled,
    DatabaseFailedOver,
}

use Disturbance::{
    BusKilled, BusesKilled, DatabaseFailedOver, DatabaseKilled, LinkCut, NodeKilled, NodeStopped,
};

/// How often each comes before they come again, in an order that is drawn each time.
const DECK: &[(Disturbance, usize)] = &[
    (NodeKilled, 5),
    (NodeStopped, 1),
    (LinkCut, 12),
    (BusKilled, 2),
    (BusesKilled, 1),
    (DatabaseKilled, 1),
    (DatabaseFailedOver, 1),
];

/// A node that does not start, because what it needs is cut off just then, is started again: so many times.
const STARTS_MAX: usize = 30;

/// Everything that breaks in one run.
pub(crate) struct Disturbances {
    rng: StdRng,
    deck: Vec<Disturbance>,
    done: BTreeMap<Disturbance, u64>,
}

impl Disturbances {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            deck: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    /// Waits a little, breaks something and mends it.
    pub(crate) async fn next(&mut self, cluster: &mut Cluster) -> anyhow::Result<()> {
        self.pause(200..2_500).await;
        let disturbance = self.draw();
        *self.done.entry(disturbance).or_default() += 1;
        match disturbance {
            NodeKilled => {
                let node = self.any_of(cluster.gateways.len());
                cluster.gateways[node].kill().await?;
                self.pause(0..2_000).await;
                start(&mut cluster.gateways[node]).await
            }
            NodeStopped => {
                let node = self.any_of(cluster.gateways.len());
                cluster.gateways[node].terminate().await?;
                start(&mut cluster.gateways[node]).await
            }
            LinkCut => {
                if let Some(link) = cluster.network.any_link(&mut self.rng) {
                    link.proxy().cut();
                }
                Ok(())
            }
            BusKilled => {
                let bus = self.any_of(cluster.buses.len());
                cluster.buses[bus].kill()?;
                self.pause(0..3_000).await;
                block_in_place(|| cluster.buses[bus].restart())
            }
            BusesKilled => {
                for bus in &mut cluster.buses {
                    bus.kill()?;
                }
                self.pause(1_000..5_000).await;
                block_in_place(|| cluster.buses.iter_mut().try_for_each(Nats::restart))
            }
            DatabaseKilled => block_in_place(|| cluster.databases.restart()),
            DatabaseFailedOver => block_in_place(|| cluster.databases.fail_over()),
        }
    }

    fn draw(&mut self) -> Disturbance {
        if self.deck.is_empty() {
            let cards = DECK.iter().flat_map(|&(card, times)| vec![card; times]);
            self.deck = cards.collect();
            self.deck.shuffle(&mut self.rng);
        }
        self.deck.pop().unwrap_or(LinkCut)
    }

    fn any_of(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count)
    }

    async fn pause(&mut self, millis: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.rng.random_range(millis))).await;
    }
}

/// Starts a node at its place, as whatever watches over programs does.
async fn start(node: &mut Node) -> anyhow::Result<()> {
    let mut starts = 0;
    loop {
        starts += 1;
        match node.restart(Listen::SamePort).await {
            Ok(()) => return Ok(()),
            Err(error) if starts >= STARTS_MAX => return Err(error),
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

impl fmt::Display for Disturbances {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |kind| self.done.get(&kind).copied().unwrap_or_default();
        write!(
            formatter,
            "{} nodes killed and {} stopped, {} NATS servers killed and {} times all of them, PostgreSQL killed {} \
             times and failed over {} times, {} links cut",
            count(NodeKilled),
            count(NodeStopped),
            count(BusKilled),
            count(BusesKilled),
            count(DatabaseKilled),
            count(DatabaseFailedOver),
            count(LinkCut),
        )
    }
}

/// Restarts every node after the other, as an upgrade does.
pub(crate) async fn roll(cluster: &mut Cluster) -> anyhow::Result<()> {
    for node in &mut cluster.gateways {
        let ended = node.terminate().await?;
        anyhow::ensure!(ended.success(), "a node ended with {ended}");
        start(node).await.context("a node does not come back")?;
        // The balancer has to see it before the next one goes.
        sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

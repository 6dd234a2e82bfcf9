//! A whole cluster on loopback: PostgreSQL with a synchronous standby, NATS servers that know each other, several
//! nodes of ours, and a load balancer in front of them. Everything goes away with it.
//!
//! Its network may have a proxy on each way, so that any two parts can be cut off from each other.

mod databases;
mod network;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::balancer::Balancer;
use crate::nats::{Nats, Route};
use crate::node::{Launch, Node};
use crate::supervised::free_port;

pub use databases::Databases;
pub use network::{Link, Network, Weather};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `tidemark` program.
    pub program: PathBuf,
    /// The `nats-server` program.
    pub nats_program: PathBuf,
    /// How many nodes of ours.
    pub gateways: usize,
    /// How many NATS servers.
    pub buses: usize,
    /// Settings of PostgreSQL beside the usual ones of tests, such as `fsync=on`.
    pub postgres_settings: Vec<String>,
    /// Configuration of the nodes (TOML) beside `[store]` and `[bus]`.
    pub config: String,
    /// Where the balancer listens; a free port if it is not said.
    pub port: Option<u16>,
    /// What the network is like.
    pub weather: Weather,
}

/// A cluster that runs.
#[derive(Debug)]
pub struct Cluster {
    // In the order in which they are stopped.
    balancer: Balancer,
    /// The nodes.
    pub gateways: Vec<Node>,
    /// The NATS servers.
    pub buses: Vec<Nats>,
    /// The primary and its standby.
    pub databases: Databases,
    /// The ways between all of them.
    pub network: Network,
    entrance: SocketAddr,
}

impl Cluster {
    /// Starts everything and waits until the nodes accept connections.
    ///
    /// # Errors
    ///
    /// When a part is not installed or does not start; says what it said.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let mut network = Network::new(plan.weather.clone());
        let settings: Vec<_> = plan.postgres_settings.iter().map(String::as_str).collect();
        let databases = Databases::start(&settings, &mut network)
            .await
            .context("PostgreSQL")?;
        let buses = start_buses(&plan, &mut network).await.context("NATS")?;
        let mut gateways = Vec::new();
        for number in 0..plan.gateways {
            let name = format!("gateway {number}");
            let config = config(&plan, &name, &databases, &buses, &mut network).await?;
            let node = Node::start(Launch::new(&plan.program, config)).await;
            gateways.push(node.with_context(|| name.clone())?);
        }
        let mut ways = Vec::new();
        for (number, gateway) in gateways.iter().enumerate() {
            let name = format!("gateway {number}");
            ways.push(network.way("balancer", &name, gateway.address()).await?);
        }
        let balancer = Balancer::start(&ways, plan.port)?;
        let entrance = network
            .way("clients", "balancer", balancer.address())
            .await?;
        Ok(Self {
            balancer,
            gateways,
            buses,
            databases,
            network,
            entrance,
        })
    }

    /// Where clients connect to.
    pub fn entrance(&self) -> SocketAddr {
        self.entrance
    }

    /// Where the balancer listens, past the proxy in front of it.
    pub fn balancer(&self) -> SocketAddr {
        self.balancer.address()
    }
}

async fn start_buses(plan: &Plan, network: &mut Network) -> anyhow::Result<Vec<Nats>> {
    let mut routes = Vec::new();
    for number in 0..plan.buses {
        let listens = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let name = format!("bus {number}");
        let found = network.way("other buses", &name, listens).await?;
        routes.push(Route { listens, found });
    }
    (0..plan.buses)
        .map(|this| Nats::start_in_cluster(&plan.nats_program, &routes, this))
        .collect()
}

/// The configuration of one node, with its own ways to everything.
async fn config(
    plan: &Plan,
    name: &str,
    databases: &Databases,
    buses: &[Nats],
    network: &mut Network,
) -> anyhow::Result<String> {
    let mut stores = Vec::new();
    for (number, address) in databases.addresses().into_iter().enumerate() {
        let to = format!("database {number}");
        stores.push(network.way(name, &to, address).await?);
    }
    let mut servers = Vec::new();
    for (number, bus) in buses.iter().enumerate() {
        let to = format!("bus {number}");
        servers.push(network.way(name, &to, bus.address()).await?.to_string());
    }
    let mut config = plan.config.clone();
    writeln!(config, "\n[store]\nurl = \"{}\"", Databases::url(&stores))?;
    writeln!(config, "[bus]\nurl = \"nats://{}\"", servers.join(","))?;
    Ok(config)
}

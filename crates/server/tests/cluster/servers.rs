//! Several servers that share one store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidemark_server::Server;
use tidemark_server::config::Config;
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};

use crate::client::{Socket, places};
use crate::network::Network;
use crate::shared_store::SharedStore;
use crate::world::{Person, World, config, config_from, of_its_own};

/// A comparison with the store that no test waits for: what arrives came over the bus.
pub(crate) const NEVER: (&str, &str) = ("bus.repair_ms", "600000");
/// What is to happen within a second.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<World>,
    pub(crate) network: Arc<Network>,
    pub(crate) store: SharedStore<SqliteStore>,
    _directory: TempDir,
}

impl Cluster {
    /// Cluster over a bus that does what it is told.
    pub(crate) async fn new(count: usize, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::none();
        for _ in 0..count {
            cluster.add(settings).await;
        }
        cluster
    }

    /// Cluster over the bus that the settings name.
    pub(crate) async fn configured(count: usize, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::none();
        for _ in 0..count {
            cluster.configure(config(settings)).await;
        }
        cluster
    }

    /// Cluster over the bus that a file names.
    pub(crate) async fn configured_by(count: usize, file: &Path) -> Self {
        let mut cluster = Self::none();
        for _ in 0..count {
            let config = config_from(Some(file.to_owned()), &[]);
            cluster.configure(config).await;
        }
        cluster
    }

    async fn configure(&mut self, config: Config) {
        let directory = TempDir::new().unwrap();
        let config = of_its_own(config, &directory);
        let server = Server::bind(config, self.store.clone()).await;
        self.nodes.push(World::serve(server.unwrap(), directory));
    }

    fn none() -> Self {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(directory.path(), SqliteOptions::default()).unwrap();
        Self {
            nodes: Vec::new(),
            network: Network::new(),
            store: SharedStore::new(store),
            _directory: directory,
        }
    }

    /// One more node.
    pub(crate) async fn add(&mut self, settings: &[(&str, &str)]) {
        let bus = Arc::new(self.network.bus());
        let directory = TempDir::new().unwrap();
        let config = of_its_own(config(settings), &directory);
        let server = Server::bind_with_bus(config, self.store.clone(), bus);
        let world = World::serve(server.await.unwrap(), directory);
        self.nodes.push(world);
    }

    /// Somebody who uses this node.
    pub(crate) fn person(&self, name: &str, node: usize) -> Person {
        self.nodes[node].person(name)
    }

    /// The sum of one sample of the metrics over all nodes; a series that is not there counts nothing.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let mut sum = 0.0;
        for node in &self.nodes {
            let page = node.caller("", String::new()).get("/metrics").await.text;
            let line = page.lines().find(|line| line.starts_with(sample));
            sum += line
                .and_then(|line| line.rsplit(' ').next())
                .map_or(0.0, |number| number.parse().unwrap());
        }
        sum
    }
}

/// Frames of a socket up to the event, or page, or ack that brings `last`; the places that they give of the
/// conversation.
pub(crate) async fn places_up_to(socket: &mut Socket, conversation: &str, last: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let frame = socket.next().await;
        seen.extend(places(&[frame], conversation));
        assert!(seen.len() < 100_000, "{last} does not come");
    }
    seen
}

/// The next frame of this type; others before it are passed over.
pub(crate) async fn find(socket: &mut Socket, name: &str) -> Value {
    socket.find(|frame| frame["type"] == name).await
}

/// Fails when something took longer than a second.
pub(crate) fn was_prompt(began: Instant) {
    let took = began.elapsed();
    assert!(took < SECOND, "it took {took:?}");
}

/// Everything on its way to the socket before now, and the answer to a ping after it. Says nothing of what other nodes
/// have not told yet.
pub(crate) async fn so_far(socket: &mut Socket) -> Vec<Value> {
    let id = socket.ask(json!({"type": "ping"})).await;
    let mut before = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["id"] == id {
            return before;
        }
        before.push(frame);
    }
}

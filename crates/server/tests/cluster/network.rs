//! A bus whose messages are lost, doubled, late and out of order on command.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tidemark_server::bus::{Bus, BusHealth, Topic};
use tokio::sync::mpsc;

use crate::world::Dice;

/// What happens to messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Of a hundred, so many are lost.
    pub(crate) lost: u64,
    /// Of a hundred, so many come twice.
    pub(crate) doubled: u64,
    /// How late the latest come, in milliseconds; each is late for itself.
    pub(crate) late_ms_max: u64,
}

/// Connects the buses of several nodes.
#[derive(Debug)]
pub(crate) struct Network {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    weather: Weather,
    dice: Dice,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    inbox: mpsc::UnboundedSender<Bytes>,
    follows: HashSet<Topic>,
    /// What came in, by topic.
    heard: Vec<Topic>,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            weather: Weather::default(),
            dice: Dice::new(7),
            nodes: Vec::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
        })
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    /// Nothing comes through from now on.
    pub(crate) fn cut(&self) {
        self.weather(Weather {
            lost: 100,
            ..Weather::default()
        });
    }

    /// A bus for one more node.
    pub(crate) fn bus(self: &Arc<Self>) -> NetworkBus {
        let (inbox, incoming) = mpsc::unbounded_channel();
        let mut state = self.state.lock();
        state.nodes.push(Node {
            inbox,
            follows: HashSet::new(),
            heard: Vec::new(),
        });
        NetworkBus {
            network: Arc::clone(self),
            node: state.nodes.len() - 1,
            incoming: tokio::sync::Mutex::new(incoming),
        }
    }

    /// The topics of all that came to a node.
    pub(crate) fn heard(&self, node: usize) -> Vec<Topic> {
        self.state.lock().nodes[node].heard.clone()
    }

    /// What a node follows now.
    pub(crate) fn followed(&self, node: usize) -> HashSet<Topic> {
        self.state.lock().nodes[node].follows.clone()
    }
}

impl State {
    fn publish(&mut self, from: usize, topic: &Topic, message: &Bytes) {
        let Weather {
            lost,
            doubled,
            late_ms_max,
        } = self.weather;
        for to in 0..self.nodes.len() {
            if to == from || !self.nodes[to].follows.contains(topic) {
                continue;
            }
            if self.dice.below(100) < lost {
                continue;
            }
            let copies = if self.dice.below(100) < doubled { 2 } else { 1 };
            for _ in 0..copies {
                let late = Duration::from_millis(self.dice.below(late_ms_max + 1));
                let node = &mut self.nodes[to];
                node.heard.push(topic.clone());
                let (inbox, message) = (node.inbox.clone(), message.clone());
                if late.is_zero() {
                    // The node may have stopped.
                    let _ = inbox.send(message);
                } else {
                    tokio::spawn(async move {
                        tokio::time::sleep(late).await;
                        let _ = inbox.send(message);
                    });
                }
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct NetworkBus {
    network: Arc<Network>,
    node: usize,
    incoming: tokio::sync::Mutex<mpsc::UnboundedReceiver<Bytes>>,
}

impl Bus for NetworkBus {
    fn reaches_others(&self) -> bool {
        true
    }

    fn publish(&self, topic: &Topic, message: Bytes) {
        let mut state = self.network.state.lock();
        state.publish(self.node, topic, &message);
    }

    fn follow(&self, topic: &Topic) {
        let mut state = self.network.state.lock();
        state.nodes[self.node].follows.insert(topic.clone());
    }

    fn unfollow(&self, topic: &Topic) {
        let mut state = self.network.state.lock();
        state.nodes[self.node].follows.remove(topic);
    }

    fn next(&self) -> BoxFuture<'_, Bytes> {
        Box::pin(async {
            let next = self.incoming.lock().await.recv().await;
            next.expect("the network outlives its nodes")
        })
    }

    fn health(&self) -> BusHealth {
        BusHealth::Connected
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

//! The ways between the parts of a cluster.

use std::net::SocketAddr;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::proxy::{Faults, Proxy};

/// What the network is like.
#[derive(Clone, Debug)]
pub enum Weather {
    /// The parts talk to each other directly.
    Direct,
    /// A proxy is between each two, with these faults to begin with.
    Proxied(Faults),
}

/// A way from one part to another.
#[derive(Debug)]
pub struct Link {
    name: String,
    proxy: Proxy,
}

impl Link {
    /// Whom it connects, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The proxy on it.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

/// Every way of a cluster that has a proxy on it.
#[derive(Debug)]
pub struct Network {
    weather: Weather,
    links: Vec<Link>,
}

impl Network {
    pub(crate) fn new(weather: Weather) -> Self {
        Self {
            weather,
            links: Vec::new(),
        }
    }

    /// Where `from` finds `to`, which is at `target`.
    pub(crate) async fn way(
        &mut self,
        from: &str,
        to: &str,
        target: SocketAddr,
    ) -> anyhow::Result<SocketAddr> {
        let Weather::Proxied(faults) = &self.weather else {
            return Ok(target);
        };
        let faults = Faults {
            seed: faults.seed.wrapping_add(self.links.len() as u64),
            ..faults.clone()
        };
        let proxy = Proxy::start(target, faults).await?;
        let address = proxy.address();
        self.links.push(Link {
            name: format!("{from} to {to}"),
            proxy,
        });
        Ok(address)
    }

    /// All of them.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// One of them; nothing where there are none.
    pub fn any_link(&self, rng: &mut StdRng) -> Option<&Link> {
        let place = rng.random_range(0..self.links.len().max(1));
        self.links.get(place)
    }

    /// From now on everything passes.
    pub fn heal(&self) {
        for link in &self.links {
            link.proxy.set_faults(Faults::none());
        }
    }
}

//! A PostgreSQL primary and the standby that confirms its commits.

use std::net::SocketAddr;

use crate::postgres::{Postgres, url_of};

use super::network::Network;

/// The database of the cluster.
const DATABASE: &str = "tidemark";

/// Two servers, one of which takes writes.
#[derive(Debug)]
pub struct Databases {
    servers: [Postgres; 2],
    primary: usize,
    /// How a standby reaches each of them.
    replication: [SocketAddr; 2],
}

impl Databases {
    pub(crate) async fn start(settings: &[&str], network: &mut Network) -> anyhow::Result<Self> {
        let first = Postgres::start_with(settings)?;
        first.create_database(DATABASE)?;
        let way = network
            .way("database 1", "database 0", first.address())
            .await?;
        let second = first.standby_at(None, way)?;
        let back = network
            .way("database 0", "database 1", second.address())
            .await?;
        Ok(Self {
            servers: [first, second],
            primary: 0,
            replication: [way, back],
        })
    }

    /// Where they are, as long as the cluster lives.
    pub fn addresses(&self) -> [SocketAddr; 2] {
        [self.servers[0].address(), self.servers[1].address()]
    }

    pub(crate) fn url(ways: &[SocketAddr]) -> String {
        url_of(ways, DATABASE)
    }

    /// Runs SQL on the primary; what it returns, as psql prints it without decoration.
    ///
    /// # Errors
    ///
    /// What the server said.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        self.servers[self.primary].query(DATABASE, sql)
    }

    /// Kills the primary (SIGKILL) and starts it again on what it has.
    ///
    /// # Errors
    ///
    /// When it does not come back.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let primary = &mut self.servers[self.primary];
        primary.kill()?;
        primary.restart()
    }

    /// Kills the primary for good, lets the standby take over, and puts a new standby in the place of the dead.
    ///
    /// # Errors
    ///
    /// When the standby does not take over, or the new one does not start.
    pub fn fail_over(&mut self) -> anyhow::Result<()> {
        let (dead, next) = (self.primary, 1 - self.primary);
        self.servers[dead].kill()?;
        self.servers[next].promote()?;
        self.primary = next;
        let port = self.servers[dead].address().port();
        let standby = self.servers[next].standby_at(Some(port), self.replication[next])?;
        self.servers[dead] = standby;
        Ok(())
    }
}

//! Connections that read, and that change the directory.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Row;

use crate::OpenError;

use super::connector::Connector;
use super::fault::Trouble;
use super::statement::{Statement, transaction};

/// What every transaction begins with: statements that run for a millisecond are not worth being compiled,
/// which the server does if it overrates what they cost.
macro_rules! begin {
    ($mode:literal) => {
        concat!("BEGIN ISOLATION LEVEL ", $mode, "; SET LOCAL jit = off")
    };
}

/// All statements of a read see the same moment.
const BEGIN_READ: &str = begin!("REPEATABLE READ READ ONLY");
/// Each statement sees what was committed before it.
const BEGIN_FOLLOWING_READ: &str = begin!("READ COMMITTED READ ONLY");
pub(crate) const BEGIN_CHANGE: &str = begin!("READ COMMITTED READ WRITE");

/// First in every transaction that writes, see [`guard`].
const GUARD: &str = "SELECT pg_current_xact_id()::text,
    set_config('idle_in_transaction_session_timeout', $1, true),
    CASE WHEN current_setting('synchronous_commit') = 'off'
        THEN set_config('synchronous_commit', 'local', true) END";

/// How long a node that vanished in the middle of a transaction may hold its locks, in milliseconds.
const ABANDONED_MS: &str = "10000";

/// Makes a transaction durable when it says that it is, also if somebody turned that off meanwhile; and
/// short-lived if this node vanishes. Both are settings of the transaction, not of the session. Returns the
/// transaction's id.
pub(crate) fn guard() -> Statement {
    Statement::new(GUARD).text(ABANDONED_MS.to_owned())
}

/// A bounded pool. Connections are opened when they are first needed.
pub(crate) struct Connections(Pool);

impl Connections {
    pub(crate) fn new(
        connector: &Connector,
        connections_max: usize,
        patience: Duration,
    ) -> Result<Self, OpenError> {
        // Fast: what runs here leaves no transaction open, and there is no state of sessions to reset.
        let config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(connector.config().clone(), connector.clone(), config);
        let pool = Pool::builder(manager)
            .max_size(connections_max.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(patience))
            .create_timeout(Some(patience))
            .build()
            .map_err(|error| OpenError::Engine(error.to_string()))?;
        Ok(Self(pool))
    }

    /// Runs a read in one snapshot.
    pub(crate) async fn read(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Trouble> {
        self.read_with(BEGIN_READ, statements).await
    }

    /// Runs statements one after the other, each in a snapshot of its own.
    pub(crate) async fn read_following(
        &self,
        statements: &[Statement],
    ) -> Result<Vec<Vec<Row>>, Trouble> {
        self.read_with(BEGIN_FOLLOWING_READ, statements).await
    }

    /// The second attempt is for a connection that had died in the pool unnoticed.
    async fn read_with(
        &self,
        begin: &str,
        statements: &[Statement],
    ) -> Result<Vec<Vec<Row>>, Trouble> {
        match self.run(begin, statements).await {
            Err(trouble @ Trouble::Server(_)) if !trouble.is_answer_of_server() => {
                self.run(begin, statements).await
            }
            done => done,
        }
    }

    /// Runs one statement that changes something, durably; its rows.
    pub(crate) async fn change(&self, statement: Statement) -> Result<Vec<Row>, Trouble> {
        let mut rows = self.run(BEGIN_CHANGE, &[guard(), statement]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Runs statements that change something one after the other, each in a snapshot of its own, durably and all or
    /// none; the rows of each.
    pub(crate) async fn change_in_order(
        &self,
        mut statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>, Trouble> {
        statements.insert(0, guard());
        let mut rows = self.run(BEGIN_CHANGE, &statements).await?;
        rows.remove(0);
        Ok(rows)
    }

    async fn run(&self, begin: &str, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Trouble> {
        if self.0.is_closed() {
            return Err(Trouble::Closed);
        }
        let client = self
            .0
            .get()
            .await
            .map_err(|error| Trouble::NoConnection(error.to_string()))?;
        Ok(transaction(&client, begin, statements).await?)
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

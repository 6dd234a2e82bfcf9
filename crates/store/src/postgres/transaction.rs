//! One attempt to perform a batch: two round trips, one that locks and asks, one that writes and commits.

use futures_util::future::{try_join, try_join_all};
use tidemark_core::conversation::{Command, Event};
use tidemark_core::{Limits, Refusal};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::Severity;
use tokio_postgres::{Client, Error};

use crate::Outcome;

use super::column;
use super::facts::Wanted;
use super::fault::Trouble;
use super::ledger::Ledger;
use super::pool::{BEGIN_CHANGE, guard};
use super::statement::{Statement, begin};

/// The outcomes of a batch, in its order.
pub(crate) type Outcomes = Vec<Result<Outcome, Refusal>>;

/// How an attempt ended otherwise than well.
pub(crate) enum Failure {
    /// Nothing of it is there.
    Aborted(Trouble),
    /// The commit was sent and not answered.
    Unknown {
        /// How to find out.
        trace: Box<Trace>,
        /// What to answer if it is there.
        outcomes: Outcomes,
        /// What happened to the connection.
        trouble: Trouble,
    },
}

/// What a transaction left to be recognised by.
pub(crate) struct Trace {
    /// Its id in the server that it ran on.
    pub(crate) transaction: String,
    /// An event that is in the log if and only if the transaction was committed; a batch that moves
    /// nothing but cursors has none.
    pub(crate) witness: Option<Box<Event>>,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Aborted(trouble)
    }
}

/// When to stop waiting.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    /// For everything before the commit.
    pub(crate) work: Instant,
    /// For the answer to the commit, which is worth more patience: giving up leaves a question.
    pub(crate) commit: Instant,
}

/// Performs `commands` in one transaction. After a failure the connection may be inside of a transaction.
pub(crate) async fn attempt(
    client: &Client,
    limits: &Limits,
    commands: &[Command],
    deadlines: Deadlines,
) -> Result<Outcomes, Failure> {
    let mut questions = Wanted::by(commands).questions();
    let mut statements = vec![guard()];
    statements.append(&mut questions.statements);
    let mut answers = within(deadlines.work, begin(client, BEGIN_CHANGE, &statements)).await?;
    let guarded = answers.remove(0);
    let transaction: String = column::get(&guarded[0], 0)?;

    let mut ledger = Ledger::new(limits, questions.read(&answers)?);
    let outcomes: Outcomes = commands
        .iter()
        .map(|command| ledger.perform(command.clone()))
        .collect();
    let mut writes = ledger.finish();
    if writes.is_empty() {
        // Nothing to lose, so nothing to wait for but the end of the locks.
        within(deadlines.work, client.batch_execute("ROLLBACK")).await?;
        return Ok(outcomes);
    }
    if let Some(statements) = writes.people_statements() {
        let people = try_join_all(statements.iter().map(|one| one.run(client)));
        for row in &within(deadlines.work, people).await?[1] {
            writes.know(column::user_id(row, 0)?, column::get(row, 1)?);
        }
    }
    let trace = Box::new(Trace {
        transaction,
        witness: writes.witness().map(Box::new),
    });
    match timeout_at(deadlines.commit, write(client, &writes.statements())).await {
        Ok(Ok(())) => Ok(outcomes),
        Ok(Err(WriteError::Write(error))) if error.as_db_error().is_some() => {
            // The commit that came behind it has become a rollback.
            Err(Failure::Aborted(error.into()))
        }
        Ok(Err(WriteError::Commit(error))) if is_plain_error(&error) => {
            // The server found something against it and goes on; nothing of it is there.
            Err(Failure::Aborted(error.into()))
        }
        Ok(Err(WriteError::Write(error) | WriteError::Commit(error))) => Err(Failure::Unknown {
            trace,
            outcomes,
            trouble: error.into(),
        }),
        Err(_) => Err(Failure::Unknown {
            trace,
            outcomes,
            trouble: Trouble::TooLate,
        }),
    }
}

enum WriteError {
    Write(Error),
    Commit(Error),
}

/// Sends the statements and the commit behind them. A statement that cannot even be encoded ends this
/// before the commit is sent.
async fn write(client: &Client, statements: &[Statement]) -> Result<(), WriteError> {
    let statements = try_join_all(statements.iter().map(|statement| async {
        let written = statement.run(client).await;
        written.map_err(WriteError::Write)
    }));
    let commit = async {
        let committed = client.batch_execute("COMMIT").await;
        committed.map_err(WriteError::Commit)
    };
    try_join(statements, commit).await.map(|_| ())
}

/// Whether the server says that a statement failed, and not that the session ends.
fn is_plain_error(error: &Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|said| said.parsed_severity() == Some(Severity::Error))
}

async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match timeout_at(deadline, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Trouble::TooLate),
    }
}

//! What became of a transaction whose commit was sent and not answered.
//!
//! The id of a transaction tells nothing for good: after a crash or a failover, another may get the same.
//! It only tells whether to wait. The truth is the log: once the transaction has ended, either the event that
//! it would have appended is in its place, exactly as it was decided, or it is not.

use std::time::Duration;

use tidemark_core::conversation::Event;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::PageLimits;
use crate::log_page::Entry;

use super::column;
use super::connector::Connector;
use super::fault::Trouble;
use super::reads::{events_after_statement, page};
use super::statement::Statement;
use super::transaction::Trace;

/// Whether the transaction is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    Aborted,
    /// It could not be found out.
    Unknown,
}

const STATUS: &str = "SELECT pg_xact_status($1::text::xid8)";

/// How long to wait before asking again, at first and at most.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(5);
const ASK_AGAIN_MAX: Duration = Duration::from_millis(250);

/// Finds out, on connections of its own.
pub(crate) async fn of(connector: &Connector, trace: &Trace, deadline: Instant) -> Fate {
    let Some(witness) = &trace.witness else {
        return Fate::Unknown;
    };
    let found = find(connector, &trace.transaction, witness);
    timeout_at(deadline, found).await.unwrap_or(Fate::Unknown)
}

/// Asks until there is an answer.
async fn find(connector: &Connector, transaction: &str, witness: &Event) -> Fate {
    let mut wait = ASK_AGAIN_MIN;
    loop {
        match ask(connector, transaction, witness).await {
            Ok(Some(true)) => return Fate::Committed,
            Ok(Some(false)) => return Fate::Aborted,
            Ok(None) => {}
            Err(trouble) => {
                tracing::debug!(%trouble, "what became of a commit cannot be asked now");
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(ASK_AGAIN_MAX);
    }
}

/// Whether the witness is in the log; `None` while the transaction is under way.
async fn ask(
    connector: &Connector,
    transaction: &str,
    witness: &Event,
) -> Result<Option<bool>, Trouble> {
    let client = connector.open_alone().await?;
    if is_under_way(&client, transaction).await? {
        return Ok(None);
    }
    let limits = PageLimits {
        entries_max: 1,
        text_bytes_max: usize::MAX,
    };
    let before = witness.seq.previous();
    let statement = events_after_statement(witness.conversation, before, limits);
    let entries = page(&statement.run(&client).await?, limits)?;
    // It may have been deleted since.
    let mut redacted = witness.clone();
    redacted.body.redact();
    let is_there = |it: &Entry| it.event == *witness || it.event == redacted;
    Ok(Some(entries.first().is_some_and(is_there)))
}

async fn is_under_way(client: &Client, transaction: &str) -> Result<bool, Trouble> {
    let status = Statement::new(STATUS).text(transaction.to_owned());
    match status.run(client).await {
        Ok(rows) => Ok(column::get::<Option<&str>>(&rows[0], 0)? == Some("in progress")),
        // The server has not come as far: it lost the transaction, or is another one.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

//! The tables, by version. A version that was released is never edited: a change is a further step,
//! which nodes of the version before must be able to live with until they are replaced.

use tokio_postgres::{Client, IsolationLevel};
use uuid::Uuid;

use crate::OpenError;

use super::column;
use super::fault::Trouble;
use super::statement::Statement;

/// The steps that lead from an empty database to the present schema; `meta` says how many of them it
/// has taken.
const MIGRATIONS: &[&str] = &[include_str!("foundation.sql"), include_str!("leases.sql")];

/// One node migrates, those that start at the same time wait for it. The lock ends with the transaction.
const LOCK: &str = "SELECT pg_advisory_xact_lock(x'74696465'::int, x'6d61726b'::int)";

/// Brings the database to the present schema and returns its epoch, which the first opening makes.
pub(crate) async fn prepare(client: &mut Client) -> Result<Uuid, OpenError> {
    let known = u32::try_from(MIGRATIONS.len()).expect("few migrations");
    let mut state = state(client).await?;
    if state.as_ref().is_none_or(|(version, _)| *version < known) {
        migrate(client).await?;
        state = self::state(client).await?;
    }
    match state {
        Some((found, _)) if found > known => Err(OpenError::TooNew { found, known }),
        Some((_, epoch)) => Ok(epoch),
        None => Err(column::damaged("no version and no epoch").into()),
    }
}

/// The version and the epoch, unless the database is empty.
async fn state(client: &Client) -> Result<Option<(u32, Uuid)>, Trouble> {
    let exists = Statement::new("SELECT to_regclass('tidemark.meta') IS NOT NULL");
    let exists = exists.run(client).await?;
    if !column::get::<bool>(&exists[0], 0)? {
        return Ok(None);
    }
    let rows = Statement::new("SELECT version, epoch FROM tidemark.meta")
        .run(client)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let version = u32::try_from(column::get::<i32>(row, 0)?)
        .map_err(|_| column::damaged("a negative version"))?;
    Ok(Some((version, column::get(row, 1)?)))
}

async fn migrate(client: &mut Client) -> Result<(), Trouble> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await?;
    transaction.batch_execute(LOCK).await?;
    // Only now nobody else migrates. What was read before the lock may be old.
    let found = state(transaction.client()).await?;
    let taken = found.map_or(0, |(version, _)| version as usize);
    if taken >= MIGRATIONS.len() {
        return Ok(transaction.rollback().await?);
    }
    if taken == 0 {
        // An operator may have made the schema, for a role that may not.
        let exists = transaction
            .query_typed("SELECT to_regnamespace('tidemark') IS NOT NULL", &[])
            .await?;
        if !column::get::<bool>(&exists[0], 0)? {
            transaction.batch_execute("CREATE SCHEMA tidemark").await?;
        }
    }
    for step in &MIGRATIONS[taken..] {
        transaction.batch_execute(step).await?;
    }
    let version = i64::try_from(MIGRATIONS.len()).expect("few migrations");
    let keep = if taken == 0 {
        Statement::new("INSERT INTO tidemark.meta (version, epoch) VALUES ($1::bigint, $2)")
            .number(version)
            .uuid(Uuid::new_v4())
    } else {
        Statement::new("UPDATE tidemark.meta SET version = $1::bigint").number(version)
    };
    keep.run(transaction.client()).await?;
    Ok(transaction.commit().await?)
}

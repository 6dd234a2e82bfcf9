//! [`Leases`] for SQLite. Tokens and positions are rows, and the times of leases are not: whoever has a lease is in
//! this process, which has the files to itself. So waiting for a lease and renewing one write nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension};
use tidemark_core::Position;
use tokio::time::Instant;

use crate::lease_terms::LeaseTerms;
use crate::{Acquired, DirectoryError, Health, LeaseError, LeaseToken, Leases};

use super::SqliteStore;
use super::fault::Fault;

type Answer<T> = Result<T, Fault<DirectoryError>>;

/// What the writer and the reading pool say about leases, in the words of that contract.
impl From<DirectoryError> for LeaseError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound | DirectoryError::Taken => Self::Lost,
            DirectoryError::Unavailable => Self::Unavailable,
        }
    }
}

impl SqliteStore {
    fn check_leases(&self) -> Result<(), LeaseError> {
        match self.writer.health() {
            Health::Accepting => Ok(()),
            Health::Recovering | Health::Closed => Err(LeaseError::Unavailable),
        }
    }
}

impl Leases for SqliteStore {
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<Acquired, LeaseError> {
        self.check_leases()?;
        let now = Instant::now();
        if let Some(held) = self.lease_terms.lock().held(name, holder, now) {
            return Ok(held);
        }
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let terms = Arc::clone(&self.lease_terms);
        let acquired = self
            .writer
            .change(move |connection| acquire(connection, &terms, &name, &holder, duration))
            .await?;
        Ok(acquired)
    }

    async fn renew_lease(
        &self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
    ) -> Result<(), LeaseError> {
        self.check_leases()?;
        let mut terms = self.lease_terms.lock();
        terms.renew(name, token, duration, Instant::now())
    }

    async fn release_lease(&self, name: &str, token: LeaseToken) -> Result<(), LeaseError> {
        self.check_leases()?;
        let mut terms = self.lease_terms.lock();
        terms.release(name, token, Instant::now())
    }

    async fn advance(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> Result<(), LeaseError> {
        let name = name.to_owned();
        self.writer
            .change(move |connection| advance(connection, &name, token, position))
            .await?;
        Ok(())
    }

    async fn lease_position(&self, name: &str) -> Result<Position, LeaseError> {
        let name = name.to_owned();
        let read = move |connection: &Connection| position(connection, &name);
        Ok(self.readers.read(read).await?)
    }
}

/// On the writer's thread, so of all who ask one is first. If the flush fails, the lease is nobody's until its time has
/// passed.
fn acquire(
    connection: &Connection,
    terms: &Mutex<LeaseTerms>,
    name: &str,
    holder: &str,
    duration: Duration,
) -> Answer<Acquired> {
    let mut terms = terms.lock();
    let now = Instant::now();
    if let Some(held) = terms.held(name, holder, now) {
        return Ok(held);
    }
    let (token, position) = connection
        .prepare_cached(
            "INSERT INTO lease (name, token, position) VALUES (?1, 1, 0)
             ON CONFLICT DO UPDATE SET token = token + 1
             RETURNING token, position",
        )?
        .query_row([name], |row| {
            Ok((LeaseToken(row.get(0)?), Position(row.get(1)?)))
        })?;
    terms.grant(name, holder, token, now + duration);
    Ok(Acquired::Granted { token, position })
}

fn advance(
    connection: &Connection,
    name: &str,
    token: LeaseToken,
    position: Position,
) -> Answer<()> {
    let advanced = connection
        .prepare_cached(
            "UPDATE lease SET position = max(position, ?3) WHERE name = ?1 AND token = ?2",
        )?
        .execute((name, token.0, position.0))?;
    if advanced == 0 {
        return Err(DirectoryError::NotFound.into());
    }
    Ok(())
}

fn position(connection: &Connection, name: &str) -> Answer<Position> {
    let kept = connection
        .prepare_cached("SELECT position FROM lease WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(Position(kept.unwrap_or(0)))
}

//! [`Leases`] for PostgreSQL. Every change is one statement on one row, which checks and writes: who waits for the row
//! looks at it again as the last one left it. Times are those of the database's clock.

use std::time::Duration;

use tidemark_core::Position;
use tokio_postgres::Row;

use crate::{Acquired, LeaseError, LeaseToken, Leases};

use super::PostgresStore;
use super::column::{self, signed};
use super::fault::Trouble;
use super::statement::Statement;

/// How often a lease is asked for that is neither to be had nor somebody's: it ended, or began, in between.
const ATTEMPTS_MAX: usize = 8;

/// Returns who has the lease, if it is somebody else, and for how many milliseconds.
const HELD: &str = "SELECT holder,
        ceil(extract(epoch FROM ends_at - clock_timestamp()) * 1000)::bigint
    FROM tidemark.lease
    WHERE name = $1 AND holder <> $2 AND ends_at > clock_timestamp()";

/// Returns a row if the lease is granted.
const GRANT: &str = "INSERT INTO tidemark.lease AS l (name, holder, token, ends_at, position)
    VALUES ($1, $2, 1, clock_timestamp() + $3 * interval '1 millisecond', 0)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = l.token + 1,
        ends_at = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE l.ends_at <= clock_timestamp() OR l.holder = excluded.holder
    RETURNING token, position";

/// Returns a row if the lease is held under this token.
const RENEW: &str = "UPDATE tidemark.lease
    SET ends_at = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE name = $1 AND token = $2 AND ends_at > clock_timestamp()
    RETURNING 1";

/// Returns a row if this token is the newest.
const ADVANCE: &str = "UPDATE tidemark.lease SET position = greatest(position, $3)
    WHERE name = $1 AND token = $2
    RETURNING 1";

const POSITION: &str = "SELECT position FROM tidemark.lease WHERE name = $1";

impl From<Trouble> for LeaseError {
    fn from(trouble: Trouble) -> Self {
        tracing::error!(%trouble, "a lease could not be read or changed");
        Self::Unavailable
    }
}

impl PostgresStore {
    async fn lease_rows(&self, statement: Statement) -> Result<Vec<Row>, Trouble> {
        let mut answers = self.connections.read(&[statement]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    async fn change_lease(&self, statement: Statement) -> Result<(), LeaseError> {
        let changed = self.connections.change(statement).await?;
        if changed.is_empty() {
            return Err(LeaseError::Lost);
        }
        Ok(())
    }
}

impl Leases for PostgresStore {
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<Acquired, LeaseError> {
        for _ in 0..ATTEMPTS_MAX {
            let held = Statement::new(HELD)
                .text(name.to_owned())
                .text(holder.to_owned());
            if let Some(row) = self.lease_rows(held).await?.first() {
                return Ok(Acquired::Held {
                    holder: column::get(row, 0)?,
                    remaining: Duration::from_millis(column::count(row, 1)?),
                });
            }
            let grant = Statement::new(GRANT)
                .text(name.to_owned())
                .text(holder.to_owned())
                .number(milliseconds(duration));
            if let Some(row) = self.connections.change(grant).await?.first() {
                return Ok(Acquired::Granted {
                    token: LeaseToken(column::count(row, 0)?),
                    position: column::position(row, 1)?,
                });
            }
        }
        Err(LeaseError::Unavailable)
    }

    async fn renew_lease(
        &self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
    ) -> Result<(), LeaseError> {
        let renew = of_token(RENEW, name, token).number(milliseconds(duration));
        self.change_lease(renew).await
    }

    async fn release_lease(&self, name: &str, token: LeaseToken) -> Result<(), LeaseError> {
        let release = of_token(RENEW, name, token).number(0);
        self.change_lease(release).await
    }

    async fn advance(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> Result<(), LeaseError> {
        let advance = of_token(ADVANCE, name, token).number(signed(position.0));
        self.change_lease(advance).await
    }

    async fn lease_position(&self, name: &str) -> Result<Position, LeaseError> {
        let kept = Statement::new(POSITION).text(name.to_owned());
        match self.lease_rows(kept).await?.first() {
            Some(row) => Ok(column::position(row, 0)?),
            None => Ok(Position(0)),
        }
    }
}

fn of_token(sql: &'static str, name: &str, token: LeaseToken) -> Statement {
    Statement::new(sql)
        .text(name.to_owned())
        .number(signed(token.0))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

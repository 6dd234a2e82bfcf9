//! [`Consumers`] for SQLite: columns of the row of a lease, and a table of dead letters.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidemark_core::{ConversationId, Position, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    ConsumerError, ConsumerState, Consumers, DEAD_LETTERS_MAX, DeadLetter, LeaseToken, Paused,
    Trouble,
};

use super::SqliteStore;
use super::column;
use super::fault::{Fault, Heard};

type Answer<T> = Result<T, ConsumerError>;
type Step<T> = Result<T, Fault<ConsumerError>>;

const LETTER_COLUMNS: &str = "position, conversation, seq, at, attempts, reason, replay";

impl From<ConsumerError> for Fault<ConsumerError> {
    fn from(error: ConsumerError) -> Self {
        Self::Answer(error)
    }
}

impl Heard for ConsumerError {
    type Error = Self;

    fn heard(self) -> Self {
        self
    }

    fn unavailable() -> Self {
        Self::Unavailable
    }
}

impl SqliteStore {
    async fn states(&self, name: Option<&str>) -> Answer<Vec<ConsumerState>> {
        let asked = name.map(str::to_owned);
        let states = move |connection: &Connection| states(connection, asked.as_deref());
        let mut states = self.readers.read(states).await?;
        let terms = self.lease_terms.lock();
        let now = Instant::now();
        for state in &mut states {
            state.holder = terms.holder(&state.name, now);
        }
        Ok(states)
    }

    /// Changes what is kept of a consumer, for the holder of its newest token or for an operator.
    async fn change_consumer<T: Send + 'static>(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        change: impl FnOnce(&Connection, &str) -> Step<T> + Send + 'static,
    ) -> Answer<T> {
        let name = name.to_owned();
        self.writer
            .change(move |connection| {
                check(connection, &name, by)?;
                change(connection, &name)
            })
            .await
    }
}

impl Consumers for SqliteStore {
    async fn enrol_consumer(&self, name: &str, token: LeaseToken) -> Answer<()> {
        // Most have been for long; what changes nothing need not be written.
        if let Ok(state) = self.consumer(name).await
            && state.token == token
        {
            return Ok(());
        }
        let name = name.to_owned();
        self.writer
            .change(move |connection| {
                let sql = "UPDATE lease SET consumes = 1 WHERE name = ?1 AND token = ?2";
                match connection.execute(sql, (&name, token.0))? {
                    0 => Err(ConsumerError::Lost.into()),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn consumers(&self) -> Answer<Vec<ConsumerState>> {
        self.states(None).await
    }

    async fn consumer(&self, name: &str) -> Answer<ConsumerState> {
        let mut states = self.states(Some(name)).await?;
        states.pop().ok_or(ConsumerError::Unknown)
    }

    async fn pause_consumer(&self, name: &str, paused: Option<Paused>) -> Answer<()> {
        self.change_consumer(name, None, move |connection, name| {
            let (at, reason) = paused.map(|it| (it.at.0, it.reason)).unzip();
            let sql = "UPDATE lease SET paused_at = ?2, paused_why = ?3 WHERE name = ?1";
            connection.execute(sql, (name, at, reason.flatten()))?;
            Ok(())
        })
        .await
    }

    async fn rewind_consumer(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        to: Position,
    ) -> Answer<()> {
        let terms = Arc::clone(&self.lease_terms);
        self.change_consumer(name, by, move |connection, name| {
            let sql = if by.is_some() {
                "UPDATE lease SET position = ?2 WHERE name = ?1 AND position > ?2 RETURNING token"
            } else {
                "UPDATE lease SET position = ?2, rewound = ?2, token = token + 1
                 WHERE name = ?1 AND position > ?2 RETURNING token"
            };
            let mut statement = connection.prepare_cached(sql)?;
            let newest = statement.query_row((name, to.0), |row| row.get(0));
            let Some(newest) = newest.optional()? else {
                return Ok(());
            };
            let sql = "DELETE FROM dead_letter WHERE consumer = ?1 AND position > ?2";
            connection.execute(sql, (name, to.0))?;
            if by.is_none() {
                terms.lock().make_stale(name, LeaseToken(newest));
            }
            Ok(())
        })
        .await
    }

    async fn note_rewound(&self, name: &str, token: LeaseToken) -> Answer<()> {
        self.change_consumer(name, Some(token), |connection, name| {
            connection.execute("UPDATE lease SET rewound = NULL WHERE name = ?1", [name])?;
            Ok(())
        })
        .await
    }

    async fn note_trouble(
        &self,
        name: &str,
        token: LeaseToken,
        trouble: Option<Trouble>,
    ) -> Answer<()> {
        self.change_consumer(name, Some(token), move |connection, name| {
            let failures = u8::from(trouble.is_some());
            let trouble = trouble.map(|it| (it.since.0, (it.attempts, it.reason)));
            let (since, rest) = trouble.unzip();
            let (attempts, reason) = rest.unzip();
            connection.execute(
                "UPDATE lease SET trouble_since = ?2, trouble_attempts = ?3, trouble_why = ?4,
                    failures = failures + ?5
                 WHERE name = ?1",
                (name, since, attempts, reason, failures),
            )?;
            Ok(())
        })
        .await
    }

    async fn bury(&self, name: &str, token: LeaseToken, letter: DeadLetter) -> Answer<()> {
        self.change_consumer(name, Some(token), move |connection, name| {
            let others = "SELECT count(*) FROM dead_letter WHERE consumer = ?1 AND position <> ?2";
            let place = (name, letter.position.0);
            let others: u64 = connection.query_row(others, place, |row| row.get(0))?;
            if others >= DEAD_LETTERS_MAX {
                return Err(ConsumerError::Full.into());
            }
            connection.execute(
                "INSERT OR REPLACE INTO dead_letter
                    (consumer, position, conversation, seq, at, attempts, reason, replay)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    name,
                    letter.position.0,
                    letter.conversation.0.into_bytes(),
                    letter.seq.get(),
                    letter.at.0,
                    letter.attempts,
                    letter.reason,
                    letter.replay,
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn settle(&self, name: &str, token: LeaseToken, position: Position) -> Answer<()> {
        self.change_consumer(name, Some(token), move |connection, name| {
            let sql = "DELETE FROM dead_letter WHERE consumer = ?1 AND position = ?2";
            connection.execute(sql, (name, position.0))?;
            Ok(())
        })
        .await
    }

    async fn dead_letters(
        &self,
        name: &str,
        replays: bool,
        after: Position,
        entries_max: usize,
    ) -> Answer<Vec<DeadLetter>> {
        let name = name.to_owned();
        self.readers
            .read(move |connection| {
                check(connection, &name, None)?;
                let wanted = if replays { "AND replay = 1" } else { "" };
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {LETTER_COLUMNS} FROM dead_letter
                     WHERE consumer = ?1 AND position > ?2 {wanted} ORDER BY position LIMIT ?3"
                ))?;
                let letters = statement.query_map((&name, after.0, entries_max), letter)?;
                Ok(letters.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn replay_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        self.change_consumer(name, None, move |connection, name| {
            let sql = "UPDATE dead_letter SET replay = 1
                 WHERE consumer = ?1 AND (?2 IS NULL OR position = ?2)";
            changed(connection, sql, name, position)
        })
        .await
    }

    async fn drop_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        self.change_consumer(name, None, move |connection, name| {
            let sql = "DELETE FROM dead_letter
                 WHERE consumer = ?1 AND (?2 IS NULL OR position = ?2)";
            changed(connection, sql, name, position)
        })
        .await
    }

    async fn forget_consumer(&self, name: &str) -> Answer<()> {
        let terms = Arc::clone(&self.lease_terms);
        self.change_consumer(name, None, move |connection, name| {
            if terms.lock().holder(name, Instant::now()).is_some() {
                return Err(ConsumerError::AtWork.into());
            }
            connection.execute("DELETE FROM dead_letter WHERE consumer = ?1", [name])?;
            // The row stays, so that no token is granted twice.
            connection.execute(
                "UPDATE lease SET token = token + 1, position = 0, consumes = 0, failures = 0,
                    paused_at = NULL, paused_why = NULL, rewound = NULL,
                    trouble_since = NULL, trouble_attempts = NULL, trouble_why = NULL
                 WHERE name = ?1",
                [name],
            )?;
            Ok(())
        })
        .await
    }
}

/// Whether there is such a consumer, and the token, if any, is its newest.
fn check(connection: &Connection, name: &str, by: Option<LeaseToken>) -> Step<()> {
    let newest: Option<u64> = connection
        .prepare_cached("SELECT token FROM lease WHERE name = ?1 AND consumes = 1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    match (newest, by) {
        (Some(_), None) => Ok(()),
        (Some(newest), Some(token)) if newest == token.0 => Ok(()),
        (_, Some(_)) => Err(ConsumerError::Lost.into()),
        (None, None) => Err(ConsumerError::Unknown.into()),
    }
}

fn changed(
    connection: &Connection,
    sql: &str,
    name: &str,
    position: Option<Position>,
) -> Step<u64> {
    let changed = connection.execute(sql, (name, position.map(|it| it.0)))?;
    if changed == 0 && position.is_some() {
        return Err(ConsumerError::Unknown.into());
    }
    Ok(changed as u64)
}

fn states(connection: &Connection, name: Option<&str>) -> Step<Vec<ConsumerState>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, position, token, paused_at, paused_why, rewound, trouble_since, trouble_attempts,
            trouble_why, failures,
            (SELECT count(*) FROM dead_letter WHERE consumer = name),
            (SELECT count(*) FROM dead_letter WHERE consumer = name AND replay = 1)
         FROM lease WHERE consumes = 1 AND (?1 IS NULL OR name = ?1) ORDER BY name",
    )?;
    let states = statement.query_map([name], state)?;
    Ok(states.collect::<rusqlite::Result<_>>()?)
}

fn state(row: &Row) -> rusqlite::Result<ConsumerState> {
    let paused: Option<i64> = row.get(3)?;
    let trouble: Option<i64> = row.get(6)?;
    let rewound: Option<u64> = row.get(5)?;
    Ok(ConsumerState {
        name: row.get(0)?,
        position: Position(row.get(1)?),
        token: LeaseToken(row.get(2)?),
        holder: None,
        paused: match paused {
            Some(at) => Some(Paused {
                at: Timestamp(at),
                reason: row.get(4)?,
            }),
            None => None,
        },
        rewound: rewound.map(Position),
        trouble: match trouble {
            Some(since) => Some(Trouble {
                since: Timestamp(since),
                attempts: row.get(7)?,
                reason: row.get(8)?,
            }),
            None => None,
        },
        failures: row.get(9)?,
        dead_letters: row.get(10)?,
        replays: row.get(11)?,
    })
}

fn letter(row: &Row) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        position: Position(row.get(0)?),
        conversation: ConversationId(Uuid::from_bytes(row.get(1)?)),
        seq: column::seq(row, 2)?,
        at: Timestamp(row.get(3)?),
        attempts: row.get(4)?,
        reason: row.get(5)?,
        replay: row.get(6)?,
    })
}

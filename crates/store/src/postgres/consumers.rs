//! [`Consumers`] for PostgreSQL: columns of the row of a lease, and a table of dead letters. Each change is one statement, which
//! checks the token, or that there is such a consumer, under the lock of that row.

use tidemark_core::{Position, Timestamp};
use tokio_postgres::Row;

use crate::{
    ConsumerError, ConsumerState, Consumers, DEAD_LETTERS_MAX, DeadLetter, LeaseToken, Paused,
    Trouble,
};

use super::PostgresStore;
use super::column::{self, page_size, signed};
use super::fault::Trouble as Fault;
use super::statement::Statement;
use super::text;

type Answer<T> = Result<T, ConsumerError>;

const ENROL: &str = "UPDATE tidemark.lease SET consumes = true
    WHERE name = $1 AND token = $2 RETURNING 1";

/// All, or the one with this name.
const STATES: &str = "SELECT l.name, l.position, l.token, l.paused_at, l.paused_why, l.rewound,
        l.trouble_since, l.trouble_attempts, l.trouble_why, l.failures,
        (SELECT count(*) FROM tidemark.dead_letter WHERE consumer = l.name),
        (SELECT count(*) FROM tidemark.dead_letter WHERE consumer = l.name AND replay),
        CASE WHEN l.ends_at > clock_timestamp() THEN l.holder END
    FROM tidemark.lease AS l
    WHERE l.consumes AND ($1::text IS NULL OR l.name = $1) ORDER BY l.name";

const PAUSE: &str = "UPDATE tidemark.lease SET paused_at = $2, paused_why = $3
    WHERE name = $1 AND consumes RETURNING 1";

/// Without a token ($2) it is an operator's. Returns a row if it may be done.
const REWIND: &str = "WITH named AS (
        SELECT name, position > $3 AS is_back FROM tidemark.lease
        WHERE name = $1 AND consumes AND ($2::bigint IS NULL OR token = $2) FOR UPDATE
    ), moved AS (
        UPDATE tidemark.lease AS l SET position = $3,
            rewound = CASE WHEN $2::bigint IS NULL THEN $3 ELSE l.rewound END,
            token = CASE WHEN $2::bigint IS NULL THEN l.token + 1 ELSE l.token END
        FROM named WHERE l.name = named.name AND named.is_back RETURNING l.name
    ), dropped AS (
        DELETE FROM tidemark.dead_letter AS d USING moved
        WHERE d.consumer = moved.name AND d.position > $3
    )
    SELECT 1 FROM named";

const NOTE_REWOUND: &str = "UPDATE tidemark.lease SET rewound = NULL
    WHERE name = $1 AND consumes AND token = $2 RETURNING 1";

const NOTE_TROUBLE: &str = "UPDATE tidemark.lease
    SET trouble_since = $3, trouble_attempts = $4, trouble_why = $5, failures = failures + $6
    WHERE name = $1 AND consumes AND token = $2 RETURNING 1";

/// Returns a row if the token is the newest; whether there was room.
const BURY: &str = "WITH newest AS (
        SELECT name FROM tidemark.lease WHERE name = $1 AND consumes AND token = $2 FOR UPDATE
    ), room AS (
        SELECT name FROM newest WHERE $9 > (
            SELECT count(*) FROM tidemark.dead_letter WHERE consumer = $1 AND position <> $3)
    ), put AS (
        INSERT INTO tidemark.dead_letter AS d
            (consumer, position, conversation, seq, at, attempts, reason, replay)
        SELECT name, $3, $4, $5, $6, $7, $8, $10 FROM room
        ON CONFLICT (consumer, position) DO UPDATE SET
            at = excluded.at, attempts = excluded.attempts, reason = excluded.reason,
            replay = excluded.replay
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM room) FROM newest";

const SETTLE: &str = "WITH newest AS (
        SELECT name FROM tidemark.lease WHERE name = $1 AND consumes AND token = $2 FOR UPDATE
    ), settled AS (
        DELETE FROM tidemark.dead_letter AS d USING newest
        WHERE d.consumer = newest.name AND d.position = $3
    )
    SELECT 1 FROM newest";

const KNOWN: &str = "SELECT 1 FROM tidemark.lease WHERE name = $1 AND consumes";

const LETTERS: &str = "SELECT position, conversation, seq, at, attempts, reason, replay
    FROM tidemark.dead_letter WHERE consumer = $1 AND position > $2
    ORDER BY position LIMIT $3";

const REPLAYS: &str = "SELECT position, conversation, seq, at, attempts, reason, replay
    FROM tidemark.dead_letter WHERE consumer = $1 AND position > $2 AND replay
    ORDER BY position LIMIT $3";

const REPLAY: &str = "UPDATE tidemark.dead_letter SET replay = true
    WHERE consumer = $1 AND ($2::bigint IS NULL OR position = $2) RETURNING 1";

const DROP: &str = "DELETE FROM tidemark.dead_letter
    WHERE consumer = $1 AND ($2::bigint IS NULL OR position = $2) RETURNING 1";

/// The row stays, so that no token is granted twice. Whether nobody was at work, if there is such a consumer.
const FORGET: &str = "WITH known AS (
        SELECT name, ends_at <= clock_timestamp() AS is_free FROM tidemark.lease
        WHERE name = $1 AND consumes FOR UPDATE
    ), forgotten AS (
        UPDATE tidemark.lease AS l SET token = l.token + 1, position = 0, consumes = false,
            paused_at = NULL, paused_why = NULL, rewound = NULL, trouble_since = NULL,
            trouble_attempts = NULL, trouble_why = NULL, failures = 0
        FROM known WHERE l.name = known.name AND known.is_free RETURNING l.name
    ), dropped AS (
        DELETE FROM tidemark.dead_letter AS d USING forgotten WHERE d.consumer = forgotten.name
    )
    SELECT is_free FROM known";

impl From<Fault> for ConsumerError {
    fn from(trouble: Fault) -> Self {
        tracing::error!(%trouble, "what is kept of a consumer could not be read or changed");
        Self::Unavailable
    }
}

impl PostgresStore {
    async fn consumer_rows(&self, statement: Statement) -> Answer<Vec<Row>> {
        let mut answers = self.connections.read(&[statement]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    async fn states(&self, name: Option<&str>) -> Answer<Vec<ConsumerState>> {
        let asked = Statement::new(STATES).text(name.map(str::to_owned));
        let rows = self.consumer_rows(asked).await?;
        Ok(rows.iter().map(state).collect::<Result<_, _>>()?)
    }

    /// Changes something; `refusal` if that returns no row.
    async fn change_consumer(
        &self,
        statement: Statement,
        refusal: ConsumerError,
    ) -> Answer<Vec<Row>> {
        let rows = self.connections.change(statement).await?;
        if rows.is_empty() {
            return Err(refusal);
        }
        Ok(rows)
    }

    async fn change_letters(
        &self,
        sql: &'static str,
        name: &str,
        position: Option<Position>,
    ) -> Answer<u64> {
        let known = Statement::new(KNOWN).text(name.to_owned());
        let change = Statement::new(sql)
            .text(name.to_owned())
            .number(position.map(|it| signed(it.0)));
        let mut answers = self
            .connections
            .change_in_order(vec![known, change])
            .await?;
        let changed = answers.pop().unwrap_or_default().len() as u64;
        let is_known = answers.pop().is_some_and(|rows| !rows.is_empty());
        if !is_known || (changed == 0 && position.is_some()) {
            return Err(ConsumerError::Unknown);
        }
        Ok(changed)
    }
}

impl Consumers for PostgresStore {
    async fn enrol_consumer(&self, name: &str, token: LeaseToken) -> Answer<()> {
        let enrol = of_token(ENROL, name, token);
        self.change_consumer(enrol, ConsumerError::Lost).await?;
        Ok(())
    }

    async fn consumers(&self) -> Answer<Vec<ConsumerState>> {
        self.states(None).await
    }

    async fn consumer(&self, name: &str) -> Answer<ConsumerState> {
        let mut states = self.states(Some(name)).await?;
        states.pop().ok_or(ConsumerError::Unknown)
    }

    async fn pause_consumer(&self, name: &str, paused: Option<Paused>) -> Answer<()> {
        let (at, reason) = paused.map(|it| (it.at.0, it.reason)).unzip();
        let pause = Statement::new(PAUSE).text(name.to_owned()).number(at).text(
            reason
                .flatten()
                .as_deref()
                .map(|it| text::kept(it).into_owned()),
        );
        self.change_consumer(pause, ConsumerError::Unknown).await?;
        Ok(())
    }

    async fn rewind_consumer(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        to: Position,
    ) -> Answer<()> {
        let rewind = Statement::new(REWIND)
            .text(name.to_owned())
            .number(by.map(|token| signed(token.0)))
            .number(signed(to.0));
        let refusal = match by {
            Some(_) => ConsumerError::Lost,
            None => ConsumerError::Unknown,
        };
        self.change_consumer(rewind, refusal).await?;
        Ok(())
    }

    async fn note_rewound(&self, name: &str, token: LeaseToken) -> Answer<()> {
        let note = of_token(NOTE_REWOUND, name, token);
        self.change_consumer(note, ConsumerError::Lost).await?;
        Ok(())
    }

    async fn note_trouble(
        &self,
        name: &str,
        token: LeaseToken,
        trouble: Option<Trouble>,
    ) -> Answer<()> {
        let failures = i64::from(trouble.is_some());
        let note = of_token(NOTE_TROUBLE, name, token)
            .number(trouble.as_ref().map(|it| it.since.0))
            .number(trouble.as_ref().map(|it| i64::from(it.attempts)))
            .text(trouble.map(|it| text::kept(&it.reason).into_owned()))
            .number(failures);
        self.change_consumer(note, ConsumerError::Lost).await?;
        Ok(())
    }

    async fn bury(&self, name: &str, token: LeaseToken, letter: DeadLetter) -> Answer<()> {
        let bury = of_token(BURY, name, token)
            .number(signed(letter.position.0))
            .uuid(letter.conversation.0)
            .number(signed(letter.seq.get()))
            .number(letter.at.0)
            .number(i64::from(letter.attempts))
            .text(text::kept(&letter.reason).into_owned())
            .number(signed(DEAD_LETTERS_MAX))
            .flag(letter.replay);
        let rows = self.change_consumer(bury, ConsumerError::Lost).await?;
        if column::get(&rows[0], 0)? {
            return Ok(());
        }
        Err(ConsumerError::Full)
    }

    async fn settle(&self, name: &str, token: LeaseToken, position: Position) -> Answer<()> {
        let settle = of_token(SETTLE, name, token).number(signed(position.0));
        self.change_consumer(settle, ConsumerError::Lost).await?;
        Ok(())
    }

    async fn dead_letters(
        &self,
        name: &str,
        replays: bool,
        after: Position,
        entries_max: usize,
    ) -> Answer<Vec<DeadLetter>> {
        let known = Statement::new(KNOWN).text(name.to_owned());
        let letters = Statement::new(if replays { REPLAYS } else { LETTERS })
            .text(name.to_owned())
            .number(signed(after.0))
            .number(page_size(entries_max));
        let mut answers = self.connections.read(&[known, letters]).await?;
        let letters = answers.pop().unwrap_or_default();
        if answers.pop().is_none_or(|rows| rows.is_empty()) {
            return Err(ConsumerError::Unknown);
        }
        Ok(letters.iter().map(letter).collect::<Result<_, _>>()?)
    }

    async fn replay_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        self.change_letters(REPLAY, name, position).await
    }

    async fn drop_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        self.change_letters(DROP, name, position).await
    }

    async fn forget_consumer(&self, name: &str) -> Answer<()> {
        let forget = Statement::new(FORGET).text(name.to_owned());
        let rows = self.change_consumer(forget, ConsumerError::Unknown).await?;
        if column::get(&rows[0], 0)? {
            return Ok(());
        }
        Err(ConsumerError::AtWork)
    }
}

fn of_token(sql: &'static str, name: &str, token: LeaseToken) -> Statement {
    Statement::new(sql)
        .text(name.to_owned())
        .number(signed(token.0))
}

fn state(row: &Row) -> Result<ConsumerState, Fault> {
    let paused: Option<i64> = column::get(row, 3)?;
    let rewound: Option<i64> = column::get(row, 5)?;
    let since: Option<i64> = column::get(row, 6)?;
    Ok(ConsumerState {
        name: column::get(row, 0)?,
        position: column::position(row, 1)?,
        token: LeaseToken(column::count(row, 2)?),
        holder: column::get(row, 12)?,
        paused: match paused {
            Some(at) => Some(Paused {
                at: Timestamp(at),
                reason: column::prose(row, 4)?,
            }),
            None => None,
        },
        rewound: match rewound {
            Some(_) => Some(column::position(row, 5)?),
            None => None,
        },
        trouble: match since {
            Some(since) => Some(Trouble {
                since: Timestamp(since),
                attempts: attempts(row, 7)?,
                reason: column::prose(row, 8)?.unwrap_or_default(),
            }),
            None => None,
        },
        failures: column::count(row, 9)?,
        dead_letters: column::count(row, 10)?,
        replays: column::count(row, 11)?,
    })
}

fn letter(row: &Row) -> Result<DeadLetter, Fault> {
    Ok(DeadLetter {
        position: column::position(row, 0)?,
        conversation: column::conversation_id(row, 1)?,
        seq: column::seq(row, 2)?,
        at: column::timestamp(row, 3)?,
        attempts: attempts(row, 4)?,
        reason: column::prose(row, 5)?.unwrap_or_default(),
        replay: column::get(row, 6)?,
    })
}

fn attempts(row: &Row, index: usize) -> Result<u32, Fault> {
    Ok(u32::try_from(column::count(row, index)?).unwrap_or(u32::MAX))
}

//! Statements, and sending several of them at once.
//!
//! Statements are never prepared under a name: a pooler that gives each transaction another server
//! connection would not find the name again. Each goes out with the types of its parameters in one round
//! trip, and those that do not need each other's answers go out together.

use futures_util::future::{try_join, try_join_all};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

/// A statement with its parameters, in the order of `$1`, `$2` and so on.
pub(crate) struct Statement {
    sql: &'static str,
    parameters: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Statement {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self {
            sql,
            parameters: Vec::new(),
        }
    }

    fn with(mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> Self {
        self.parameters.push((Box::new(value), kind));
        self
    }

    pub(crate) fn number(self, value: impl Into<Option<i64>>) -> Self {
        self.with(value.into(), Type::INT8)
    }

    pub(crate) fn numbers(self, values: Vec<i64>) -> Self {
        self.with(values, Type::INT8_ARRAY)
    }

    pub(crate) fn optional_numbers(self, values: Vec<Option<i64>>) -> Self {
        self.with(values, Type::INT8_ARRAY)
    }

    pub(crate) fn small_numbers(self, values: Vec<i16>) -> Self {
        self.with(values, Type::INT2_ARRAY)
    }

    pub(crate) fn text(self, value: impl Into<Option<String>>) -> Self {
        self.with(value.into(), Type::TEXT)
    }

    pub(crate) fn texts(self, values: Vec<String>) -> Self {
        self.with(values, Type::TEXT_ARRAY)
    }

    pub(crate) fn optional_texts(self, values: Vec<Option<String>>) -> Self {
        self.with(values, Type::TEXT_ARRAY)
    }

    pub(crate) fn uuid(self, value: Uuid) -> Self {
        self.with(value, Type::UUID)
    }

    pub(crate) fn uuids(self, values: Vec<Uuid>) -> Self {
        self.with(values, Type::UUID_ARRAY)
    }

    pub(crate) fn optional_uuids(self, values: Vec<Option<Uuid>>) -> Self {
        self.with(values, Type::UUID_ARRAY)
    }

    pub(crate) fn bytes(self, value: [u8; 32]) -> Self {
        self.with(value.to_vec(), Type::BYTEA)
    }

    pub(crate) fn optional_bytes(self, value: Option<[u8; 32]>) -> Self {
        self.with(value.map(|bytes| bytes.to_vec()), Type::BYTEA)
    }

    pub(crate) fn optional_uuid(self, value: Option<Uuid>) -> Self {
        self.with(value, Type::UUID)
    }

    pub(crate) fn flags(self, values: Vec<bool>) -> Self {
        self.with(values, Type::BOOL_ARRAY)
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.with(value, Type::BOOL)
    }

    #[cfg(test)]
    pub(crate) fn explained(mut self, sql: &'static str) -> Self {
        self.sql = sql;
        self
    }

    /// The text, to explain it.
    #[cfg(test)]
    pub(crate) fn sql(&self) -> &'static str {
        self.sql
    }

    /// Sends it with the first poll and waits for its rows.
    pub(crate) async fn run(&self, client: &Client) -> Result<Vec<Row>, Error> {
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> = self
            .parameters
            .iter()
            .map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone()))
            .collect();
        client.query_typed(self.sql, &parameters).await
    }
}

/// Sends `begin` and the statements in one round trip. The transaction stays open.
pub(crate) async fn begin(
    client: &Client,
    begin: &str,
    statements: &[Statement],
) -> Result<Vec<Vec<Row>>, Error> {
    let begin = client.batch_execute(begin);
    let all = try_join_all(statements.iter().map(|statement| statement.run(client)));
    let ((), rows) = try_join(begin, all).await?;
    Ok(rows)
}

/// Runs the statements in a transaction of their own, in one round trip. Everything is sent with the
/// first poll, so dropping the future leaves no transaction open.
pub(crate) async fn transaction(
    client: &Client,
    opening: &str,
    statements: &[Statement],
) -> Result<Vec<Vec<Row>>, Error> {
    let (rows, ()) = try_join(
        begin(client, opening, statements),
        client.batch_execute("COMMIT"),
    )
    .await?;
    Ok(rows)
}

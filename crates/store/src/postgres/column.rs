//! Columns as values of the core. What cannot be one means that the database was damaged.

use std::fmt;
use std::str::FromStr;

use tidemark_core::{ConversationId, InvalidId, Position, Seq, Timestamp, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::fault::Trouble;
use super::text;

/// A column of a row, or trouble that names it.
pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, Trouble> {
    row.try_get(index).map_err(Trouble::from)
}

pub(crate) fn count(row: &Row, index: usize) -> Result<u64, Trouble> {
    number(get::<i64>(row, index)?)
}

/// A count that is absent where there is nothing to count.
pub(crate) fn count_or_zero(row: &Row, index: usize) -> Result<u64, Trouble> {
    number(get::<Option<i64>>(row, index)?.unwrap_or(0))
}

pub(crate) fn seq(row: &Row, index: usize) -> Result<Seq, Trouble> {
    seq_of(get::<i64>(row, index)?)
}

pub(crate) fn optional_seq(row: &Row, index: usize) -> Result<Option<Seq>, Trouble> {
    get::<Option<i64>>(row, index)?.map(seq_of).transpose()
}

pub(crate) fn position(row: &Row, index: usize) -> Result<Position, Trouble> {
    count(row, index).map(Position)
}

pub(crate) fn timestamp(row: &Row, index: usize) -> Result<Timestamp, Trouble> {
    get(row, index).map(Timestamp)
}

pub(crate) fn conversation_id(row: &Row, index: usize) -> Result<ConversationId, Trouble> {
    get::<Uuid>(row, index).map(ConversationId)
}

pub(crate) fn user_id(row: &Row, index: usize) -> Result<UserId, Trouble> {
    named(row, index)
}

/// A value that is kept under its name.
pub(crate) fn named<T>(row: &Row, index: usize) -> Result<T, Trouble>
where
    T: FromStr<Err = InvalidId>,
{
    T::from_str(get::<&str>(row, index)?).map_err(|error| damaged(error.0))
}

/// What a person wrote.
pub(crate) fn prose(row: &Row, index: usize) -> Result<Option<String>, Trouble> {
    Ok(get::<Option<String>>(row, index)?.map(text::original))
}

pub(crate) fn damaged(what: impl fmt::Display) -> Trouble {
    Trouble::Damaged(what.to_string())
}

fn number(value: i64) -> Result<u64, Trouble> {
    u64::try_from(value).map_err(|_| damaged("a negative count"))
}

fn seq_of(value: i64) -> Result<Seq, Trouble> {
    Seq::new(number(value)?).ok_or_else(|| damaged("a seq above 2^53"))
}

/// A count as the database keeps it.
pub(crate) fn signed(count: u64) -> i64 {
    // What was counted never comes near; what a caller asks for may.
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many entries a page asks for.
pub(crate) fn page_size(entries: usize) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}

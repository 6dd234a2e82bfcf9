//! Columns as values of the core. What cannot be one means that the file was damaged.

use std::fmt;
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::Type;
use tidemark_core::{ConversationId, InvalidId, Position, Seq, Timestamp, UserId};
use uuid::Uuid;

pub(crate) fn seq(row: &Row<'_>, index: usize) -> rusqlite::Result<Seq> {
    seq_of(row.get(index)?, index)
}

pub(crate) fn optional_seq(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Seq>> {
    row.get::<_, Option<u64>>(index)?
        .map(|number| seq_of(number, index))
        .transpose()
}

pub(crate) fn position(row: &Row<'_>, index: usize) -> rusqlite::Result<Position> {
    row.get(index).map(Position)
}

pub(crate) fn timestamp(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(Timestamp)
}

pub(crate) fn uuid(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    row.get(index).map(Uuid::from_bytes)
}

pub(crate) fn conversation_id(row: &Row<'_>, index: usize) -> rusqlite::Result<ConversationId> {
    uuid(row, index).map(ConversationId)
}

pub(crate) fn user_id(row: &Row<'_>, index: usize) -> rusqlite::Result<UserId> {
    named(row, index)
}

/// A value that is kept under its name.
pub(crate) fn named<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err = InvalidId>,
{
    let name = row.get_ref(index)?.as_str()?;
    T::from_str(name).map_err(|error| damaged(index, error.0))
}

/// The error for a column that holds what was never written there.
pub(crate) fn damaged(index: usize, what: impl fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Null, what.to_string().into())
}

fn seq_of(number: u64, index: usize) -> rusqlite::Result<Seq> {
    Seq::new(number).ok_or_else(|| damaged(index, "a seq above 2^53"))
}

//! The `kind` column of the log.

use tidemark_core::conversation::EventBody;

/// What kind of event a row is; the numbers are in the files and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Created = 0,
    /// Partial indexes and queries name this one by its number.
    Message = 1,
    /// So is this one.
    Members = 2,
    Settings = 3,
}

impl EventKind {
    pub(crate) fn of(body: &EventBody) -> Self {
        match body {
            EventBody::Created { .. } => Self::Created,
            EventBody::Message(_) => Self::Message,
            EventBody::Members(_) => Self::Members,
            EventBody::Settings { .. } => Self::Settings,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Created, Self::Message, Self::Members, Self::Settings]
            .into_iter()
            .find(|kind| *kind as i64 == number)
    }
}

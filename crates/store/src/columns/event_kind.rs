//! The `kind` column of the log.

use tidemark_core::conversation::{Change, EventBody};

/// What kind of event a row is; the numbers are in the files and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Created = 0,
    /// Partial indexes and queries name this one by its number.
    Message = 1,
    /// So is this one.
    Members = 2,
    Settings = 3,
    /// And this one.
    Edit = 4,
    Delete = 5,
    Reaction = 6,
    Pin = 7,
}

impl EventKind {
    pub(crate) fn of(body: &EventBody) -> Self {
        match body {
            EventBody::Created { .. } => Self::Created,
            EventBody::Message(_) => Self::Message,
            EventBody::Members(_) => Self::Members,
            EventBody::Settings { .. } => Self::Settings,
            EventBody::Amendment(amendment) => match amendment.change {
                Change::Edit { .. } => Self::Edit,
                Change::Delete { .. } => Self::Delete,
                Change::Reaction { .. } => Self::Reaction,
                Change::Pin { .. } => Self::Pin,
            },
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        let kinds = [
            Self::Created,
            Self::Message,
            Self::Members,
            Self::Settings,
            Self::Edit,
            Self::Delete,
            Self::Reaction,
            Self::Pin,
        ];
        kinds.into_iter().find(|kind| *kind as i64 == number)
    }
}

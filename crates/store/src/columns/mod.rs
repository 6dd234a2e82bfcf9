//! How events and people are written into columns: the same for every engine that speaks SQL.

pub(crate) mod commands;
pub(crate) mod detail;
mod event_kind;
mod origin;
pub(crate) mod uploads;
pub(crate) mod words;

pub(crate) use event_kind::EventKind;
pub(crate) use origin::Origin;

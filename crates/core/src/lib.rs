//! The rules of chat, and nothing else.
//!
//! Who may do what, what an event is, how a timeline folds, how unread is counted and who counts as present.
//! There is no
//! clock, no randomness, no I/O, no `async` and no serialisation here: time and identifiers come in as
//! arguments, and every other part of Tidemark (each store, the Rust SDK, the simulator) runs
//! these same functions.
//!
//! Start with [`conversation::decide`], the one place where a [`conversation::Command`] becomes
//! events or a [`Refusal`].

pub mod access;
pub mod conversation;
mod ids;
mod limits;
pub mod names;
mod order;
pub mod personal;
pub mod presence;
mod refusal;
pub mod timeline;
pub mod typing;
pub mod unread;
pub mod upload;

pub use ids::{ClientId, ConversationId, InvalidId, InviteId, SessionId, UploadId, UserId};
pub use limits::Limits;
pub use order::{Position, Seq, Timestamp};
pub use refusal::{Refusal, RefusalCode};

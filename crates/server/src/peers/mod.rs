//! Serving one store with several nodes.
//!
//! Nodes tell each other over a [bus](crate::bus) what became durable, and the bus may lose all of it. So each node
//! also looks for itself. Four things keep what its sockets get complete and in order:
//!
//! - [`listen`] takes what other nodes tell and gives it to the hub.
//! - The hub passes the events of a room on in order, each once, and holds what comes early for a moment.
//! - [`mend`] reads from the store what is still missing then, once for the whole room.
//! - [`compare`] asks the store every few seconds how far the conversations that have sockets here have come, who
//!   joined where, and which of the signed-in devices were revoked.

mod compare;
mod listen;
mod mend;

pub(crate) use compare::compare;
pub(crate) use listen::listen;
pub(crate) use mend::mend_gaps;

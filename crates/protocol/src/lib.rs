//! Tidemark's wire: what clients and servers say to each other, and nothing about how the bytes travel.
//!
//! - [`frame`]: what goes over the socket, parsed strictly and encoded once.
//! - [`body`]: what goes over HTTP.
//! - [`session`]: one end of a socket as a state machine.
//! - [`wire`]: how the types of the core look in JSON.
//! - [`session`]: a connection as a state machine.
//!
//! There are no sockets here, no clock and no store: the server and the SDK bring those.

pub mod body;
mod code;
pub mod frame;
pub mod session;
pub mod wire;

pub use code::{ByeCode, Code};

//! What one end of a socket knows, without the socket: text and time go in, decisions come out.

pub mod client;
pub mod delivery;
pub mod server;

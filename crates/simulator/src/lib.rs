//! Fault tools: what the real world does to a chat server, on purpose and from a seed.
//!
//! [`proxy`] is a network that delays, stalls and cuts; [`node`] runs the real program and kills it;
//! [`postgres`] runs a database to kill; [`check`] says what must hold afterwards whatever happened. They know nothing of each other: a test
//! puts them together.

pub mod check;
pub mod node;
pub mod postgres;
pub mod proxy;

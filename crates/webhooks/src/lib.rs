//! Calls of somebody else's HTTP server.
//!
//! Two things are hard about webhooks, and both are here. Whoever is called must be able to trust what they get: each call
//! is [signed](Secret::sign) as [Standard Webhooks](https://www.standardwebhooks.com) says, with a time, so that it
//! can be neither made up nor sent again later. And whoever may say what is called must not reach the network of the server by it:
//! [`Caller`] connects to public addresses only, which are looked at [after names are resolved](Reach), follows no
//! redirect, and reads a bounded answer in a bounded time.
//!
//! What is called about, in which order and how often is somebody else's.

mod call;
mod reach;
mod secret;

pub use call::{Answer, Call, CallError, Caller, Limits};
pub use reach::{Reach, Unreachable};
pub use secret::{BadSignature, Secret, SecretError, Signature};

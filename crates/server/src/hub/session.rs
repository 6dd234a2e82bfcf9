//! One open socket, as the hub knows it.

use std::collections::HashSet;

use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::{ConversationId, SessionId};

use super::outbox::Outbox;

/// One open socket: whose it is, and what waits for it.
#[derive(Debug)]
pub(crate) struct Session {
    /// Tells sockets apart inside this process.
    pub(crate) key: u64,
    /// On whose behalf the socket acts.
    pub(crate) caller: Caller,
    /// The signed-in device, if the token was one's.
    pub(crate) device: Option<SessionId>,
    pub(crate) outbox: Outbox,
    /// The rooms that this socket is in, so that it can be taken out of all of them. Changed only
    /// together with the room.
    pub(super) rooms: Mutex<HashSet<ConversationId>>,
}

//! One open socket, as the hub knows it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::presence::Status;
use tidemark_core::{ConversationId, SessionId};

use super::outbox::Outbox;
use crate::presence::Watching;

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
    /// Whether the client said that its user looks elsewhere. Changed only under the lock of the user.
    pub(super) is_away: AtomicBool,
    /// Whose presence it hears of.
    pub(crate) watching: Mutex<Watching>,
}

impl Session {
    /// What the device is to its user's presence.
    pub(super) fn status(&self) -> Status {
        if self.is_away.load(Ordering::Relaxed) {
            Status::Away
        } else {
            Status::Online
        }
    }
}

//! Whether the two of a direct conversation see each other write: not while one blocks the other.
//!
//! The store knows. It is asked when somebody writes to one other person, kept for a minute, and forgotten when one of
//! the two begins to block somebody or ceases to, here or on another node.

use tidemark_core::{ConversationId, UserId};

use super::Hub;

/// Conversations of more people are not direct ones.
const PEOPLE_OF_DIRECT: u64 = 2;
/// How long an answer of the store holds: as long as a change that a node did not hear of may be without effect.
const HOLDS_MS: u64 = 60_000;

/// What a room knows of it.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// The last answer, and until when it holds.
    answer: Option<(bool, u64)>,
    /// How often it was forgotten: an answer to a question from before is of no use.
    forgotten: u64,
}

/// When the store was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedSilence(u64);

impl Silence {
    /// Whether nothing is shown in a conversation with so many people; or else what has to be asked.
    pub(super) fn of_room(&self, members: u64, now_ms: u64) -> Result<bool, AskedSilence> {
        match self.answer {
            _ if members > PEOPLE_OF_DIRECT => Ok(false),
            Some((is_silent, until_ms)) if now_ms < until_ms => Ok(is_silent),
            _ => Err(AskedSilence(self.forgotten)),
        }
    }

    fn forget(&mut self) {
        self.answer = None;
        self.forgotten += 1;
    }
}

impl Hub {
    /// What the store says of it.
    pub(crate) fn learn_silence(
        &self,
        conversation: ConversationId,
        asked: AskedSilence,
        is_silent: bool,
    ) {
        let until_ms = self.clock.monotonic_ms() + HOLDS_MS;
        self.rooms.with(&conversation, |rooms, id| {
            if let Some(room) = rooms.get_mut(id)
                && room.silence.forgotten == asked.0
            {
                room.silence.answer = Some((is_silent, until_ms));
            }
        });
    }

    /// Somebody with sockets here blocks or is blocked, or no longer.
    pub(super) fn forget_silence(&self, user: &UserId) {
        for session in self.sessions_of(user) {
            let rooms: Vec<_> = session.rooms.lock().iter().copied().collect();
            for conversation in rooms {
                self.rooms.with(&conversation, |rooms, id| {
                    if let Some(room) = rooms.get_mut(id) {
                        room.silence.forget();
                    }
                });
            }
        }
    }
}

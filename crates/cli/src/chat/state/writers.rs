//! Who is writing.

use tidemark_core::{ConversationId, UserId};

use super::State;

/// More are not kept: nobody could read their names.
const WRITERS_MAX: usize = 100;

/// People who are writing somewhere. When that is over is for others to say: there is no clock here.
#[derive(Debug, Default)]
pub(super) struct Writers(Vec<(ConversationId, UserId)>);

impl Writers {
    pub(super) fn begin(&mut self, conversation: ConversationId, user: UserId) {
        let writer = (conversation, user);
        if self.0.len() < WRITERS_MAX && !self.0.contains(&writer) {
            self.0.push(writer);
        }
    }

    pub(super) fn end(&mut self, conversation: ConversationId, user: &UserId) {
        self.0
            .retain(|(place, writer)| *place != conversation || writer != user);
    }

    fn of(&self, conversation: ConversationId) -> Vec<&UserId> {
        let here = self.0.iter().filter(|(place, _)| *place == conversation);
        here.map(|(_, user)| user).collect()
    }
}

impl State {
    /// Who is writing in the open conversation.
    pub(in crate::chat) fn writers_here(&self) -> Vec<&UserId> {
        let here = self.open.as_ref().map(|open| self.writers.of(open.id));
        here.unwrap_or_default()
    }
}

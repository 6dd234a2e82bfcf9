//! Which writer gets which commands of a batch.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tidemark_core::ConversationId;
use tidemark_core::conversation::{Action, Command};

use crate::Batch;

/// From how many commands on a batch is worth more than one transaction. A smaller one keeps its order
/// also between conversations, in the feed.
const SPLIT_COMMANDS_MIN: usize = 64;

/// Some commands of a batch, in its order.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) writer: usize,
    /// Where in the batch they are.
    pub(crate) places: Vec<usize>,
    pub(crate) commands: Vec<Command>,
}

/// Divides a batch so that commands that can affect each other stay together: those about one conversation,
/// and those that begin one, which may name the same pair or the same wish. The same conversation goes to the
/// same writer, as long as it stands alone, so that the writers of a node seldom wait for each other.
pub(crate) fn split(batch: Batch, writers: usize) -> Vec<Part> {
    let Some(first) = batch.first() else {
        return Vec::new();
    };
    if batch.len() < SPLIT_COMMANDS_MIN || writers == 1 {
        return vec![Part {
            writer: writer_of(first.conversation, writers),
            places: (0..batch.len()).collect(),
            commands: batch,
        }];
    }
    let beginning = batch
        .iter()
        .filter(|command| matches!(command.action, Action::Create(_)));
    let begun: BTreeSet<ConversationId> = beginning.map(|command| command.conversation).collect();
    let writer_of_begun = begun
        .first()
        .map_or(0, |conversation| writer_of(*conversation, writers));
    let mut parts: Vec<Part> = (0..writers)
        .map(|writer| Part {
            writer,
            places: Vec::new(),
            commands: Vec::new(),
        })
        .collect();
    for (place, command) in batch.into_iter().enumerate() {
        let writer = if begun.contains(&command.conversation) {
            writer_of_begun
        } else {
            writer_of(command.conversation, writers)
        };
        parts[writer].places.push(place);
        parts[writer].commands.push(command);
    }
    parts.retain(|part| !part.commands.is_empty());
    parts
}

fn writer_of(conversation: ConversationId, writers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    conversation.hash(&mut hasher);
    let writers = writers as u64;
    usize::try_from(hasher.finish() % writers).expect("fewer than there are writers")
}

#[cfg(test)]
mod tests {
    use tidemark_core::access::Caller;
    use tidemark_core::conversation::{
        Action, Command, ConversationKind, NewConversation, Visibility,
    };
    use tidemark_core::{ConversationId, Timestamp};
    use uuid::Uuid;

    use super::{SPLIT_COMMANDS_MIN, split};

    fn command(conversation: usize, action: Action) -> Command {
        Command {
            conversation: ConversationId(Uuid::from_u128(conversation as u128)),
            caller: Caller::Administrator,
            at: Timestamp(0),
            action,
        }
    }

    fn creation() -> Action {
        Action::Create(NewConversation {
            kind: ConversationKind::Group,
            visibility: Visibility::Private,
            title: None,
            members: Vec::new(),
            client_id: None,
        })
    }

    #[test]
    fn a_small_batch_stays_in_one_piece() {
        let batch: Vec<_> = (0..SPLIT_COMMANDS_MIN - 1)
            .map(|room| command(room, Action::Leave))
            .collect();
        let parts = split(batch.clone(), 4);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].commands, batch);
        assert!(split(Vec::new(), 4).is_empty());
    }

    #[test]
    fn a_conversation_stays_in_one_piece_and_in_order() {
        let batch: Vec<_> = (0..1_000)
            .map(|place| command(place % 50, Action::Leave))
            .collect();
        let parts = split(batch.clone(), 4);
        assert_eq!(parts.len(), 4);
        let mut places: Vec<_> = parts.iter().flat_map(|part| part.places.clone()).collect();
        for part in &parts {
            assert!(part.places.is_sorted());
            for (place, command) in part.places.iter().zip(&part.commands) {
                assert_eq!(*command, batch[*place]);
                let rooms = parts.iter().filter(|other| {
                    let mut rooms = other.commands.iter();
                    rooms.any(|one| one.conversation == command.conversation)
                });
                assert_eq!(rooms.count(), 1);
            }
        }
        places.sort_unstable();
        assert!(places.into_iter().eq(0..batch.len()));
    }

    #[test]
    fn whatever_begins_goes_together_with_what_follows_in_it() {
        let begin = (0..50).map(|room| command(room, creation()));
        let leave = (0..100).map(|room| command(room, Action::Leave));
        let parts = split(begin.chain(leave).collect(), 4);
        let with_begun: Vec<_> = parts
            .iter()
            .filter(|part| part.places.iter().any(|place| *place < 100))
            .collect();
        assert_eq!(with_begun.len(), 1);
        assert!((0..100).all(|place| with_begun[0].places.contains(&place)));
    }
}

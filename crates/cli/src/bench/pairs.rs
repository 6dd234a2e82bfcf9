//! Pairs of people: one sends, the other listens, in a conversation of their own.

use tidemark_core::ConversationId;

use super::load_socket::{LARGE_BUFFER_BYTES, LoadSocket, open_all};
use super::people::{People, begin_conversations};
use super::progress::Progress;
use super::target::Target;
use crate::failure::Failure;

/// Two open sockets of two people.
pub(super) struct Pair {
    pub(super) conversation: ConversationId,
    /// The place of the last event before the first message.
    pub(super) head: u64,
    pub(super) sender: LoadSocket,
    pub(super) receiver: LoadSocket,
}

/// Makes the people and their conversations, and opens their sockets.
pub(super) async fn open_pairs(
    target: &Target,
    count: usize,
    progress: &Progress,
) -> Result<Vec<Pair>, Failure> {
    let people = People::of_a_new_run();
    let users = |role| (0..count).map(|number| people.user(role, number)).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = (users("sender"), users("receiver"));
    let groups = senders.iter().cloned().zip(receivers.iter().cloned());
    let groups = groups.map(|(sender, receiver)| vec![sender, receiver]);
    let conversations = begin_conversations(target, groups.collect(), progress).await?;
    let senders = open_all(target, senders, LARGE_BUFFER_BYTES, progress).await?;
    let receivers = open_all(target, receivers, LARGE_BUFFER_BYTES, progress).await?;
    let sockets = senders.into_iter().zip(receivers);
    conversations
        .into_iter()
        .zip(sockets)
        .map(|(conversation, (sender, receiver))| {
            Ok(Pair {
                conversation,
                head: receiver.head(conversation)?,
                sender: sender.socket,
                receiver: receiver.socket,
            })
        })
        .collect()
}

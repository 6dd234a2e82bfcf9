//! Threads: replies below one message, with cursors of their own. The rules about both.

use crate::access::{Caller, Operation, permit_in};
use crate::conversation::{Conversation, Membership};
use crate::unread::Tally;
use crate::{Refusal, Seq};

/// That a message is a reply in a thread, as its event says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InThread {
    /// The thread: the place of its first message.
    pub root: Seq,
    /// Whether the conversation shows it as well, and not the thread alone.
    pub also_in_conversation: bool,
    /// Whether its sender had not replied in the thread before. It follows from the log, and is said so that
    /// whoever holds only the end of a thread can count who takes part in it.
    pub first: bool,
}

/// A wish to reply in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewReply {
    /// The thread: the place of its first message.
    pub thread: Seq,
    /// Whether the conversation is to show it as well.
    pub also_in_conversation: bool,
}

/// What is known of the message that a thread is to be below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Whether it is a reply itself.
    pub is_reply: bool,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// The replies that were ever sent below it, and those of them by the caller.
    pub tally: Tally,
}

impl Tally {
    /// The tally behind one more reply, by the one user whom the tally is about.
    #[must_use]
    pub fn with_reply(self) -> Self {
        Self {
            messages: self.messages + 1,
            own: self.own + 1,
        }
    }
}

/// Whether `reply` may be sent, and what its event says of the thread. `root` is what is at the place that it names,
/// if that is a message.
pub(super) fn reply(
    conversation: &Conversation,
    root: Option<Root>,
    reply: NewReply,
) -> Result<InThread, Refusal> {
    let root = root
        .filter(|_| conversation.has(reply.thread))
        .ok_or_else(|| Refusal::invalid("thread names no message of this conversation"))?;
    check_is_no_reply(root)?;
    if root.is_deleted {
        return Err(Refusal::conflict(
            "the first message of the thread was deleted",
        ));
    }
    Ok(InThread {
        root: reply.thread,
        also_in_conversation: reply.also_in_conversation,
        first: root.tally.own == 0,
    })
}

/// Whether a retry wishes the same as what was sent.
pub(super) fn is_same(was: Option<InThread>, again: Option<NewReply>) -> bool {
    let wished = was.map(|was| NewReply {
        thread: was.root,
        also_in_conversation: was.also_in_conversation,
    });
    wished == again
}

/// Up to where a member has read a thread, given the cursor that is kept for them there, if there is one. What
/// was said before they joined counts as read.
pub fn cursor(kept: Option<Seq>, membership: &Membership) -> Seq {
    membership.joined.max(kept.unwrap_or(Seq::ZERO))
}

/// Whether the caller may look at the thread below `root`.
///
/// # Errors
///
/// `not_found` where there is no message, `invalid` where it is a reply.
pub fn check_root(root: Option<Root>) -> Result<Root, Refusal> {
    let root = root.ok_or_else(Refusal::no_such_message)?;
    check_is_no_reply(root)?;
    Ok(root)
}

fn check_is_no_reply(root: Root) -> Result<(), Refusal> {
    if root.is_reply {
        return Err(Refusal::invalid(
            "the message is a reply itself; name the first message of its thread",
        ));
    }
    Ok(())
}

/// Decides about the wish to move the caller's cursor in a thread to `seq`: where it is to stand, or `None` if it
/// stays. `kept` is the cursor that is kept, if there is one. Below a message without replies there is
/// nothing to read, and nothing is kept.
///
/// # Errors
///
/// The refusal to answer with, when nothing happens.
pub fn move_cursor(
    caller: &Caller,
    conversation: Option<&Conversation>,
    membership: Option<&Membership>,
    root: Option<Root>,
    kept: Option<Seq>,
    seq: Seq,
) -> Result<Option<Seq>, Refusal> {
    let conversation = permit_in(Operation::MoveCursor, caller, conversation, membership)?;
    let root = check_root(root)?;
    conversation.check_place(seq)?;
    let stands = membership.map_or(Seq::ZERO, |membership| cursor(kept, membership));
    Ok((root.tally.messages > 0 && seq > stands).then_some(seq))
}

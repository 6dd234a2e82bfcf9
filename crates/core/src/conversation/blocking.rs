//! Blocking: what somebody who wants to be left alone by another person is spared.
//!
//! A refusal never says which of the two blocked the other where it could be either.

use crate::access::Caller;
use crate::conversation::{Conversation, UserFacts};
use crate::{Limits, Refusal, UserId};

/// What is known when somebody wants to block another person, or to end that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockFacts {
    /// Whether both people are known.
    pub both_exist: bool,
    /// Whether the other one is blocked now.
    pub is_blocked: bool,
    /// How many people are blocked by the one who wishes it.
    pub blocks: usize,
}

/// Whether the wish of `user` that `other` be blocked, or not be, changes something.
///
/// # Errors
///
/// `not_found` if one of them is not known, `invalid` for oneself, `too_large` for one more than anybody may block.
pub fn change_block(
    user: &UserId,
    other: &UserId,
    on: bool,
    facts: BlockFacts,
    limits: &Limits,
) -> Result<bool, Refusal> {
    if user == other {
        return Err(Refusal::invalid("nobody blocks themselves"));
    }
    if !facts.both_exist {
        return Err(Refusal::not_found("there is no such user"));
    }
    if on && !facts.is_blocked && facts.blocks >= limits.blocks_max {
        let most = limits.blocks_max;
        return Err(Refusal::too_large(format!(
            "one user blocks at most {most} others"
        )));
    }
    Ok(on != facts.is_blocked)
}

/// Whether the caller is shown how far `whose` devices have read and fetched: of the two people between whom one blocks
/// the other, each sees only the own.
pub fn shows_cursor(conversation: &Conversation, caller: &Caller, whose: &UserId) -> bool {
    !conversation.blocked || caller.user().is_none_or(|user| user == whose)
}

/// Whether anything but reading and deleting goes on in this conversation.
pub(super) fn check_open(conversation: &Conversation) -> Result<(), Refusal> {
    if conversation.blocked {
        return Err(Refusal::forbidden(
            "the two people of this conversation cannot write to each other",
        ));
    }
    Ok(())
}

/// Whether a direct conversation of a pair may begin.
pub(super) fn check_pair(pair_is_blocked: bool) -> Result<(), Refusal> {
    if pair_is_blocked {
        return Err(Refusal::forbidden(
            "a direct conversation between these two people cannot be begun",
        ));
    }
    Ok(())
}

/// Whether the caller may bring this user into a conversation.
pub(super) fn check_bring(user: &UserId, known: &UserFacts) -> Result<(), Refusal> {
    if known.blocks_caller {
        return Err(Refusal::forbidden(format!(
            "{user} cannot be added by you; they can join by an invite"
        )));
    }
    Ok(())
}

//! Up to where a member's devices have fetched a conversation.

use crate::conversation::decide::Decision;
use crate::conversation::{Conversation, Membership};
use crate::{Refusal, Seq};

/// A wish to say up to where one of the caller's devices has fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Up to where.
    pub seq: Seq,
    /// In a conversation of more members nothing is kept: nobody is shown it there.
    pub members_max: u64,
}

impl Membership {
    /// Up to where a device has fetched: what was read was delivered.
    pub fn delivered_through(&self) -> Seq {
        self.delivered.max(self.read)
    }
}

pub(super) fn move_delivered(
    conversation: &Conversation,
    caller: Option<&Membership>,
    delivery: Delivery,
) -> Result<Decision, Refusal> {
    conversation.check_place(delivery.seq)?;
    let is_news = caller.is_some_and(|caller| delivery.seq > caller.delivered_through());
    if is_news && conversation.members <= delivery.members_max {
        return Ok(Decision::MoveDelivered(delivery.seq));
    }
    Ok(Decision::Unchanged)
}

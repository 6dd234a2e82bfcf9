//! What one person keeps of a conversation for themselves: nobody else sees it, and the log does not know it.

use crate::access::{Caller, Operation, permit_in};
use crate::conversation::{Conversation, Membership};
use crate::{Limits, Refusal, Seq, Timestamp};

/// How a conversation stands with one of its members. The default is that of somebody who has just joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Personal {
    /// Until when they want no notifications of it.
    pub muted_until: Option<Timestamp>,
    /// Whether it is out of the way.
    pub archived: bool,
    /// Whether it is one of their favourites.
    pub favourite: bool,
    /// The message to come back to. Holds until they read on, or write something: see [`Kept`].
    pub marked_unread_at: Option<Seq>,
    /// What they have begun to write.
    pub draft: Option<Draft>,
}

/// A message that is not sent yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What it says so far.
    pub text: String,
    /// The event that it answers.
    pub reply_to: Option<Seq>,
}

/// What to change: `Some` sets, `None` leaves, an inner `None` takes away. Of two devices that change the same
/// field, the later one counts; different fields do not disturb each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalChange {
    /// See [`Personal::muted_until`].
    pub muted_until: Option<Option<Timestamp>>,
    /// See [`Personal::archived`].
    pub archived: Option<bool>,
    /// See [`Personal::favourite`].
    pub favourite: Option<bool>,
    /// See [`Personal::marked_unread_at`].
    pub marked_unread_at: Option<Option<Seq>>,
    /// See [`Personal::draft`]. One without text that answers nothing is none.
    pub draft: Option<Option<Draft>>,
}

/// A [`Personal`] with the number of the change that made it. Every user has a counter for all of their
/// conversations, which grows by one with each change; 0 stands before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versioned {
    /// Which change it was.
    pub version: u64,
    /// How it stands.
    pub personal: Personal,
}

/// What a store keeps: a state, and where its owner stood when it was made. What ends it is then known without
/// writing anything at that moment: the membership and what is read or sent say it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The state.
    pub state: Versioned,
    /// The event that had made them a member: for a later membership nothing of it counts.
    pub joined: Seq,
    /// Their cursor: once it has moved, the mark is gone.
    pub read: Seq,
    /// How many messages they had sent: once there is another one, the mark is gone.
    pub sent: u64,
}

impl Personal {
    /// Whether notifications are unwanted at this time.
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| now < until)
    }
}

impl Kept {
    /// What is to be kept of a state that `membership`'s owner has just made.
    #[must_use]
    pub fn new(state: Versioned, membership: &Membership) -> Self {
        Self {
            state,
            joined: membership.joined,
            read: membership.read,
            sent: membership.sent,
        }
    }

    /// What is left of it by now.
    #[must_use]
    pub fn seen_by(self, membership: &Membership) -> Versioned {
        let mut state = self.state;
        if !membership.is_current() || membership.joined != self.joined {
            return Versioned::default();
        }
        if (membership.read, membership.sent) != (self.read, self.sent) {
            state.personal.marked_unread_at = None;
        }
        state
    }
}

/// How `before` looks after a change. For members, as moving a cursor is.
///
/// # Errors
///
/// `not_found` and `forbidden` as [`permit_in`] says; `invalid` for a time before 1970 and for places that are not
/// in the log; `too_large` for a draft that could not be sent.
pub fn change(
    caller: &Caller,
    conversation: Option<&Conversation>,
    membership: Option<&Membership>,
    before: &Personal,
    change: PersonalChange,
    limits: &Limits,
) -> Result<Personal, Refusal> {
    let conversation = permit_in(Operation::MoveCursor, caller, conversation, membership)?;
    let is_there = |seq: Seq| conversation.has(seq);
    let mut after = before.clone();
    if let Some(until) = change.muted_until {
        if until.is_some_and(|until| until < Timestamp(0)) {
            return Err(Refusal::invalid("muted_until is before 1970"));
        }
        after.muted_until = until;
    }
    if let Some(archived) = change.archived {
        after.archived = archived;
    }
    if let Some(favourite) = change.favourite {
        after.favourite = favourite;
    }
    if let Some(mark) = change.marked_unread_at {
        if !mark.is_none_or(is_there) {
            return Err(Refusal::invalid(
                "marked_unread_at is not between 1 and head_seq",
            ));
        }
        after.marked_unread_at = mark;
    }
    if let Some(draft) = change.draft {
        let draft = draft.filter(|draft| !draft.text.is_empty() || draft.reply_to.is_some());
        if let Some(draft) = &draft {
            check_draft(draft, is_there, limits)?;
        }
        after.draft = draft;
    }
    Ok(after)
}

fn check_draft(
    draft: &Draft,
    is_there: impl Fn(Seq) -> bool,
    limits: &Limits,
) -> Result<(), Refusal> {
    let most = limits.text_bytes_max;
    if draft.text.len() > most {
        return Err(Refusal::too_large(format!(
            "draft.text is longer than {most} bytes"
        )));
    }
    if !draft.reply_to.is_none_or(is_there) {
        return Err(Refusal::invalid(
            "draft.reply_to is not between 1 and head_seq",
        ));
    }
    Ok(())
}

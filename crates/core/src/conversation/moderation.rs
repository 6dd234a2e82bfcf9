//! Bans, handing over, what people were before an edit, and what a change of members does to one of them.

use crate::access::{Caller, Standing};
use crate::conversation::decide::{Decision, Facts, check_grant, check_length, current_member};
use crate::conversation::{
    Conversation, EventBody, Joined, MembersChange, Membership, Mentions, Role,
};
use crate::{Refusal, Seq, Timestamp, UserId};

/// What a message said at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The event that made it say so: the message itself, or an edit of it.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// Who did it.
    pub by: UserId,
    /// What it said; empty if the message was deleted since.
    pub text: String,
    /// Whom it mentioned; nobody if the message was deleted since.
    pub mentions: Mentions,
}

/// Whether a member, who may read a message of `author`, may read what it said before.
///
/// # Errors
///
/// `forbidden` for everybody but its author and those who keep order.
pub fn may_read_versions(
    standing: Standing,
    caller: &Caller,
    author: &UserId,
) -> Result<(), Refusal> {
    if caller.author() == *author || standing.is_at_least(Role::Moderator) {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "only its author and moderators see what a message said before",
    ))
}

/// Whether a conversation with other members keeps an owner when this one leaves, or is an owner no longer.
pub(super) fn check_stays_owned(
    facts: &Facts<'_>,
    conversation: &Conversation,
    who: Option<&Membership>,
) -> Result<(), Refusal> {
    let is_owner = who.is_some_and(|who| who.is_current() && who.role == Role::Owner);
    if is_owner && !facts.has_other_owner && conversation.members > 1 {
        return Err(Refusal::conflict(
            "a conversation with other members keeps an owner; hand it over first",
        ));
    }
    Ok(())
}

pub(super) fn ban(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    user: UserId,
    reason: Option<String>,
) -> Result<Decision, Refusal> {
    check_length("reason", reason.as_deref(), facts.limits.reason_bytes_max)?;
    let known = facts.users.first().filter(|known| known.exists);
    let known = known.ok_or_else(|| Refusal::not_found(format!("there is no user {user}")))?;
    if caller.user() == Some(&user) {
        return Err(Refusal::invalid("nobody bans themselves; leave instead"));
    }
    let membership = known.membership.as_ref();
    if membership.is_some_and(|membership| membership.banned.is_some()) {
        return Ok(Decision::Unchanged);
    }
    let mut change = MembersChange::by(caller.author());
    if let Some(membership) = membership.filter(|membership| membership.is_current()) {
        check_grant(standing, membership.role)?;
        check_stays_owned(facts, conversation, Some(membership))?;
        change.left.push(user.clone());
    }
    change.banned.push(user);
    change.reason = reason.filter(|reason| !reason.is_empty());
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

pub(super) fn unban(facts: &Facts<'_>, caller: &Caller, user: UserId) -> Result<Decision, Refusal> {
    let known = facts.users.first();
    let membership = known.and_then(|known| known.membership.as_ref());
    if membership.is_none_or(|membership| membership.banned.is_none()) {
        return Err(Refusal::not_found(format!("{user} is not banned")));
    }
    let mut change = MembersChange::by(caller.author());
    change.unbanned.push(user);
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

pub(super) fn hand_over(
    facts: &Facts<'_>,
    caller: &Caller,
    user: UserId,
) -> Result<Decision, Refusal> {
    let is_owner = current_member(facts, &user)?.role == Role::Owner;
    if caller.user() == Some(&user) {
        return Err(Refusal::invalid("the caller is an owner already"));
    }
    let mut change = MembersChange::by(caller.author());
    let gets = |user, role| Joined { user, role };
    // The event names those whose role changes, and nobody else.
    if !is_owner {
        change.roles.push(gets(user, Role::Owner));
    }
    change.roles.push(gets(caller.author(), Role::Admin));
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

pub(super) fn is_banned(user: &UserId) -> Refusal {
    Refusal::forbidden(format!("{user} is banned here; lift the ban first"))
}

pub(super) fn you_are_banned() -> Refusal {
    Refusal::forbidden("you are banned from this conversation")
}

/// What a change of members does to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They become a member with this role.
    Joins(Role),
    /// They stop being a member.
    Leaves,
    /// Their role is this one.
    Gets(Role),
    /// They are kept out.
    IsBanned,
    /// They are kept out no longer.
    IsUnbanned,
}

impl Effect {
    /// What somebody's membership is after the event at `seq`.
    #[must_use]
    pub fn apply(self, previous: Option<Membership>, seq: Seq) -> Option<Membership> {
        let with = |change: fn(&mut Membership, Seq)| {
            let mut membership = previous.clone()?;
            change(&mut membership, seq);
            Some(membership)
        };
        match self {
            Self::Joins(role) => Some(Membership::join(previous.as_ref(), role, seq)),
            Self::Leaves => with(Membership::leave),
            Self::Gets(role) => Some(Membership { role, ..previous? }),
            Self::IsBanned => Some(Membership {
                banned: Some(seq),
                ..previous.unwrap_or(Membership {
                    role: Role::Guest,
                    joined: Seq::ZERO,
                    left: Some(seq),
                    read: Seq::ZERO,
                    sent: 0,
                    sent_at: None,
                    banned: None,
                    delivered: Seq::ZERO,
                })
            }),
            Self::IsUnbanned => with(|membership, _| membership.banned = None),
        }
    }
}

impl MembersChange {
    /// What it does to whom, in the order in which it happens.
    pub fn effects(&self) -> impl Iterator<Item = (&UserId, Effect)> {
        fn each(users: &[UserId], effect: Effect) -> impl Iterator<Item = (&UserId, Effect)> {
            users.iter().map(move |user| (user, effect))
        }
        let joined = self.joined.iter();
        let roles = self.roles.iter();
        joined
            .map(|one| (&one.user, Effect::Joins(one.role)))
            .chain(each(&self.left, Effect::Leaves))
            .chain(roles.map(|one| (&one.user, Effect::Gets(one.role))))
            .chain(each(&self.banned, Effect::IsBanned))
            .chain(each(&self.unbanned, Effect::IsUnbanned))
    }
}

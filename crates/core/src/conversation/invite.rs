//! Invites: who holds a code may join, as often and as long as it says.

use crate::access::Caller;
use crate::conversation::decide::{Decision, Facts, check_room};
use crate::conversation::{
    Conversation, EventBody, Joined, MembersChange, Membership, Role, moderation,
};
use crate::{InviteId, Refusal, Timestamp, UserId};

/// What is kept of the secret code of an invite: its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeHash(pub [u8; 32]);

/// An invite to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    /// Its id.
    pub id: InviteId,
    /// The hash of its code.
    pub code: CodeHash,
    /// The role of those who join by it: member or guest.
    pub role: Role,
    /// For how long it can be used, in milliseconds; `None` for ever.
    pub expires_in_ms: Option<u64>,
    /// How many can join by it; `None` for any number.
    pub uses_max: Option<u64>,
}

/// An invite of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Its id.
    pub id: InviteId,
    /// The hash of its code.
    pub code: CodeHash,
    /// Who made it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// The role of those who join by it.
    pub role: Role,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many can join by it.
    pub uses_max: Option<u64>,
    /// How many have.
    pub uses: u64,
}

/// The longest time that an invite can be told to last, in milliseconds: ten years. Without a time it lasts for ever.
const EXPIRES_IN_MS_MAX: u64 = 10 * 366 * 24 * 60 * 60 * 1_000;

impl Invite {
    /// Whether somebody can join by it.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let in_time = self.expires_at.is_none_or(|end| now < end);
        in_time && self.uses_max.is_none_or(|most| self.uses < most)
    }
}

/// Whether somebody with this membership may see what `invite` is to, and join by it. Members may, also where nobody
/// else can use it any more because it was used up.
///
/// # Errors
///
/// The same `not_found` for every invite that cannot be used; `forbidden` for whoever is banned.
pub fn open_to<'i>(
    invite: Option<&'i Invite>,
    membership: Option<&Membership>,
    now: Timestamp,
) -> Result<&'i Invite, Refusal> {
    let invite = invite.ok_or_else(no_such_invite)?;
    let in_time = invite.expires_at.is_none_or(|end| now < end);
    if membership.is_some_and(Membership::is_current) && in_time {
        return Ok(invite);
    }
    if !invite.is_live(now) {
        return Err(no_such_invite());
    }
    if membership.is_some_and(|membership| membership.banned.is_some()) {
        return Err(moderation::you_are_banned());
    }
    Ok(invite)
}

pub(super) fn make(
    facts: &Facts<'_>,
    caller: &Caller,
    now: Timestamp,
    new: &NewInvite,
) -> Result<Decision, Refusal> {
    if new.role > Role::Member {
        return Err(Refusal::invalid("an invite gives the role member or guest"));
    }
    if new.uses_max == Some(0) {
        return Err(Refusal::invalid("uses_max is at least 1"));
    }
    let expires_at = match new.expires_in_ms {
        Some(0) => return Err(Refusal::invalid("expires_in_ms is at least 1")),
        Some(in_ms) if in_ms > EXPIRES_IN_MS_MAX => {
            return Err(Refusal::invalid("expires_in_ms is at most ten years"));
        }
        Some(in_ms) => Some(Timestamp(now.0 + in_ms.cast_signed())),
        None => None,
    };
    let (live, ended): (Vec<&Invite>, Vec<_>) =
        facts.invites.iter().partition(|invite| invite.is_live(now));
    let most = facts.limits.invites_max;
    if live.len() >= most {
        return Err(Refusal::too_large(format!(
            "a conversation has at most {most} invites at the same time; revoke one"
        )));
    }
    // Those that ended are kept as long as there is room: members who made use of one may ask again.
    let too_many = (facts.invites.len() + 1).saturating_sub(most);
    Ok(Decision::Invite {
        invite: Invite {
            id: new.id,
            code: new.code,
            by: caller.author(),
            at: now,
            role: new.role,
            expires_at,
            uses_max: new.uses_max,
            uses: 0,
        },
        ended: ended.into_iter().take(too_many).map(|it| it.id).collect(),
    })
}

pub(super) fn revoke(facts: &Facts<'_>, id: InviteId) -> Result<Decision, Refusal> {
    let is_there = facts.invites.iter().any(|invite| invite.id == id);
    if is_there {
        Ok(Decision::RevokeInvite(id))
    } else {
        Err(no_such_invite())
    }
}

pub(super) fn join(
    facts: &Facts<'_>,
    conversation: &Conversation,
    caller: &Caller,
    now: Timestamp,
    code: CodeHash,
) -> Result<Decision, Refusal> {
    let Some(user) = caller.user() else {
        return Err(Refusal::needs_person());
    };
    let invite = facts.invites.iter().find(|invite| invite.code == code);
    let invite = open_to(invite, facts.caller, now)?;
    if facts.caller.is_some_and(Membership::is_current) {
        return Ok(Decision::Unchanged);
    }
    check_room(facts.limits, conversation, 1)?;
    let mut change = MembersChange::by(user.clone());
    change.joined.push(Joined {
        user: user.clone(),
        role: invite.role,
    });
    change.invite = Some(invite.id);
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

/// The one answer for every code that lets nobody in, whatever there once was.
pub(super) fn no_such_invite() -> Refusal {
    Refusal::not_found("there is no such invite")
}

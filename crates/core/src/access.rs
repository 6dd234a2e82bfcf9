//! Who may do what: one function, [`permit`], asked by [`decide`](crate::conversation::decide)
//! for commands and by every store for reads.

use crate::conversation::{
    Conversation, ConversationKind, EventBody, History, Membership, Role, Visibility,
};
use crate::{Refusal, Seq, UserId};

/// On whose behalf something is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A person, by a session token or a JWT.
    User(UserId),
    /// The embedding application's server side, by an API key.
    Administrator,
}

impl Caller {
    /// The author that events show for this caller.
    pub fn author(&self) -> UserId {
        match self {
            Self::User(user) => user.clone(),
            Self::Administrator => UserId::administrator(),
        }
    }

    /// The person, unless it is the server side.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Administrator => None,
        }
    }
}

/// What a caller is to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Acts for the application, with the powers of an owner in every conversation.
    Administrator,
    /// A member now.
    Member(Role),
    /// Was a member; is to the conversation like someone who never was.
    Former,
    /// Never was a member.
    Stranger,
    /// Is kept out, whether they were a member or not.
    Banned,
}

impl Standing {
    /// What `caller`, whose membership (present or past) is `membership`, is to a conversation.
    pub fn of(caller: &Caller, membership: Option<&Membership>) -> Self {
        match (caller, membership) {
            (Caller::Administrator, _) => Self::Administrator,
            (Caller::User(_), None) => Self::Stranger,
            (Caller::User(_), Some(membership)) if membership.banned.is_some() => Self::Banned,
            (Caller::User(_), Some(membership)) if membership.left.is_some() => Self::Former,
            (Caller::User(_), Some(membership)) => Self::Member(membership.role),
        }
    }

    /// Whether they have the powers of `role`.
    pub fn is_at_least(self, role: Role) -> bool {
        match self {
            Self::Administrator => true,
            Self::Member(own) => own >= role,
            Self::Former | Self::Stranger | Self::Banned => false,
        }
    }

    /// Whether they give, take and hold down `role`: moderators those below them, admins too, owners every role.
    pub fn manages(self, role: Role) -> bool {
        match self {
            Self::Administrator | Self::Member(Role::Owner) => true,
            Self::Member(own) => own >= Role::Moderator && role < own,
            Self::Former | Self::Stranger | Self::Banned => false,
        }
    }
}

/// What someone may want to do in a conversation that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Know that it exists: its title, topic, size.
    See,
    /// Read its events, members and cursors.
    Read,
    /// Send a message, and say that one is being written.
    Send,
    /// Change a message: react to it or pin it; whether one may edit or delete it depends on whose it is.
    Amend,
    /// Move the own read cursor.
    MoveCursor,
    /// Become a member by oneself.
    Join,
    /// Stop being a member.
    Leave,
    /// Make others members.
    AddMembers,
    /// Take away another's membership; of which roles is said by [`Standing::manages`].
    RemoveMembers,
    /// Change another's role; which ones is said by [`Standing::manages`].
    ChangeRoles,
    /// Change title, topic, visibility, rules and the like.
    ChangeSettings,
    /// Delete what others wrote.
    DeleteOthers,
    /// Keep people out, see who is, and let them in again; those of which roles is said by [`Standing::manages`].
    Ban,
    /// Make, see and revoke invites.
    ManageInvites,
    /// Make another owner in one's own place.
    HandOver,
}

/// What an operation takes.
struct Takes {
    /// The least role.
    role: Role,
    /// Whether an API key does it, which has the powers of an owner but is no member.
    api_key: bool,
    /// Whether there is such a thing in a direct conversation.
    in_direct: bool,
    /// Whether those who are no members do it in a public channel, unless they are banned.
    outsiders: bool,
}

impl Operation {
    /// The table of who may do what.
    #[rustfmt::skip]
    #[expect(clippy::match_same_arms, reason = "a row for each operation is what makes it a table")]
    const fn takes(self) -> Takes {
        const YES: bool = true;
        const NO: bool = false;
        const fn row(role: Role, api_key: bool, in_direct: bool, outsiders: bool) -> Takes {
            Takes {
                role,
                api_key,
                in_direct,
                outsiders,
            }
        }
        match self {
            //                           least role       API key  direct  outsiders
            Self::See =>             row(Role::Guest,     YES,     YES,    YES),
            Self::Read =>            row(Role::Guest,     YES,     YES,    NO),
            Self::MoveCursor =>      row(Role::Guest,     NO,      YES,    NO),
            Self::Join =>            row(Role::Guest,     NO,      YES,    YES),
            Self::Leave =>           row(Role::Guest,     NO,      NO,     NO),
            Self::Send =>            row(Role::Member,    YES,     YES,    NO),
            Self::Amend =>           row(Role::Member,    YES,     YES,    NO),
            Self::DeleteOthers =>    row(Role::Moderator, YES,     YES,    NO),
            Self::RemoveMembers =>   row(Role::Moderator, YES,     NO,     NO),
            Self::Ban =>             row(Role::Moderator, YES,     NO,     NO),
            Self::AddMembers =>      row(Role::Admin,     YES,     NO,     NO),
            Self::ChangeRoles =>     row(Role::Admin,     YES,     NO,     NO),
            Self::ChangeSettings =>  row(Role::Admin,     YES,     NO,     NO),
            Self::ManageInvites =>   row(Role::Admin,     YES,     NO,     NO),
            Self::HandOver =>        row(Role::Owner,     NO,      NO,     NO),
        }
    }
}

/// Whether someone of this `standing` may do `operation` in a conversation of this kind and
/// visibility.
///
/// # Errors
///
/// The refusal to answer with: `not_found`, the same as for an unknown id, for whoever may not see
/// the conversation; `forbidden` for whoever sees it.
pub fn permit(
    operation: Operation,
    standing: Standing,
    kind: ConversationKind,
    visibility: Visibility,
) -> Result<(), Refusal> {
    let takes = operation.takes();
    let role = match standing {
        Standing::Former | Standing::Stranger | Standing::Banned => {
            return match visibility {
                Visibility::Private => Err(Refusal::no_such_conversation()),
                Visibility::Public if operation == Operation::See => Ok(()),
                Visibility::Public if standing == Standing::Banned => {
                    Err(Refusal::forbidden("you are banned from this channel"))
                }
                Visibility::Public if takes.outsiders => Ok(()),
                Visibility::Public => Err(Refusal::forbidden("join the channel first")),
            };
        }
        Standing::Administrator if !takes.api_key => {
            return Err(Refusal::needs_person());
        }
        Standing::Administrator => Role::Owner,
        Standing::Member(role) => role,
    };
    if kind == ConversationKind::Direct && !takes.in_direct {
        return Err(Refusal::forbidden(
            "a direct conversation keeps its two people and has no settings",
        ));
    }
    if role < takes.role {
        return Err(match takes.role {
            Role::Guest | Role::Member => Refusal::guests_only_read(),
            Role::Moderator => Refusal::forbidden("this takes the role moderator, admin or owner"),
            Role::Admin => Refusal::forbidden("this takes the role owner or admin"),
            Role::Owner => Refusal::forbidden("this takes the role owner"),
        });
    }
    Ok(())
}

/// Where what somebody sees of a conversation begins. Every read keeps to it, whatever it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon(Seq);

impl Horizon {
    /// All of a conversation.
    pub const EVERYTHING: Self = Self(Seq::ZERO);

    /// What `caller`, whose membership is `membership`, sees of `conversation`: all, or what there is from the event on
    /// that made them a member. Whether they may read at all is not decided here.
    pub fn of(
        caller: &Caller,
        conversation: &Conversation,
        membership: Option<&Membership>,
    ) -> Self {
        match (caller, membership) {
            (Caller::User(_), Some(membership)) => Self::of_member(conversation, membership),
            _ => Self::EVERYTHING,
        }
    }

    /// What the person with this membership sees of `conversation`.
    pub fn of_member(conversation: &Conversation, membership: &Membership) -> Self {
        Self(match conversation.rules.history {
            History::All => Seq::ZERO,
            History::SinceJoined => membership.joined,
        })
    }

    /// The first place that is to be seen, where there is something before it.
    pub fn visible_from(self) -> Option<Seq> {
        (self.0 > Seq::ZERO.next()).then_some(self.0)
    }

    /// Whether what is at a place is to be seen.
    pub fn includes(self, seq: Seq) -> bool {
        seq >= self.0
    }

    /// After which place to read for what follows `after`.
    #[must_use]
    pub fn after(self, after: Seq) -> Seq {
        after.max(self.0.previous())
    }

    /// Takes out of an event what is not to be seen: what an edit says of a message that is not.
    pub fn hide(self, body: &mut EventBody) {
        let hidden = |target: Seq| !self.includes(target);
        if body.as_amendment().is_some_and(|it| hidden(it.target)) {
            body.redact();
        }
    }
}

/// Whether `caller` may do the reading `operation` in `conversation`; for stores, inside the
/// transaction that reads.
///
/// # Errors
///
/// `not_found` also where the conversation does not exist; otherwise as [`permit`].
pub fn permit_in<'a>(
    operation: Operation,
    caller: &Caller,
    conversation: Option<&'a Conversation>,
    membership: Option<&Membership>,
) -> Result<&'a Conversation, Refusal> {
    let conversation = conversation.ok_or_else(Refusal::no_such_conversation)?;
    let standing = Standing::of(caller, membership);
    permit(
        operation,
        standing,
        conversation.kind,
        conversation.visibility,
    )?;
    Ok(conversation)
}

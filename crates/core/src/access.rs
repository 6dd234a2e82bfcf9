//! Who may do what: one function, [`permit`], asked by [`decide`](crate::conversation::decide)
//! for commands and by every store for reads.

use crate::conversation::{Conversation, ConversationKind, Membership, Role, Visibility};
use crate::{Refusal, UserId};

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
}

impl Standing {
    /// What `caller`, whose membership (present or past) is `membership`, is to a conversation.
    pub fn of(caller: &Caller, membership: Option<&Membership>) -> Self {
        match (caller, membership) {
            (Caller::Administrator, _) => Self::Administrator,
            (Caller::User(_), None) => Self::Stranger,
            (Caller::User(_), Some(membership)) if membership.left.is_some() => Self::Former,
            (Caller::User(_), Some(membership)) => Self::Member(membership.role),
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
    /// Send a message.
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
    /// Take away another's membership.
    RemoveMembers,
    /// Change another's role.
    ChangeRoles,
    /// Change title, topic, visibility and the like.
    ChangeSettings,
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
    use Operation as Op;
    let role = match standing {
        Standing::Former | Standing::Stranger => {
            return match (visibility, operation) {
                (Visibility::Private, _) => Err(Refusal::no_such_conversation()),
                (Visibility::Public, Op::See | Op::Join) => Ok(()),
                (Visibility::Public, _) => Err(Refusal::forbidden("join the channel first")),
            };
        }
        Standing::Administrator if needs_person(operation) => {
            return Err(Refusal::forbidden(
                "an API key is no member and cannot do this for one",
            ));
        }
        Standing::Administrator => Role::Owner,
        Standing::Member(role) => role,
    };
    match operation {
        Op::See | Op::Read | Op::Send | Op::Amend | Op::MoveCursor | Op::Join => Ok(()),
        _ if kind == ConversationKind::Direct => Err(Refusal::forbidden(
            "a direct conversation keeps its two people and has no settings",
        )),
        Op::Leave => Ok(()),
        Op::AddMembers | Op::RemoveMembers | Op::ChangeRoles | Op::ChangeSettings
            if role >= Role::Admin =>
        {
            Ok(())
        }
        _ => Err(Refusal::forbidden("this takes the role owner or admin")),
    }
}

/// Operations that only make sense for a member, whatever the caller's powers.
fn needs_person(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::MoveCursor | Operation::Join | Operation::Leave
    )
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

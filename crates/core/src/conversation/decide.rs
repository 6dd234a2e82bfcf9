//! The one place where a command becomes events or a refusal.

use std::collections::BTreeSet;

use crate::access::{Caller, Horizon, Operation, Standing, permit};
use crate::conversation::amend::amend;
use crate::conversation::delivered::move_delivered;
use crate::conversation::{
    Action, Amended, Command, Conversation, ConversationKind, EventBody, Invite, Joined,
    MembersChange, Membership, Mentions, Message, NewConversation, NewMessage, Role, Root,
    SettingsChange, Visibility, thread,
};
use crate::conversation::{UploadFacts, attach, blocking, invite, moderation};
use crate::names::{self, InvalidName, NameLimits};
use crate::{ConversationId, InviteId, Limits, Refusal, Seq, Timestamp, UploadId, UserId};

/// What a store knows that the decision depends on; see [`Needs`](super::Needs).
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The conversation, if there is one with this id.
    pub conversation: Option<&'a Conversation>,
    /// The caller's membership in it, present or past.
    pub caller: Option<&'a Membership>,
    /// The users that [`Needs::users`](super::Needs::users) asked for, in that order.
    pub users: &'a [UserFacts],
    /// What the caller's client id named before.
    pub earlier: Option<&'a Earlier>,
    /// The conversation that the caller made before with the same client id, or that the pair of
    /// a direct one has already.
    pub existing: Option<ConversationId>,
    /// What is at the place that the command refers to.
    pub target: Option<Target>,
    /// The message that the command is to change, if there is one at the place that it names.
    pub amended: Option<&'a Amended>,
    /// The invites of the conversation that are kept, where [`Needs::invites`](super::Needs::invites) asked.
    pub invites: &'a [Invite],
    /// How large things may get.
    pub limits: &'a Limits,
    /// The message that [`Needs::root`](super::Needs::root) asked for.
    pub root: Option<Root>,
    /// Whether one of the pair that [`Needs::direct_between`](super::Needs::direct_between) names blocks the other.
    pub pair_is_blocked: bool,
    /// Those of the uploads that [`Needs::uploads`](super::Needs::uploads) asked for that there are, in any order.
    pub uploads: &'a [UploadFacts],
    /// Whether somebody else than [`Needs::owners_beside`](super::Needs::owners_beside) names is an owner.
    pub has_other_owner: bool,
}

/// What is known of a user that a command names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFacts {
    /// Whether there is such a user.
    pub exists: bool,
    /// Their membership in the conversation, present or past.
    pub membership: Option<Membership>,
    /// Whether they block the caller, where [`Needs::blocks`](super::Needs::blocks) asked.
    pub blocks_caller: bool,
}

/// The event that a client id named before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its place.
    pub seq: Seq,
    /// When it was accepted.
    pub at: Timestamp,
    /// What it was, as it stands in the log.
    pub body: EventBody,
}

/// What kind of event a command refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A message.
    Message,
    /// Any other kind.
    Other,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These follow the head, in this order.
    Append(Vec<EventBody>),
    /// The client id named this event before, or it is by this event that all is as wished; nothing new
    /// happens.
    Repeated {
        /// The event's place.
        seq: Seq,
        /// When it was accepted.
        at: Timestamp,
    },
    /// What was to be made is there already.
    Existing(ConversationId),
    /// The caller's read cursor moves up to here.
    MoveCursor(Seq),
    /// All is already as wished.
    Unchanged,
    /// This invite is there from now on.
    Invite {
        /// The new one.
        invite: Invite,
        /// Those that nobody can use any more, and that need not be kept.
        ended: Vec<InviteId>,
    },
    /// This invite ends.
    RevokeInvite(InviteId),
    /// It is noted that the caller's devices have fetched up to here.
    MoveDelivered(Seq),
}

/// Decides what `command` does, given `facts`.
///
/// # Errors
///
/// The refusal to answer with, when nothing happens.
pub fn decide(facts: &Facts<'_>, command: Command) -> Result<Decision, Refusal> {
    let Command {
        caller, action, at, ..
    } = command;
    if let Action::Create(new) = &action {
        return create(facts, &caller, new);
    }
    let conversation = facts.conversation.ok_or_else(|| match &action {
        Action::JoinByInvite(_) => invite::no_such_invite(),
        _ => Refusal::no_such_conversation(),
    })?;
    let standing = Standing::of(&caller, facts.caller);
    let may = |operation| {
        permit(
            operation,
            standing,
            conversation.kind,
            conversation.visibility,
        )
    };
    match action {
        Action::Create(_) => unreachable!("answered above"),
        Action::Send(new) => {
            may(of_writing(Operation::Send, facts))?;
            send(facts, conversation, standing, &caller, at, new)
        }
        Action::Amend(new) => {
            may(of_writing(Operation::Amend, facts))?;
            amend(facts, conversation, standing, &caller, new)
        }
        Action::MoveCursor(seq) => {
            may(Operation::MoveCursor)?;
            move_cursor(conversation, facts.caller, seq)
        }
        Action::Join => {
            may(Operation::Join)?;
            join(facts, conversation, &caller)
        }
        Action::Leave => {
            may(Operation::Leave)?;
            moderation::check_stays_owned(facts, conversation, facts.caller)?;
            let mut change = MembersChange::by(caller.author());
            change.left.push(caller.author());
            Ok(Decision::Append(vec![EventBody::Members(change)]))
        }
        Action::AddMembers(people) => {
            may(Operation::AddMembers)?;
            add_members(facts, conversation, standing, &caller, people)
        }
        Action::RemoveMember(user) => {
            may(Operation::RemoveMembers)?;
            remove_member(facts, conversation, standing, &caller, user)
        }
        Action::ChangeRole(user, role) => {
            may(Operation::ChangeRoles)?;
            change_role(facts, conversation, standing, &caller, user, role)
        }
        Action::ChangeSettings(change) => {
            may(Operation::ChangeSettings)?;
            change_settings(facts.limits, conversation, &caller, change)
        }
        Action::Ban(user, reason) => {
            may(Operation::Ban)?;
            moderation::ban(facts, conversation, standing, &caller, user, reason)
        }
        Action::Unban(user) => {
            may(Operation::Ban)?;
            moderation::unban(facts, &caller, user)
        }
        Action::HandOver(user) => {
            may(Operation::HandOver)?;
            moderation::hand_over(facts, &caller, user)
        }
        Action::Invite(new) => {
            may(Operation::ManageInvites)?;
            invite::make(facts, &caller, at, &new)
        }
        Action::RevokeInvite(id) => {
            may(Operation::ManageInvites)?;
            invite::revoke(facts, id)
        }
        // Whoever holds a code need not be able to see the conversation: the code is the permission.
        Action::JoinByInvite(code) => invite::join(facts, conversation, &caller, at, code),
        Action::MoveDelivered(delivery) => {
            may(Operation::MoveCursor)?;
            move_delivered(conversation, facts.caller, delivery)
        }
    }
}

/// What a wish to write takes. A retry of what was accepted only takes that one may read: a member who was made a guest
/// since still hears that it is there.
fn of_writing(operation: Operation, facts: &Facts<'_>) -> Operation {
    match facts.earlier {
        Some(_) => Operation::Read,
        None => operation,
    }
}

fn create(facts: &Facts<'_>, caller: &Caller, new: &NewConversation) -> Result<Decision, Refusal> {
    let title = name("title", new.title.as_deref(), &facts.limits.title)?;
    check_visibility(new.kind, new.visibility)?;
    check_named(facts, &new.members)?;
    if let Some(existing) = facts.existing {
        return Ok(Decision::Existing(existing));
    }
    if facts.conversation.is_some() {
        return Err(Refusal::conflict("this conversation id is in use"));
    }
    let people = new.people(caller);
    blocking::check_pair(facts.pair_is_blocked)?;
    for (user, known) in new.members.iter().zip(facts.users) {
        blocking::check_bring(user, known)?;
    }
    match new.kind {
        ConversationKind::Direct if people.len() != 2 => {
            return Err(Refusal::invalid(
                "a direct conversation is between exactly two people",
            ));
        }
        ConversationKind::Direct if new.title.is_some() => {
            return Err(Refusal::invalid("a direct conversation has no title"));
        }
        ConversationKind::Group if people.len() as u64 > facts.limits.group_members_max => {
            return Err(group_is_full(facts.limits));
        }
        _ => {}
    }
    let role_of = |user: &UserId| match new.kind {
        ConversationKind::Group | ConversationKind::Channel if caller.user() == Some(user) => {
            Role::Owner
        }
        _ => Role::Member,
    };
    let mut change = MembersChange::by(caller.author());
    change.joined = people
        .into_iter()
        .map(|user| Joined {
            role: role_of(&user),
            user,
        })
        .collect();
    let mut events = vec![EventBody::Created {
        by: caller.author(),
        title,
    }];
    if !change.joined.is_empty() {
        events.push(EventBody::Members(change));
    }
    Ok(Decision::Append(events))
}

fn send(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    at: Timestamp,
    new: NewMessage,
) -> Result<Decision, Refusal> {
    let mut message = Message {
        sender: caller.author(),
        client_id: new.client_id,
        text: new.text,
        reply_to: new.reply_to,
        mentions: each_once(new.mentions),
        client_at: new.client_at,
        thread: None,
        attachments: Vec::new(),
    };
    // Before any limit: what was accepted once stays accepted, also under limits that are smaller now.
    if let Some(earlier) = facts.earlier {
        return repeat(earlier, &message, new.thread, &new.attachments);
    }
    blocking::check_open(conversation)?;
    if message.text.is_empty() && new.attachments.is_empty() {
        return Err(Refusal::invalid("text is empty"));
    }
    check_length("text", Some(&message.text), facts.limits.text_bytes_max)?;
    check_mentions(facts.limits, &message.mentions)?;
    let horizon = Horizon::of(caller, conversation, facts.caller);
    if let Some(seq) = message.reply_to {
        let known = conversation.has(seq) && horizon.includes(seq);
        if !known || facts.target != Some(Target::Message) {
            return Err(Refusal::invalid(
                "reply_to names no message of this conversation",
            ));
        }
    }
    let rules = &conversation.rules;
    rules.check_mentions(standing, &message.mentions)?;
    rules.check_send(standing, facts.caller, at)?;
    if let Some(reply) = new.thread {
        let root = facts.root.filter(|_| horizon.includes(reply.thread));
        message.thread = Some(thread::reply(conversation, root, reply)?);
    }
    message.attachments = attach::attach(facts, &message.sender, &new.attachments)?;
    Ok(Decision::Append(vec![EventBody::Message(message)]))
}

/// A client id that was used before: the same message again, or a contradiction. The sender's clock is
/// no part of the content, and what was deleted since is gone and not compared.
fn repeat(
    earlier: &Earlier,
    message: &Message,
    reply: Option<thread::NewReply>,
    uploads: &[UploadId],
) -> Result<Decision, Refusal> {
    let same_words = |was: &Message| {
        was.text == message.text
            && was.mentions == message.mentions
            && attach::are_same(&was.attachments, uploads)
    };
    let was = earlier.body.as_message();
    if was.is_some_and(|was| {
        was.reply_to == message.reply_to
            && thread::is_same(was.thread, reply)
            && (was.is_redacted() || same_words(was))
    }) {
        Ok(Decision::Repeated {
            seq: earlier.seq,
            at: earlier.at,
        })
    } else {
        Err(Refusal::conflict(
            "this client_id named something with another content before",
        ))
    }
}

fn move_cursor(
    conversation: &Conversation,
    caller: Option<&Membership>,
    seq: Seq,
) -> Result<Decision, Refusal> {
    conversation.check_place(seq)?;
    match caller {
        Some(membership) if seq > membership.read => Ok(Decision::MoveCursor(seq)),
        _ => Ok(Decision::Unchanged),
    }
}

fn join(
    facts: &Facts<'_>,
    conversation: &Conversation,
    caller: &Caller,
) -> Result<Decision, Refusal> {
    if facts.caller.is_some_and(Membership::is_current) {
        return Ok(Decision::Unchanged);
    }
    check_room(facts.limits, conversation, 1)?;
    let mut change = MembersChange::by(caller.author());
    change.joined.push(Joined {
        user: caller.author(),
        role: Role::Member,
    });
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

fn add_members(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    people: Vec<Joined>,
) -> Result<Decision, Refusal> {
    if people.is_empty() {
        return Err(Refusal::invalid("users names nobody"));
    }
    if people.len() > facts.limits.users_per_command_max {
        return Err(Refusal::too_large("too many users in one request"));
    }
    let mut change = MembersChange::by(caller.author());
    let mut named = BTreeSet::new();
    for (person, known) in people.into_iter().zip(facts.users) {
        if !known.exists {
            return Err(no_such_user(&person.user));
        }
        check_grant(standing, person.role)?;
        let membership = known.membership.as_ref();
        if membership.is_some_and(|membership| membership.banned.is_some()) {
            return Err(moderation::is_banned(&person.user));
        }
        let is_member = membership.is_some_and(Membership::is_current);
        if !is_member && named.insert(person.user.clone()) {
            blocking::check_bring(&person.user, known)?;
            change.joined.push(person);
        }
    }
    if change.joined.is_empty() {
        return Ok(Decision::Unchanged);
    }
    check_room(facts.limits, conversation, change.joined.len() as u64)?;
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

fn remove_member(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    user: UserId,
) -> Result<Decision, Refusal> {
    let membership = current_member(facts, &user)?;
    check_grant(standing, membership.role)?;
    moderation::check_stays_owned(facts, conversation, Some(membership))?;
    let mut change = MembersChange::by(caller.author());
    change.left.push(user);
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

fn change_role(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    user: UserId,
    role: Role,
) -> Result<Decision, Refusal> {
    let membership = current_member(facts, &user)?;
    check_grant(standing, membership.role)?;
    check_grant(standing, role)?;
    if membership.role == role {
        return Ok(Decision::Unchanged);
    }
    moderation::check_stays_owned(facts, conversation, Some(membership))?;
    let mut change = MembersChange::by(caller.author());
    change.roles.push(Joined { user, role });
    Ok(Decision::Append(vec![EventBody::Members(change)]))
}

fn change_settings(
    limits: &Limits,
    conversation: &Conversation,
    caller: &Caller,
    mut change: SettingsChange,
) -> Result<Decision, Refusal> {
    if let Some(title) = &mut change.title {
        *title = name("title", title.as_deref(), &limits.title)?;
    }
    if let Some(topic) = &mut change.topic {
        *topic = name("topic", topic.as_deref(), &limits.topic)?;
    }
    if let Some(visibility) = change.visibility {
        check_visibility(conversation.kind, visibility)?;
    }
    if change.retention_days == Some(Some(0)) {
        return Err(Refusal::invalid("retention_days is at least 1"));
    }
    change.rules.check()?;
    change.title.take_if(|title| *title == conversation.title);
    change.topic.take_if(|topic| *topic == conversation.topic);
    change
        .visibility
        .take_if(|visibility| *visibility == conversation.visibility);
    change
        .retention_days
        .take_if(|days| *days == conversation.retention_days);
    change.rules.keep_news(&conversation.rules);
    if change.is_empty() {
        return Ok(Decision::Unchanged);
    }
    Ok(Decision::Append(vec![EventBody::Settings {
        by: caller.author(),
        change,
    }]))
}

/// Nobody gives, takes or holds down a role that is not below their own, but for owners.
pub(super) fn check_grant(standing: Standing, role: Role) -> Result<(), Refusal> {
    if standing.manages(role) {
        return Ok(());
    }
    Err(Refusal::forbidden(match role {
        Role::Admin | Role::Owner => "only an owner deals with admins and owners",
        Role::Guest | Role::Member | Role::Moderator => {
            "this takes a role above the one that it is about"
        }
    }))
}

fn check_named(facts: &Facts<'_>, named: &[UserId]) -> Result<(), Refusal> {
    if named.len() > facts.limits.users_per_command_max {
        return Err(Refusal::too_large("too many users in one request"));
    }
    match named
        .iter()
        .zip(facts.users)
        .find(|(_, known)| !known.exists)
    {
        Some((user, _)) => Err(no_such_user(user)),
        None => Ok(()),
    }
}

pub(super) fn current_member<'a>(
    facts: &'a Facts<'_>,
    user: &UserId,
) -> Result<&'a Membership, Refusal> {
    facts
        .users
        .first()
        .and_then(|known| known.membership.as_ref())
        .filter(|membership| membership.is_current())
        .ok_or_else(|| Refusal::new(crate::RefusalCode::NotFound, format!("{user} is no member")))
}

/// The same mentions with each user named once, in the order of their first naming.
pub(super) fn each_once(mut mentions: Mentions) -> Mentions {
    if let Mentions::Users(users) = &mut mentions {
        let mut seen = BTreeSet::new();
        users.retain(|user| seen.insert(user.clone()));
    }
    mentions
}

pub(super) fn check_mentions(limits: &Limits, mentions: &Mentions) -> Result<(), Refusal> {
    match mentions {
        Mentions::Users(users) if users.len() > limits.mentions_max => {
            Err(Refusal::too_large("too many mentions in one message"))
        }
        Mentions::Users(_) | Mentions::All => Ok(()),
    }
}

pub(super) fn check_room(
    limits: &Limits,
    conversation: &Conversation,
    more: u64,
) -> Result<(), Refusal> {
    let is_group = conversation.kind == ConversationKind::Group;
    if is_group && conversation.members + more > limits.group_members_max {
        return Err(group_is_full(limits));
    }
    Ok(())
}

/// A title or a topic in its one form; one that shows nothing is none.
fn name(what: &str, chosen: Option<&str>, limits: &NameLimits) -> Result<Option<String>, Refusal> {
    match chosen.map(|chosen| names::tidy(chosen, limits)).transpose() {
        Ok(name) => Ok(name),
        Err(InvalidName::Empty) => Ok(None),
        Err(InvalidName::Control) => Err(Refusal::invalid(format!(
            "{what} holds a control character"
        ))),
        Err(InvalidName::TooLong(limits)) => Err(Refusal::too_large(format!(
            "{what} is longer than {} characters or {} bytes",
            limits.characters_max, limits.bytes_max
        ))),
    }
}

fn check_visibility(kind: ConversationKind, visibility: Visibility) -> Result<(), Refusal> {
    if visibility == Visibility::Public && kind != ConversationKind::Channel {
        return Err(Refusal::invalid("only a channel can be public"));
    }
    Ok(())
}

pub(super) fn check_length(
    name: &str,
    text: Option<&str>,
    bytes_max: usize,
) -> Result<(), Refusal> {
    if text.is_some_and(|text| text.len() > bytes_max) {
        return Err(Refusal::too_large(format!(
            "{name} is longer than {bytes_max} bytes"
        )));
    }
    Ok(())
}

fn group_is_full(limits: &Limits) -> Refusal {
    let most = limits.group_members_max;
    Refusal::too_large(format!("a group has at most {most} members; use a channel"))
}

fn no_such_user(user: &UserId) -> Refusal {
    Refusal::invalid(format!("there is no user {user}"))
}

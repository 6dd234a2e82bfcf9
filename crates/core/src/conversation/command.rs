//! What somebody wants to happen.

use std::collections::BTreeSet;

use crate::access::Caller;
use crate::conversation::{
    CodeHash, ConversationKind, Delivery, Emoji, Joined, Mentions, NewAmendment, NewInvite,
    NewReply, Role, SettingsChange, Visibility,
};
use crate::{ClientId, ConversationId, InviteId, Seq, Timestamp, UploadId, UserId};

/// A wish to change one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which conversation. For [`Action::Create`], the id that a new one gets.
    pub conversation: ConversationId,
    /// Who wishes it.
    pub caller: Caller,
    /// What the server's clock says.
    pub at: Timestamp,
    /// What is wished.
    pub action: Action,
}

/// What is wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin a conversation.
    Create(NewConversation),
    /// Say something.
    Send(NewMessage),
    /// Change a message that was sent.
    Amend(NewAmendment),
    /// Make people members.
    AddMembers(Vec<Joined>),
    /// End somebody's membership.
    RemoveMember(UserId),
    /// Give a member another role.
    ChangeRole(UserId, Role),
    /// Become a member oneself.
    Join,
    /// Stop being a member oneself.
    Leave,
    /// Change title, topic and the like.
    ChangeSettings(SettingsChange),
    /// Move the own read cursor up to here.
    MoveCursor(Seq),
    /// Keep somebody out, and say why.
    Ban(UserId, Option<String>),
    /// Keep somebody out no longer.
    Unban(UserId),
    /// Make a member owner in the own place.
    HandOver(UserId),
    /// Make an invite.
    Invite(NewInvite),
    /// End an invite.
    RevokeInvite(InviteId),
    /// Become a member by an invite.
    JoinByInvite(CodeHash),
    /// Say up to where a device of one's own has fetched.
    MoveDelivered(Delivery),
}

/// A conversation to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConversation {
    /// What kind.
    pub kind: ConversationKind,
    /// Who may find it.
    pub visibility: Visibility,
    /// Its title; a direct conversation has none.
    pub title: Option<String>,
    /// Who is in it beside the person who makes it; may name that person too.
    pub members: Vec<UserId>,
    /// Names the wish, so that a retry finds the conversation that the first try made.
    pub client_id: Option<ClientId>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Names the message, so that a retry is recognised.
    pub client_id: ClientId,
    /// What it says.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// Whose attention it asks for.
    pub mentions: Mentions,
    /// When the sender's clock says that it was written.
    pub client_at: Option<Timestamp>,
    /// The thread that it replies in.
    pub thread: Option<NewReply>,
    /// The uploads that it shows.
    pub attachments: Vec<UploadId>,
}

/// What a store must look up before [`decide`](super::decide()) can answer, beside the conversation
/// and the caller's own membership, which it always needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs<'a> {
    /// What the caller named with this client id before, in this conversation.
    pub earlier_event: Option<ClientId>,
    /// What the caller made with this client id before.
    pub earlier_conversation: Option<ClientId>,
    /// The direct conversation that these two have already, and whether one of them blocks the other.
    pub direct_between: Option<(UserId, UserId)>,
    /// What kind of event is at this place.
    pub target: Option<Seq>,
    /// The message at this place as it stands, with the reactions of this emoji.
    pub amended: Option<(Seq, Option<&'a Emoji>)>,
    /// Whether these users exist, and their memberships here.
    pub users: Vec<&'a UserId>,
    /// The invites of the conversation.
    pub invites: bool,
    /// The message at this place as the first of a thread: [`Root`](super::Root).
    pub root: Option<Seq>,
    /// Whether those users block the caller.
    pub blocks: bool,
    /// These uploads, those that there are.
    pub uploads: &'a [UploadId],
    /// Whether anybody but this user is an owner: the command may end that they are one.
    pub owners_beside: Option<&'a UserId>,
}

impl Command {
    /// What to look up for this command.
    pub fn needs(&self) -> Needs<'_> {
        let mut needs = Needs::default();
        match &self.action {
            Action::Create(new) => {
                needs.earlier_conversation = new.client_id;
                needs.users = new.members.iter().collect();
                needs.direct_between = new.direct_pair(&self.caller);
                needs.blocks = self.caller.user().is_some();
            }
            Action::Send(new) => {
                needs.earlier_event = Some(new.client_id);
                needs.target = new.reply_to;
                needs.root = new.thread.map(|reply| reply.thread);
                needs.uploads = &new.attachments;
            }
            Action::Amend(new) => {
                needs.earlier_event = new.client_id;
                needs.amended = Some((new.target, new.emoji()));
            }
            Action::AddMembers(people) => {
                needs.users = people.iter().map(|one| &one.user).collect();
                needs.blocks = self.caller.user().is_some();
            }
            Action::RemoveMember(user) | Action::ChangeRole(user, _) | Action::Ban(user, _) => {
                needs.users = vec![user];
                needs.owners_beside = Some(user);
            }
            Action::Unban(user) | Action::HandOver(user) => needs.users = vec![user],
            Action::Invite(_) | Action::RevokeInvite(_) | Action::JoinByInvite(_) => {
                needs.invites = true;
            }
            Action::Leave => needs.owners_beside = self.caller.user(),
            Action::Join
            | Action::ChangeSettings(_)
            | Action::MoveCursor(_)
            | Action::MoveDelivered(_) => {}
        }
        needs
    }
}

impl NewConversation {
    /// Everybody who will be in it, the person who makes it first, each once.
    pub fn people(&self, caller: &Caller) -> Vec<UserId> {
        let mut seen = BTreeSet::new();
        caller
            .user()
            .into_iter()
            .chain(&self.members)
            .filter(|user| seen.insert(*user))
            .cloned()
            .collect()
    }

    /// The pair, if this is a direct conversation between exactly two people.
    pub fn direct_pair(&self, caller: &Caller) -> Option<(UserId, UserId)> {
        if self.kind != ConversationKind::Direct {
            return None;
        }
        let [one, other] = <[UserId; 2]>::try_from(self.people(caller)).ok()?;
        Some(UserId::pair(one, other))
    }
}

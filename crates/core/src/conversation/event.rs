//! What is in the log. An event is a fact that was accepted; it never changes its place.

use crate::conversation::{Amendment, Change, InThread, Role, RulesChange, Visibility};
use crate::upload::Attachment;
use crate::{ClientId, ConversationId, InviteId, Seq, Timestamp, UserId};

/// One entry of a conversation's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whose log it is in.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// When the server accepted it. Orders nothing.
    pub at: Timestamp,
    /// What happened.
    pub body: EventBody,
}

/// What happened, by kind. To add a kind: a variant here, its action in
/// [`Action`](super::Action), its rule in [`decide`](super::decide()) and its effect in
/// [`append`](super::append()).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// The conversation began.
    Created {
        /// Who made it.
        by: UserId,
        /// Its first title.
        title: Option<String>,
    },
    /// Somebody said something.
    Message(Message),
    /// Something happened to a message.
    Amendment(Amendment),
    /// People came, went, or got another role.
    Members(MembersChange),
    /// Title, topic, visibility or the like changed.
    Settings {
        /// Who changed them.
        by: UserId,
        /// Only what changed.
        change: SettingsChange,
    },
}

impl EventBody {
    /// How much text it brings along, in bytes and about: what pages are measured by, so that also one of
    /// long texts or of many names can be sent. What is short in every event does not count.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.text_bytes(),
            Self::Amendment(amendment) => match &amendment.change {
                Change::Edit { text, mentions } => text.len() + mentions.bytes(),
                Change::Delete { .. } | Change::Reaction { .. } | Change::Pin { .. } => 0,
            },
            Self::Members(change) => {
                let joined = change.joined.iter().chain(&change.roles);
                let joined = joined.map(|joined| &joined.user);
                let kept_out = change.banned.iter().chain(&change.unbanned);
                names_bytes(joined.chain(&change.left).chain(kept_out))
            }
            Self::Created { .. } | Self::Settings { .. } => 0,
        }
    }

    /// Who caused the event.
    pub fn author(&self) -> &UserId {
        match self {
            Self::Created { by, .. } | Self::Settings { by, .. } => by,
            Self::Message(message) => &message.sender,
            Self::Amendment(amendment) => &amendment.by,
            Self::Members(change) => &change.by,
        }
    }

    /// What the author's client named the event, if it did.
    pub fn client_id(&self) -> Option<ClientId> {
        match self {
            Self::Message(message) => Some(message.client_id),
            Self::Amendment(amendment) => amendment.client_id,
            _ => None,
        }
    }

    /// Takes away what a deletion takes away: what the message or the edit said and showed, and whom it mentioned.
    pub fn redact(&mut self) {
        match self {
            Self::Message(message) => {
                message.redact();
            }
            Self::Amendment(amendment) => {
                if let Change::Edit { text, mentions } = &mut amendment.change {
                    text.clear();
                    *mentions = Mentions::default();
                }
            }
            _ => {}
        }
    }

    /// The deletion's target, if the event is one.
    pub fn deletes(&self) -> Option<Seq> {
        match self {
            Self::Amendment(amendment) if matches!(amendment.change, Change::Delete { .. }) => {
                Some(amendment.target)
            }
            _ => None,
        }
    }

    /// The amendment, if the event is one.
    pub fn as_amendment(&self) -> Option<&Amendment> {
        match self {
            Self::Amendment(amendment) => Some(amendment),
            _ => None,
        }
    }

    /// The message, if the event is one.
    pub fn as_message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// A message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub sender: UserId,
    /// What the sender's client named it.
    pub client_id: ClientId,
    /// What it says; empty after a deletion.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// Whose attention it asks for.
    pub mentions: Mentions,
    /// When the sender's clock says that it was written. Shown, never trusted.
    pub client_at: Option<Timestamp>,
    /// The thread that it is a reply in.
    pub thread: Option<InThread>,
    /// The files that it shows; none after a deletion.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// How much text it brings along; see [`EventBody::text_bytes`].
    pub fn text_bytes(&self) -> usize {
        let attachments = self.attachments.iter().map(Attachment::bytes);
        self.text.len() + self.mentions.bytes() + attachments.sum::<usize>()
    }

    /// Takes away what a deletion takes away.
    pub(crate) fn redact(&mut self) {
        self.text.clear();
        self.mentions = Mentions::default();
        self.attachments.clear();
    }

    /// Whether only its thread shows it.
    pub fn is_in_thread_only(&self) -> bool {
        self.thread
            .is_some_and(|thread| !thread.also_in_conversation)
    }

    /// Whether what it said was taken away by a deletion: nobody sends a message that says nothing.
    pub fn is_redacted(&self) -> bool {
        self.text.is_empty() && self.attachments.is_empty()
    }
}

/// Whose attention a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mentions {
    /// These people, each named once; usually nobody.
    Users(Vec<UserId>),
    /// Everybody in the conversation.
    All,
}

impl Default for Mentions {
    fn default() -> Self {
        Self::Users(Vec::new())
    }
}

impl Mentions {
    /// Whether nobody is mentioned.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Users(users) if users.is_empty())
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Users(users) => names_bytes(users),
            Self::All => 0,
        }
    }

    /// Whether `user` is mentioned.
    pub fn includes(&self, user: &UserId) -> bool {
        match self {
            Self::All => true,
            Self::Users(users) => users.contains(user),
        }
    }
}

/// People came, went, or got another role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersChange {
    /// Who did it.
    pub by: UserId,
    /// Who became a member, with which role.
    pub joined: Vec<Joined>,
    /// Who stopped being a member.
    pub left: Vec<UserId>,
    /// Whose role changed, and to what.
    pub roles: Vec<Joined>,
    /// Who is kept out from now on; those who were members are in `left`, too.
    pub banned: Vec<UserId>,
    /// Who is not kept out any longer.
    pub unbanned: Vec<UserId>,
    /// Why, if who banned said so.
    pub reason: Option<String>,
    /// The invite by which somebody joined.
    pub invite: Option<InviteId>,
}

impl MembersChange {
    /// A change by `by` in which nothing has happened yet.
    pub fn by(by: UserId) -> Self {
        Self {
            by,
            joined: Vec::new(),
            left: Vec::new(),
            roles: Vec::new(),
            banned: Vec::new(),
            unbanned: Vec::new(),
            reason: None,
            invite: None,
        }
    }
}

/// What stands around each of many names, wherever they are written down.
const NAME_OVERHEAD_BYTES: usize = 32;

fn names_bytes<'a>(users: impl IntoIterator<Item = &'a UserId>) -> usize {
    let bytes = |user: &UserId| user.as_str().len() + NAME_OVERHEAD_BYTES;
    users.into_iter().map(bytes).sum()
}

/// A person and the role they have from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Who.
    pub user: UserId,
    /// Their role.
    pub role: Role,
}

/// The settings that an event changed; what is `None` stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// The new title; the inner `None` takes it away.
    pub title: Option<Option<String>>,
    /// The new topic; the inner `None` takes it away.
    pub topic: Option<Option<String>>,
    /// The new visibility.
    pub visibility: Option<Visibility>,
    /// For how many days messages are kept; the inner `None` keeps them for ever.
    pub retention_days: Option<Option<u32>>,
    /// What is new of how people may take part.
    pub rules: RulesChange,
}

impl SettingsChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

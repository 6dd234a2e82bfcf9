//! What a conversation is now: everything here but [`Conversation::blocked`] follows from its log by [`append`].

use crate::conversation::{Event, EventBody, Rules, SettingsChange};
use crate::unread::Tally;
use crate::{ConversationId, InvalidId, Refusal, Seq, Timestamp, UserId};

/// A conversation as it stands after the event at `head`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// What kind it is; never changes.
    pub kind: ConversationKind,
    /// Who may find it.
    pub visibility: Visibility,
    /// Its title.
    pub title: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// For how many days messages are kept; `None` for ever.
    pub retention_days: Option<u32>,
    /// How people may take part.
    pub rules: Rules,
    /// When it began.
    pub created_at: Timestamp,
    /// The place of its last event.
    pub head: Seq,
    /// How many messages were sent in it, up to `head`.
    pub messages: u64,
    /// How many members it has now.
    pub members: u64,
    /// Whether one of the two people of a direct one blocks the other now. Follows from no event: a store keeps it.
    pub blocked: bool,
}

impl Conversation {
    /// A conversation in which nothing has happened yet, not even its creation.
    pub fn new(
        id: ConversationId,
        kind: ConversationKind,
        visibility: Visibility,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            visibility,
            title: None,
            topic: None,
            retention_days: None,
            rules: Rules::default(),
            created_at,
            head: Seq::ZERO,
            messages: 0,
            members: 0,
            blocked: false,
        }
    }

    /// Whether there is an event at this place.
    pub fn has(&self, seq: Seq) -> bool {
        seq > Seq::ZERO && seq <= self.head
    }

    /// Whether a cursor can be at this place.
    ///
    /// # Errors
    ///
    /// `invalid` where there is no event.
    pub fn check_place(&self, seq: Seq) -> Result<(), Refusal> {
        if self.has(seq) {
            return Ok(());
        }
        Err(Refusal::invalid("seq is not between 1 and head_seq"))
    }

    fn change(&mut self, change: &SettingsChange) {
        if let Some(title) = &change.title {
            self.title.clone_from(title);
        }
        if let Some(topic) = &change.topic {
            self.topic.clone_from(topic);
        }
        if let Some(visibility) = change.visibility {
            self.visibility = visibility;
        }
        if let Some(days) = change.retention_days {
            self.retention_days = days;
        }
        self.rules.change(&change.rules);
    }
}

/// Someone's place in a conversation, also after they left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// What they may do.
    pub role: Role,
    /// The event that made them a member, the last time; 0 for somebody who never was one and is banned.
    pub joined: Seq,
    /// The event that ended it, if they are no member now.
    pub left: Option<Seq>,
    /// Up to where they have read. Only grows.
    pub read: Seq,
    /// How many messages they have sent here.
    pub sent: u64,
    /// When they sent the last of them.
    pub sent_at: Option<Timestamp>,
    /// The event that banned them, if they are kept out now.
    pub banned: Option<Seq>,
    /// Up to where a device of theirs said that it fetched, if that is above `read`; see
    /// [`delivered_through`](Self::delivered_through).
    pub delivered: Seq,
}

impl Membership {
    /// Whether they are a member now.
    pub fn is_current(&self) -> bool {
        self.left.is_none()
    }
}

/// An event with the running counts at its place, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The event.
    pub event: Event,
    /// The messages of the conversation, and of this event's author, up to and including it.
    pub tally: Tally,
}

/// Puts `body` at the end of `conversation`: gives it the next `seq`, counts it, and lets it change
/// the conversation's own state.
///
/// `sender_sent` is how many messages the author had sent here before; it is only looked at for
/// messages. Memberships are the store's to change, from [`EventBody::Members`], by
/// [`MembersChange::effects`](super::MembersChange::effects).
pub fn append(
    conversation: &mut Conversation,
    sender_sent: u64,
    at: Timestamp,
    body: EventBody,
) -> Logged {
    let mut own = sender_sent;
    conversation.head = conversation.head.next();
    match &body {
        EventBody::Created { title, .. } => conversation.title.clone_from(title),
        EventBody::Message(_) => {
            conversation.messages += 1;
            own += 1;
        }
        EventBody::Members(change) => {
            conversation.members += change.joined.len() as u64;
            conversation.members -= change.left.len() as u64;
        }
        EventBody::Settings { change, .. } => conversation.change(change),
        EventBody::Amendment(_) => {}
    }
    let event = Event {
        conversation: conversation.id,
        seq: conversation.head,
        at,
        body,
    };
    Logged {
        event,
        tally: Tally {
            messages: conversation.messages,
            own,
        },
    }
}

impl Membership {
    /// What someone becomes by joining at `seq`: what was said before they came is not unread.
    #[must_use]
    pub fn join(previous: Option<&Self>, role: Role, seq: Seq) -> Self {
        Self {
            role,
            joined: seq,
            left: None,
            read: previous.map_or(seq, |previous| previous.read.max(seq)),
            sent: previous.map_or(0, |previous| previous.sent),
            sent_at: previous.and_then(|previous| previous.sent_at),
            banned: None,
            delivered: previous.map_or(seq, |previous| previous.delivered.max(seq)),
        }
    }

    /// They left, or were removed, at `seq`.
    pub fn leave(&mut self, seq: Seq) {
        self.left = Some(seq);
    }
}

/// Gives the variants of an enum the names that the protocol and the stores use.
macro_rules! named_variants {
    ($name:ident, $expected:literal, $($variant:ident => $text:literal),+ $(,)?) => {
        impl $name {
            /// The name that the protocol and the stores use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(InvalidId($expected)),
                }
            }
        }
    };
}
pub(crate) use named_variants;

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Exactly two people; one for each pair.
    Direct,
    /// Invited people, up to a limit.
    Group,
    /// Any number of people.
    Channel,
}

named_variants!(ConversationKind, "kind is direct, group or channel",
    Direct => "direct", Group => "group", Channel => "channel");

/// Who may find a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Members only; to all others it does not exist.
    Private,
    /// Anybody may see and join it. Channels only.
    Public,
}

named_variants!(Visibility, "visibility is private or public",
    Private => "private", Public => "public");

/// What a member may do, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Guest,
    /// Also writes.
    Member,
    /// Also keeps order: deletes what others wrote, removes and bans members and guests.
    Moderator,
    /// Also manages members and settings.
    Admin,
    /// Also makes and unmakes admins and owners.
    Owner,
}

named_variants!(Role, "role is guest, member, moderator, admin or owner",
    Guest => "guest", Member => "member", Moderator => "moderator", Admin => "admin",
    Owner => "owner");

impl UserId {
    /// The two people of a direct conversation in one fixed order, so that a pair has one name.
    pub fn pair(one: UserId, other: UserId) -> (UserId, UserId) {
        if one <= other {
            (one, other)
        } else {
            (other, one)
        }
    }
}

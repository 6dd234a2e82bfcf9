//! What reads return.

use tidemark_core::access::Horizon;
use tidemark_core::conversation::{Conversation, Event, Invite, Membership, Role, Version};
use tidemark_core::personal::Versioned;
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Position, Refusal, Seq, Timestamp, UserId};

/// How much one page may hold. A page holds at least one entry if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// The most entries.
    pub entries_max: usize,
    /// The most bytes of text, as [`EventBody::text_bytes`] counts them, so that a page of long messages
    /// or of many names stays small.
    ///
    /// [`EventBody::text_bytes`]: tidemark_core::conversation::EventBody::text_bytes
    pub text_bytes_max: usize,
}

/// Consecutive events of one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsPage {
    /// Oldest first, without holes.
    pub events: Vec<Event>,
    /// The conversation's head when the page was read.
    pub head: Seq,
    /// Whether events follow the last one here.
    pub more: bool,
    /// The first event that the caller sees, where there are others before it. A page of before begins there.
    pub visible_from: Option<Seq>,
}

impl EventsPage {
    /// What is read where nobody may.
    pub(crate) fn nobodys() -> Self {
        Self {
            events: Vec::new(),
            head: Seq::ZERO,
            more: false,
            visible_from: None,
        }
    }
}

/// Consecutive events of one conversation for several callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsFor {
    /// What those get who may read and see everything. Empty if nobody may read.
    pub page: EventsPage,
    /// What each may see, or the refusal, in the order in which they were named.
    pub access: Vec<Result<Horizon, Refusal>>,
}

/// What several members have still to see in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsOf {
    /// The conversation's head, up to which was counted; zero if it is not known.
    pub head: Seq,
    /// Of each, in the order in which they were named; the refusal for whoever may not read.
    pub counts: Vec<Result<Counts, Refusal>>,
}

/// Which messages of a timeline to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest ones below this place.
    Before(Seq),
    /// The oldest ones above this place.
    After(Seq),
    /// About as many on both sides of this place, and the message at it.
    Around(Seq),
    /// The newest ones.
    Latest,
}

/// Some messages of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelinePage {
    /// Oldest first.
    pub messages: Vec<TimelineMessage>,
    /// The conversation's head when the page was read.
    pub head: Seq,
    /// Whether there are further messages in the direction of the window (either, for around).
    pub more: bool,
}

/// A conversation as one caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// Its state.
    pub conversation: Conversation,
    /// The caller's membership; `None` for an administrator, a stranger or a former member.
    pub membership: Option<Membership>,
    /// What the caller has still to see; zero for whoever is no member.
    pub counts: Counts,
    /// What the caller keeps of it for themselves, without the draft; the default for whoever is no member.
    pub personal: Versioned,
    /// The newest message; `None` also for whoever may see the conversation but not read it.
    pub last_message: Option<TimelineMessage>,
    /// The commit position of the last event: orders an inbox.
    pub active: Position,
}

/// Some of a user's conversations, last active first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPage {
    /// The conversations.
    pub conversations: Vec<ConversationView>,
    /// Where the next page begins: pass it as `before`.
    pub next: Option<Position>,
}

/// One of a user's conversations, in as few words as a device needs to know whether it is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipView {
    /// Its state.
    pub conversation: Conversation,
    /// What the user may do there.
    pub role: Role,
    /// Up to where the user has read.
    pub read: Seq,
    /// What the user has still to see.
    pub counts: Counts,
    /// The commit position of the last event.
    pub active: Position,
}

/// A member, as other members see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// The event that made them a member.
    pub joined: Seq,
    /// Up to where they have read.
    pub read: Seq,
}

/// Some members, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersPage {
    /// The members.
    pub members: Vec<Member>,
    /// Whether others follow.
    pub more: bool,
}

/// A member whose cursor has reached the place asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// Up to where they have read.
    pub read: Seq,
}

/// A member whose devices have fetched the place asked about, which they have not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Who.
    pub user: UserId,
    /// Up to where a device of theirs has fetched.
    pub delivered: Seq,
}

/// How far a place of a conversation has come, each list in the order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipts {
    /// Members who have read it.
    pub readers: Vec<Reader>,
    /// Members who have fetched it and not read it.
    pub delivered: Vec<Delivered>,
}

/// Where a read cursor stands after a command that may have moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// Up to where the user has read.
    pub read: Seq,
    /// The conversation's head, up to which was counted.
    pub head: Seq,
    /// What the user has still to see.
    pub counts: Counts,
    /// Whether the command moved it, or it was there already.
    pub moved: bool,
}

/// Who came and went, in all conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipFeed {
    /// The `members` events, in commit order.
    pub events: Vec<FeedEvent>,
    /// There is no other one up to here, and never will be. The last of `events` if they filled the answer,
    /// otherwise a place at or behind the last event of any kind.
    pub through: Position,
}

/// An event in the log of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its place in commit order.
    pub position: Position,
    /// The event.
    pub event: Event,
}

/// A message that mentions somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentioned {
    /// Its place in commit order.
    pub position: Position,
    /// Where it was said.
    pub conversation: ConversationId,
    /// The message.
    pub message: TimelineMessage,
}

/// Some of the messages that mention a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MentionsPage {
    /// Newest first, in commit order.
    pub mentions: Vec<Mentioned>,
    /// Where the next page begins: pass it as `before`.
    pub next: Option<Position>,
}

/// What a change of a personal state led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalChanged {
    /// How it stands now.
    pub state: Versioned,
    /// Whether the change made a difference.
    pub changed: bool,
}

/// What a user changed of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalPage {
    /// In the order of versions.
    pub changes: Vec<(ConversationId, Versioned)>,
    /// Nothing else of the user was changed up to this version: where the next page begins.
    pub version: u64,
    /// Whether others follow.
    pub more: bool,
}

/// Somebody who is kept out of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banned {
    /// Who.
    pub user: UserId,
    /// The event that banned them.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// Who did it.
    pub by: UserId,
    /// Why, if that was said.
    pub reason: Option<String>,
}

/// Some of those who are kept out of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BansPage {
    /// In the order of their ids.
    pub bans: Vec<Banned>,
    /// Whether there are others behind.
    pub more: bool,
}

/// Somebody who is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub at: Timestamp,
}

/// Some of those whom somebody blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlocksPage {
    /// In the order of their ids.
    pub users: Vec<Blocked>,
    /// Whether there are others behind.
    pub more: bool,
}

/// Some of what a message said over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionsPage {
    /// Oldest first.
    pub versions: Vec<Version>,
    /// Whether there are later ones.
    pub more: bool,
}

/// What somebody who holds a code is invited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The conversation.
    pub conversation: Conversation,
    /// The invite.
    pub invite: Invite,
}

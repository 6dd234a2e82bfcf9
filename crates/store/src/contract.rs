//! The contract for conversations.

use std::future::Future;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{CodeHash, Command, Event, History, Invite};
use tidemark_core::personal::PersonalChange;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Position, Refusal, Seq, Timestamp, UserId};
use uuid::Uuid;

use crate::{
    BansPage, BlocksPage, BotEndpoints, CommitError, Consumers, ConversationView, CountsOf,
    CursorMove, EventsFor, EventsPage, FeedEvent, InboxPage, Invitation, MembersPage,
    MembershipFeed, MembershipView, MentionsPage, PageLimits, PersonalChanged, PersonalPage,
    ReadError, Receipts, ThreadCursorMove, ThreadPage, ThreadsPage, TimelinePage, Uploads,
    VersionsPage, Webhooks, Window,
};

/// Of how many of the threads that somebody takes part in the list of them is made.
pub const THREADS_MAX: usize = 1_000;

/// Commands that a gateway hands over together, in the order in which it took them.
pub type Batch = Vec<Command>;

/// What a command did. Whatever is in here is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These events follow each other at the head of the conversation.
    Appended {
        /// The new events, in order; at least one.
        events: Vec<Event>,
        /// How many members the conversation has now.
        members: u64,
        /// What newcomers see of the conversation now.
        history: History,
    },
    /// The client id had named this message before; nothing new happened.
    Repeated {
        /// The message's place.
        seq: Seq,
        /// When it was accepted.
        at: Timestamp,
    },
    /// What was to be made is there already, with this id.
    Existing(ConversationId),
    /// The answer to a command that moves a cursor.
    Cursor {
        /// Where the cursor stands.
        cursor: CursorMove,
        /// How many members the conversation has.
        members: u64,
        /// Whether nobody else is to hear of it: one of the two of a direct conversation blocks the other.
        is_hidden: bool,
    },
    /// All was already as wished.
    Unchanged {
        /// The conversation's head.
        head: Seq,
    },
    /// This invite is there.
    Invited(Invite),
    /// The invite is there no longer.
    InviteRevoked,
    /// The answer to a command that says what was fetched.
    Delivered {
        /// Up to where, reading counted in.
        delivered: Seq,
        /// Whether the command moved it.
        moved: bool,
        /// How many members the conversation has.
        members: u64,
        /// Whether nobody else is to hear of it: one of the two of a direct conversation blocks the other.
        is_hidden: bool,
    },
}

/// Whether an engine takes commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Accepting,
    /// A flush failed and it is opening its files anew; until then every command is answered
    /// [`CommitError::Unavailable`].
    Recovering,
    /// It was closed.
    Closed,
}

/// Keeps the log of every conversation and answers from it.
///
/// Every method may be called from many tasks at once. Reads see every commit whose outcome was returned
/// before they began, and check, in the same snapshot, that the caller may read.
pub trait Store: BotEndpoints + Consumers + Uploads + Webhooks {
    /// The name of this history. It is made with the store and changes only when the store is restored
    /// from a backup.
    fn epoch(&self) -> Uuid;

    /// Decides and performs commands: the only method that changes conversations.
    ///
    /// The outcomes have the order and number of the commands. A command sees the effects of those before
    /// it in its batch, and of every batch whose outcomes were returned. When an outcome is
    /// returned, its events are on stable storage: no crash of the process or the machine takes them
    /// back. A refused command changes nothing and does not disturb its neighbours.
    ///
    /// [`CommitError::Unavailable`] means that it is not known whether the command will be there
    /// after recovery; it is never followed by a second try inside the engine.
    ///
    /// Batches of concurrent calls may be made durable together. Dropping the future does not undo
    /// the batch.
    fn commit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Vec<Result<Outcome, CommitError>>> + Send;

    /// The events of a conversation after a place, oldest first, without holes. `after` above the head
    /// gives an empty page with the head. For members and administrators.
    fn events_after(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> impl Future<Output = Result<EventsPage, ReadError>> + Send;

    /// Messages of a conversation's timeline, as they stand now. For members and administrators.
    fn messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> impl Future<Output = Result<TimelinePage, ReadError>> + Send;

    /// One conversation. For whoever may see it.
    fn conversation(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> impl Future<Output = Result<ConversationView, ReadError>> + Send;

    /// A user's conversations, last active first, those active before `before`.
    fn inbox(
        &self,
        user: &UserId,
        before: Option<Position>,
        entries_max: usize,
    ) -> impl Future<Output = Result<InboxPage, ReadError>> + Send;

    /// All of a user's conversations, last active first: what a device compares its cursors with.
    fn memberships(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<MembershipView>, ReadError>> + Send;

    /// What these members have still to see in a conversation, and the head that this is about: one read, however
    /// many ask; a refusal for whoever may not read it.
    fn counts_of(
        &self,
        users: &[UserId],
        conversation: ConversationId,
    ) -> impl Future<Output = Result<CountsOf, ReadError>> + Send;

    /// [`events_after`](Self::events_after) for several callers at once, in one snapshot: the events are read once, as
    /// somebody gets them who sees everything, and for each caller it is looked what they may see.
    fn events_for(
        &self,
        callers: &[Caller],
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> impl Future<Output = Result<EventsFor, ReadError>> + Send;

    /// [`counts_of`](Self::counts_of) one member.
    fn counts(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> impl Future<Output = Result<(Seq, Counts), ReadError>> + Send {
        async move {
            let all = self
                .counts_of(std::slice::from_ref(user), conversation)
                .await?;
            let unknown = || Err(Refusal::no_such_conversation());
            let counts = all.counts.into_iter().next().unwrap_or_else(unknown);
            Ok((all.head, counts?))
        }
    }

    /// Members in the order of their ids, those after `after`. For members and administrators.
    fn members(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> impl Future<Output = Result<MembersPage, ReadError>> + Send;

    /// The members whose cursors have reached `seq`, and those who only fetched up to there; of each at most
    /// `entries_max`, in the order of their ids. For members and administrators. What is [hidden from the
    /// caller](tidemark_core::conversation::shows_cursor) is left out here, and in [`members`](Self::members) as if nothing had
    /// been read since they came.
    fn readers(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        entries_max: usize,
    ) -> impl Future<Output = Result<Receipts, ReadError>> + Send;

    /// The events of all conversations after a position, in commit order. A consumer that stores the
    /// last position it has seen and asks from there never misses an event.
    fn feed(
        &self,
        after: Position,
        limits: PageLimits,
    ) -> impl Future<Output = Result<Vec<FeedEvent>, ReadError>> + Send;

    /// How far these conversations have come, for a server that compares what it has pushed with what there
    /// is. In any order; those that do not exist are left out. Asks nobody's permission: ids and numbers go
    /// to no client. One seek for each, so that thousands can be asked about every few seconds.
    fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> impl Future<Output = Result<Vec<(ConversationId, Seq)>, ReadError>> + Send;

    /// The `members` events of all conversations after a position, in commit order, and up to where there
    /// are no others: the [feed](Self::feed) of who came and went. Whoever asks next from
    /// [`through`](MembershipFeed::through) misses none. `after` above the last event gives an empty
    /// answer that says where that is. Costs nothing for events of other kinds, however many there are.
    fn membership_feed(
        &self,
        after: Position,
        entries_max: usize,
    ) -> impl Future<Output = Result<MembershipFeed, ReadError>> + Send;

    /// Those of `others` who are in a conversation with `user` now, in any order; whoever is not known is left
    /// out, and whoever blocks `user` or is blocked by them. `user` themselves counts like anybody else. Asks nobody's permission: it is for a server that decides
    /// whom it tells who is there. At most one seek for each conversation of `user` and each of `others`.
    fn acquainted(
        &self,
        user: &UserId,
        others: &[UserId],
    ) -> impl Future<Output = Result<Vec<UserId>, ReadError>> + Send;

    /// The messages that mention `user`, by name or with everybody, and are at a position below `before`: newest
    /// first in commit order, over all conversations that the user is in now, each from where they joined it. What
    /// they say themselves is left out. The cost follows the number of conversations and of
    /// entries asked for, not the length of any history.
    fn mentions(
        &self,
        user: &UserId,
        before: Option<Position>,
        limits: PageLimits,
    ) -> impl Future<Output = Result<MentionsPage, ReadError>> + Send;

    /// Changes what `user` keeps of a conversation for themselves, as [`personal::change`] says, and returns all of
    /// it when it is durable. A change that changes something gets the next version of the user's counter, without
    /// holes, and is seen by whoever asks for [`personal_changes`](Self::personal_changes) before one with a
    /// later version is; any other one leaves the version alone. Of changes that come at the same time none is
    /// lost. A later membership begins with the default, and what an earlier one kept is not stored any longer.
    ///
    /// [`personal::change`]: tidemark_core::personal::change
    fn change_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
    ) -> impl Future<Output = Result<PersonalChanged, CommitError>> + Send;

    /// What `user` changed after a version, of conversations that they are in now: the last state of each, in the
    /// order of versions. `after` above the user's last version gives an empty page that says which that is.
    fn personal_changes(
        &self,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> impl Future<Output = Result<PersonalPage, ReadError>> + Send;

    /// The invites of a conversation that are kept, in the order of their times: a few more at most than can be used
    /// at the same time. For whoever may make some.
    fn invites(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> impl Future<Output = Result<Vec<Invite>, ReadError>> + Send;

    /// What the holder of a code is invited to, if it lets them in at this time or they are in; see
    /// [`open_to`](tidemark_core::conversation::open_to).
    fn invitation(
        &self,
        caller: &Caller,
        code: CodeHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Invitation, ReadError>> + Send;

    /// Who is kept out of a conversation, in the order of their ids, those after `after`. For whoever may ban.
    fn bans(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> impl Future<Output = Result<BansPage, ReadError>> + Send;

    /// What the message at `seq` said over time, oldest first, what it says since events after `after`. For its
    /// author and those who keep order, if they see the message. Of a deleted one, nothing is left but when it was changed.
    fn versions(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        after: Seq,
        limits: PageLimits,
    ) -> impl Future<Output = Result<VersionsPage, ReadError>> + Send;

    /// The same as [`messages`](Self::messages), without the replies that only their threads show. It walks past
    /// those that lie between.
    fn main_messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> impl Future<Output = Result<TimelinePage, ReadError>> + Send;

    /// Replies of the thread below the message at `root`, as they stand now; none where nobody replied. For members
    /// and administrators. Neither the page nor the count walks the thread.
    fn thread(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        root: Seq,
        window: Window,
        limits: PageLimits,
    ) -> impl Future<Output = Result<ThreadPage, ReadError>> + Send;

    /// The threads that `user` takes part in, by their first message or by a reply, in conversations that they
    /// are in now, or in this one: last active first, those active before `before`. Of more than
    /// [`THREADS_MAX`] such threads those count in which the user wrote last.
    fn threads(
        &self,
        user: &UserId,
        conversation: Option<ConversationId>,
        before: Option<Position>,
        limits: PageLimits,
    ) -> impl Future<Output = Result<ThreadsPage, ReadError>> + Send;

    /// Moves the cursor of `user` in the thread below the message at `root`, as [`thread::move_cursor`] says, and
    /// returns where it stands when that is durable. It only grows, whatever comes at the same time.
    ///
    /// [`thread::move_cursor`]: tidemark_core::conversation::thread::move_cursor
    fn move_thread_cursor(
        &self,
        user: &UserId,
        conversation: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> impl Future<Output = Result<ThreadCursorMove, CommitError>> + Send;

    /// Has `user` block `other` from now on, or no longer, as [`change_block`] says; whether that is news. Their direct
    /// conversation, now or one that begins later, says in the same moment whether one of the two blocks the other.
    /// Durable when it is answered, whatever comes at the same time.
    ///
    /// [`change_block`]: tidemark_core::conversation::change_block
    fn change_block(
        &self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, CommitError>> + Send;

    /// Whom `user` blocks, in the order of their ids, those after `after`.
    fn blocks(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> impl Future<Output = Result<BlocksPage, ReadError>> + Send;

    /// Whether commands are taken now.
    fn health(&self) -> Health;

    /// Finishes what was handed over, then releases every file. Later calls answer unavailable.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

//! The engine for one node: SQLite, one writer thread, pooled readers.
//!
//! A commit goes `SqliteStore` → `writer` (the queue) → `writer_thread` (one transaction for all that
//! waits) → `ledger` (facts, decision, rows). A read goes `SqliteStore` → `readers` (the pool) → `reads`,
//! `timeline`, `inbox` or `directory_reads`. Nothing is written for a message but its row in the log and the
//! indexes over it: heads, unread counts and inboxes are seeks.

mod amendments;
mod blocks;
mod bot_endpoints;
mod cache;
mod checkpointer;
mod column;
mod comparison;
mod consumers;
mod crowd;
mod directory;
mod directory_rows;
mod fault;
mod files;
mod inbox;
mod invites;
mod leases;
mod ledger;
mod lock;
mod log;
mod lookup;
mod member_rows;
mod mentions;
mod moderation;
mod people;
mod personal;
mod readers;
mod reads;
mod schema;
mod threads;
mod timeline;
mod uploading;
mod uploads;
mod webhooks;
mod writer;
mod writer_thread;

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{CodeHash, Invite};
use tidemark_core::personal::PersonalChange;
use tidemark_core::{ConversationId, Limits, Position, Seq, Timestamp, UserId};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::lease_terms::LeaseTerms;
use crate::{
    BansPage, Batch, BlocksPage, CommitError, ConversationView, CountsOf, EventsFor, EventsPage,
    FeedEvent, Health, InboxPage, Invitation, MembersPage, MembershipFeed, MembershipView,
    MentionsPage, OpenError, Outcome, PageLimits, PersonalChanged, PersonalPage, ReadError,
    Receipts, Store, ThreadCursorMove, ThreadPage, ThreadsPage, TimelinePage, VersionsPage, Window,
};

use files::Files;
use lock::DirectoryLock;
use readers::Readers;
use writer::Writer;

/// How to run a [`SqliteStore`].
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// How large things may get.
    pub limits: Limits,
    /// The most connections that read at the same time; at least one.
    pub readers_max: usize,
    /// How much of the file the writer keeps in memory, in KiB.
    pub writer_cache_kib: u32,
    /// How much of the file each reading connection keeps in memory, in KiB.
    pub reader_cache_kib: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            readers_max: 4,
            writer_cache_kib: 64 * 1024,
            reader_cache_kib: 8 * 1024,
        }
    }
}

/// A store in one directory of this machine.
///
/// Dropping it closes it as [`Store::close`] does, but on the thread that drops it.
pub struct SqliteStore {
    epoch: Uuid,
    limits: Limits,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    lease_terms: Arc<Mutex<LeaseTerms>>,
}

impl SqliteStore {
    /// Opens the store in `directory`, which is made if it is missing, and makes everything durable that
    /// an earlier process left unfinished.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] while another process, or another store of this one, has the directory;
    /// [`OpenError::TooNew`] for files of a later version; [`OpenError::Io`] and [`OpenError::Engine`]
    /// for what the operating system and SQLite have to say.
    pub fn open(directory: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(directory)?;
        let files = Files::new(
            directory.to_owned(),
            options.writer_cache_kib,
            options.reader_cache_kib,
        );
        let (connection, epoch) = files.open_writer()?;
        let readers = Readers::new(files.clone(), options.readers_max);
        let writer = Writer::start(
            files,
            Arc::clone(&readers),
            options.limits.clone(),
            connection,
            lock,
        )?;
        Ok(Self {
            epoch,
            limits: options.limits,
            readers,
            writer: Arc::new(writer),
            lease_terms: Arc::default(),
        })
    }
}

impl Store for SqliteStore {
    fn epoch(&self) -> Uuid {
        self.epoch
    }

    async fn commit(&self, batch: Batch) -> Vec<Result<Outcome, CommitError>> {
        self.writer.commit(batch).await
    }

    async fn events_after(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsPage, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                reads::events_after(connection, &caller, conversation, after, limits)
            })
            .await
    }

    async fn messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                timeline::messages(connection, &caller, conversation, window, limits)
            })
            .await
    }

    async fn conversation(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| inbox::conversation(connection, &caller, conversation))
            .await
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<Position>,
        entries_max: usize,
    ) -> Result<InboxPage, ReadError> {
        let user = user.clone();
        self.readers
            .read(move |connection| inbox::inbox(connection, &user, before, entries_max))
            .await
    }

    async fn memberships(&self, user: &UserId) -> Result<Vec<MembershipView>, ReadError> {
        let user = user.clone();
        self.readers
            .read(move |connection| inbox::memberships(connection, &user))
            .await
    }

    async fn counts_of(
        &self,
        users: &[UserId],
        conversation: ConversationId,
    ) -> Result<CountsOf, ReadError> {
        let users = users.to_vec();
        self.readers
            .read(move |connection| crowd::counts_of(connection, users, conversation))
            .await
    }

    async fn events_for(
        &self,
        callers: &[Caller],
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsFor, ReadError> {
        let callers = callers.to_vec();
        self.readers
            .read(move |connection| {
                crowd::events_for(connection, &callers, conversation, after, limits)
            })
            .await
    }

    async fn members(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<MembersPage, ReadError> {
        let (caller, after) = (caller.clone(), after.cloned());
        self.readers
            .read(move |connection| {
                reads::members(
                    connection,
                    &caller,
                    conversation,
                    after.as_ref(),
                    entries_max,
                )
            })
            .await
    }

    async fn readers(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        entries_max: usize,
    ) -> Result<Receipts, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                reads::readers(connection, &caller, conversation, seq, entries_max)
            })
            .await
    }

    async fn feed(&self, after: Position, limits: PageLimits) -> Result<Vec<FeedEvent>, ReadError> {
        self.readers
            .read(move |connection| reads::feed(connection, after, limits))
            .await
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Seq)>, ReadError> {
        let conversations = conversations.to_vec();
        self.readers
            .read(move |connection| comparison::heads(connection, &conversations))
            .await
    }

    async fn membership_feed(
        &self,
        after: Position,
        entries_max: usize,
    ) -> Result<MembershipFeed, ReadError> {
        self.readers
            .read(move |connection| comparison::membership_feed(connection, after, entries_max))
            .await
    }

    async fn acquainted(&self, user: &UserId, others: &[UserId]) -> Result<Vec<UserId>, ReadError> {
        let (user, others) = (user.clone(), others.to_vec());
        self.readers
            .read(move |connection| comparison::acquainted(connection, &user, others))
            .await
    }

    async fn mentions(
        &self,
        user: &UserId,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<MentionsPage, ReadError> {
        let user = user.clone();
        self.readers
            .read(move |connection| mentions::newest(connection, &user, before, limits))
            .await
    }

    async fn change_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
    ) -> Result<PersonalChanged, CommitError> {
        let (user, limits) = (user.clone(), self.limits.clone());
        let changed = self.writer.change(move |connection| {
            personal::change(connection, user, conversation, change, &limits)
        });
        Ok(changed.await?)
    }

    async fn personal_changes(
        &self,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> Result<PersonalPage, ReadError> {
        let user = user.clone();
        self.readers
            .read(move |connection| personal::changes(connection, &user, after, limits))
            .await
    }

    async fn invites(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<Vec<Invite>, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| invites::list(connection, &caller, conversation))
            .await
    }

    async fn invitation(
        &self,
        caller: &Caller,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<Invitation, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| invites::invitation(connection, &caller, code, now))
            .await
    }

    async fn bans(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BansPage, ReadError> {
        let (caller, after) = (caller.clone(), after.cloned());
        self.readers
            .read(move |connection| {
                let after = after.as_ref();
                moderation::bans(connection, &caller, conversation, after, entries_max)
            })
            .await
    }

    async fn versions(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        after: Seq,
        limits: PageLimits,
    ) -> Result<VersionsPage, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                moderation::versions(connection, &caller, conversation, seq, after, limits)
            })
            .await
    }

    async fn main_messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                threads::main_messages(connection, &caller, conversation, window, limits)
            })
            .await
    }

    async fn thread(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        root: Seq,
        window: Window,
        limits: PageLimits,
    ) -> Result<ThreadPage, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| {
                threads::page(connection, &caller, conversation, root, window, limits)
            })
            .await
    }

    async fn threads(
        &self,
        user: &UserId,
        conversation: Option<ConversationId>,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<ThreadsPage, ReadError> {
        let user = user.clone();
        self.readers
            .read(move |connection| threads::list(connection, &user, conversation, before, limits))
            .await
    }

    async fn move_thread_cursor(
        &self,
        user: &UserId,
        conversation: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> Result<ThreadCursorMove, CommitError> {
        let user = user.clone();
        let moved = self.writer.change(move |connection| {
            threads::move_cursor(connection, user, conversation, root, seq)
        });
        Ok(moved.await?)
    }

    async fn change_block(
        &self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Result<bool, CommitError> {
        let (user, other) = (user.clone(), other.clone());
        let changed = self
            .writer
            .change_remembered(move |ledger| ledger.change_block(&user, &other, on, at));
        Ok(changed.await?)
    }

    async fn blocks(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BlocksPage, ReadError> {
        let (user, after) = (user.clone(), after.cloned());
        self.readers
            .read(move |connection| blocks::page(connection, &user, after.as_ref(), entries_max))
            .await
    }

    fn health(&self) -> Health {
        self.writer.health()
    }

    async fn close(&self) {
        let writer = Arc::clone(&self.writer);
        if let Err(error) = spawn_blocking(move || writer.close()).await {
            tracing::error!(%error, "closing the store did not finish");
        }
    }
}

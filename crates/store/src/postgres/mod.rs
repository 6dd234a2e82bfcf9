//! The engine for many nodes: PostgreSQL, which every node writes to at the same time.
//!
//! A commit goes `PostgresStore` → `writers` (the queues) → `writer` (one transaction for all that waits) →
//! `transaction` (two round trips): `facts` locks the conversations and asks, `ledger` lets the core decide,
//! `writes` is what follows. `fate` finds out about a commit that was not answered. A read goes
//! `PostgresStore` → `reads`, `timeline`, `inbox` or `directory_rows` → `pool` (one round trip). The order of
//! the log of everything is explained in `feed`.
//!
//! Nothing is remembered between transactions: another node may have changed it.

mod amendments;
mod attachments;
mod availability;
mod blocks;
mod bot_endpoints;
mod column;
mod connector;
mod consumers;
mod directory;
mod directory_rows;
mod facts;
mod fate;
mod fault;
mod feed;
mod inbox;
mod incarnation;
mod invites;
mod leases;
mod ledger;
mod mentions;
mod moderation;
mod personal;
mod pool;
mod reads;
mod rows;
mod schema;
mod split;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod thread_reads;
mod threads;
mod timeline;
mod transaction;
mod uploading;
mod uploads;
mod webhooks;
mod writer;
mod writers;
mod writes;

use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{CodeHash, Invite};
use tidemark_core::personal::PersonalChange;
use tidemark_core::{ConversationId, Limits, Position, Seq, Timestamp, UserId};
use tokio::time::timeout;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    BansPage, Batch, BlocksPage, CommitError, ConversationView, CountsOf, EventsFor, EventsPage,
    FeedEvent, Health, InboxPage, Invitation, MembersPage, MembershipFeed, MembershipView,
    MentionsPage, OpenError, Outcome, PageLimits, PersonalChanged, PersonalPage, ReadError,
    Receipts, Store, ThreadCursorMove, ThreadPage, ThreadsPage, TimelinePage, VersionsPage, Window,
};

use connector::Connector;
use fault::Trouble;
use pool::Connections;
use statement::Statement;
use writers::Writers;

pub use connector::check_url;

/// The oldest server that is known to do: transaction ids that do not wrap came with 13.
const SERVER_VERSION_MIN: i32 = 130_000;

/// How long opening waits for a server, and for the standby of a server that has started.
const OPENING_MAX: Duration = Duration::from_secs(30);
const NOT_CONFIRMED: &str = "the server does not confirm a commit; is it waiting for a standby that is down? \
    (see synchronous_standby_names)";

/// How to run a [`PostgresStore`].
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// How large things may get.
    pub limits: Limits,
    /// The most connections of this node; at least one more than `writers`.
    pub connections_max: usize,
    /// How many of them write; at least one. Conversations are committed in parallel over these.
    pub writers: usize,
    /// How long a command waits for a server that takes writes before it is answered that the store is
    /// unavailable. Whoever reads waits as long for a connection.
    pub commit_wait: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            connections_max: 16,
            writers: 4,
            commit_wait: Duration::from_secs(5),
        }
    }
}

/// A store in a database that other nodes may use as well.
///
/// Dropping it lets the writers finish what they were given, in the background.
pub struct PostgresStore {
    epoch: Uuid,
    limits: Limits,
    connections: Connections,
    writers: Writers,
}

impl PostgresStore {
    /// Opens the store in the database that `url` names, and makes its tables if they are missing. Several
    /// hosts may be named; the one that takes writes is found, now and whenever it changes.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooNew`] for tables of a later version; [`OpenError::Engine`] if the URL is wrong, no
    /// server that takes writes answers, or the server is too old or set to lose commits.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let connector = Connector::new(url)?;
        let writers = options.writers.max(1);
        let mut client = timeout(OPENING_MAX, connector.open_alone())
            .await
            .map_err(|_| OpenError::Engine(NOT_CONFIRMED.to_owned()))??;
        check_server(&client).await?;
        let epoch = schema::prepare(&mut client).await?;
        drop(client);
        let mut links = Vec::with_capacity(writers);
        for _ in 0..writers {
            links.push(connector.open().await?);
        }
        let reading = options.connections_max.saturating_sub(writers);
        let connections = Connections::new(&connector, reading, options.commit_wait)?;
        let writers = Writers::start(&connector, &options.limits, links, options.commit_wait);
        Ok(Self {
            epoch,
            limits: options.limits,
            connections,
            writers,
        })
    }
}

async fn check_server(client: &Client) -> Result<(), OpenError> {
    let settings = Statement::new(
        "SELECT current_setting('server_version_num')::int, current_setting('synchronous_commit'),
            current_setting('fsync')",
    );
    let rows = settings.run(client).await.map_err(Trouble::from)?;
    let version: i32 = column::get(&rows[0], 0)?;
    if version < SERVER_VERSION_MIN {
        let found = version / 10_000;
        return Err(OpenError::Engine(format!(
            "PostgreSQL {found} is too old; 13 or later is needed"
        )));
    }
    if column::get::<&str>(&rows[0], 1)? == "off" {
        return Err(OpenError::Engine(
            "the server has synchronous_commit = off, which loses messages that were \
             acknowledged; set it to on, or to local, for this role or database"
                .to_owned(),
        ));
    }
    if column::get::<&str>(&rows[0], 2)? == "off" {
        tracing::warn!("the server has fsync = off: a power cut loses messages");
    }
    Ok(())
}

impl Store for PostgresStore {
    fn epoch(&self) -> Uuid {
        self.epoch
    }

    async fn commit(&self, batch: Batch) -> Vec<Result<Outcome, CommitError>> {
        self.writers.commit(batch).await
    }

    async fn events_after(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsPage, ReadError> {
        Ok(reads::events_after(&self.connections, caller, conversation, after, limits).await?)
    }

    async fn messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        Ok(timeline::messages(&self.connections, caller, conversation, window, limits).await?)
    }

    async fn conversation(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, ReadError> {
        Ok(inbox::conversation(&self.connections, caller, conversation).await?)
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<Position>,
        entries_max: usize,
    ) -> Result<InboxPage, ReadError> {
        Ok(inbox::inbox(&self.connections, user, before, entries_max).await?)
    }

    async fn memberships(&self, user: &UserId) -> Result<Vec<MembershipView>, ReadError> {
        Ok(inbox::memberships(&self.connections, user).await?)
    }

    async fn counts_of(
        &self,
        users: &[UserId],
        conversation: ConversationId,
    ) -> Result<CountsOf, ReadError> {
        Ok(inbox::counts_of(&self.connections, users, conversation).await?)
    }

    async fn events_for(
        &self,
        callers: &[Caller],
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsFor, ReadError> {
        Ok(reads::events_for(&self.connections, callers, conversation, after, limits).await?)
    }

    async fn members(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<MembersPage, ReadError> {
        Ok(reads::members(&self.connections, caller, conversation, after, entries_max).await?)
    }

    async fn readers(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        entries_max: usize,
    ) -> Result<Receipts, ReadError> {
        Ok(reads::receipts(&self.connections, caller, conversation, seq, entries_max).await?)
    }

    async fn feed(&self, after: Position, limits: PageLimits) -> Result<Vec<FeedEvent>, ReadError> {
        Ok(feed::feed(&self.connections, after, limits).await?)
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Seq)>, ReadError> {
        Ok(reads::heads(&self.connections, conversations).await?)
    }

    async fn membership_feed(
        &self,
        after: Position,
        entries_max: usize,
    ) -> Result<MembershipFeed, ReadError> {
        Ok(feed::membership_feed(&self.connections, after, entries_max).await?)
    }

    async fn acquainted(&self, user: &UserId, others: &[UserId]) -> Result<Vec<UserId>, ReadError> {
        Ok(reads::acquainted(&self.connections, user, others).await?)
    }

    async fn mentions(
        &self,
        user: &UserId,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<MentionsPage, ReadError> {
        Ok(mentions::newest(&self.connections, user, before, limits).await?)
    }

    async fn change_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
    ) -> Result<PersonalChanged, CommitError> {
        let (connections, limits) = (&self.connections, &self.limits);
        let changed = personal::change(connections, user, conversation, &change, limits).await;
        Ok(changed.map_err(ReadError::from)?)
    }

    async fn personal_changes(
        &self,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> Result<PersonalPage, ReadError> {
        Ok(personal::changes(&self.connections, user, after, limits).await?)
    }

    async fn invites(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<Vec<Invite>, ReadError> {
        Ok(invites::list(&self.connections, caller, conversation).await?)
    }

    async fn invitation(
        &self,
        caller: &Caller,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<Invitation, ReadError> {
        Ok(invites::invitation(&self.connections, caller, code, now).await?)
    }

    async fn bans(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BansPage, ReadError> {
        Ok(moderation::bans(&self.connections, caller, conversation, after, entries_max).await?)
    }

    async fn versions(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        after: Seq,
        limits: PageLimits,
    ) -> Result<VersionsPage, ReadError> {
        let connections = &self.connections;
        Ok(moderation::versions(connections, caller, conversation, seq, after, limits).await?)
    }

    async fn main_messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let connections = &self.connections;
        let page = thread_reads::main_messages(connections, caller, conversation, window, limits);
        Ok(page.await?)
    }

    async fn thread(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        root: Seq,
        window: Window,
        limits: PageLimits,
    ) -> Result<ThreadPage, ReadError> {
        let connections = &self.connections;
        let page = thread_reads::page(connections, caller, conversation, root, window, limits);
        Ok(page.await?)
    }

    async fn threads(
        &self,
        user: &UserId,
        conversation: Option<ConversationId>,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<ThreadsPage, ReadError> {
        let connections = &self.connections;
        Ok(thread_reads::list(connections, user, conversation, before, limits).await?)
    }

    async fn move_thread_cursor(
        &self,
        user: &UserId,
        conversation: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> Result<ThreadCursorMove, CommitError> {
        let connections = &self.connections;
        let moved = thread_reads::move_cursor(connections, user, conversation, root, seq).await;
        Ok(moved.map_err(ReadError::from)?)
    }

    async fn change_block(
        &self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Result<bool, CommitError> {
        let (connections, limits) = (&self.connections, &self.limits);
        let changed = blocks::change(connections, user, other, on, at, limits).await;
        Ok(changed.map_err(ReadError::from)?)
    }

    async fn blocks(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BlocksPage, ReadError> {
        Ok(blocks::page(&self.connections, user, after, entries_max).await?)
    }

    fn health(&self) -> Health {
        self.writers.health()
    }

    async fn close(&self) {
        self.writers.close().await;
        self.connections.close();
    }
}

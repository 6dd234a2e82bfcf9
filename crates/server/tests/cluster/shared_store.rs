//! One store for several servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{CodeHash, Invite};
use tidemark_core::personal::PersonalChange;
use tidemark_core::{ConversationId, Position, Seq, SessionId, Timestamp, UserId};
use tidemark_store::{
    Acquired, ApiKey, BansPage, Batch, BlocksPage, CommitError, ConversationView, CountsOf,
    Credentials, Directory, DirectoryError, EventsFor, EventsPage, FeedEvent, Health, InboxPage,
    Invitation, LeaseError, LeaseToken, Leases, MembersPage, MembershipFeed, MembershipView,
    MentionsPage, NewAccount, NewApiKey, NewBot, NewSession, Outcome, PageLimits, PersonalChanged,
    PersonalPage, ProfileChange, ReadError, Receipts, SecretHash, Session, SessionOwner, Store,
    ThreadCursorMove, ThreadPage, ThreadsPage, TimelinePage, User, VersionsPage, Window,
};
use uuid::Uuid;

/// A handle to a store that others have a handle to, too. Counts the pages of events that are read.
pub(crate) struct SharedStore<S> {
    pub(crate) store: Arc<S>,
    pages: Arc<AtomicUsize>,
    outcomes_late_ms: Arc<AtomicU64>,
    is_forgetful: Arc<AtomicBool>,
}

impl<S> SharedStore<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            pages: Arc::default(),
            outcomes_late_ms: Arc::default(),
            is_forgetful: Arc::default(),
        }
    }

    /// Whether nobody can be told who is acquainted with whom.
    pub(crate) fn forget_acquaintances(&self, is_forgetful: bool) {
        self.is_forgetful.store(is_forgetful, Ordering::Relaxed);
    }

    /// What is durable, and so read by others, is told to whoever asked for it only after this time.
    pub(crate) fn tell_outcomes_late(&self, late_ms: u64) {
        self.outcomes_late_ms.store(late_ms, Ordering::Relaxed);
    }

    /// How many pages of events were read so far, by all.
    pub(crate) fn pages(&self) -> usize {
        self.pages.load(Ordering::Relaxed)
    }
}

impl<S> Clone for SharedStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            pages: Arc::clone(&self.pages),
            outcomes_late_ms: Arc::clone(&self.outcomes_late_ms),
            is_forgetful: Arc::clone(&self.is_forgetful),
        }
    }
}

impl<S: Store + Directory> Store for SharedStore<S> {
    fn epoch(&self) -> Uuid {
        self.store.epoch()
    }

    async fn commit(&self, batch: Batch) -> Vec<Result<Outcome, CommitError>> {
        let outcomes = self.store.commit(batch).await;
        let late_ms = self.outcomes_late_ms.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(late_ms)).await;
        outcomes
    }

    async fn events_after(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsPage, ReadError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.store
            .events_after(caller, conversation, after, limits)
            .await
    }

    async fn messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        self.store
            .messages(caller, conversation, window, limits)
            .await
    }

    async fn conversation(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, ReadError> {
        self.store.conversation(caller, conversation).await
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<Position>,
        entries_max: usize,
    ) -> Result<InboxPage, ReadError> {
        self.store.inbox(user, before, entries_max).await
    }

    async fn memberships(&self, user: &UserId) -> Result<Vec<MembershipView>, ReadError> {
        self.store.memberships(user).await
    }

    async fn counts_of(
        &self,
        users: &[UserId],
        conversation: ConversationId,
    ) -> Result<CountsOf, ReadError> {
        self.store.counts_of(users, conversation).await
    }

    async fn events_for(
        &self,
        callers: &[Caller],
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsFor, ReadError> {
        self.store
            .events_for(callers, conversation, after, limits)
            .await
    }

    async fn members(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<MembersPage, ReadError> {
        self.store
            .members(caller, conversation, after, entries_max)
            .await
    }

    async fn readers(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        entries_max: usize,
    ) -> Result<Receipts, ReadError> {
        self.store
            .readers(caller, conversation, seq, entries_max)
            .await
    }

    async fn feed(&self, after: Position, limits: PageLimits) -> Result<Vec<FeedEvent>, ReadError> {
        self.store.feed(after, limits).await
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Seq)>, ReadError> {
        self.store.heads(conversations).await
    }

    async fn acquainted(&self, user: &UserId, others: &[UserId]) -> Result<Vec<UserId>, ReadError> {
        if self.is_forgetful.load(Ordering::Relaxed) {
            return Err(ReadError::Unavailable);
        }
        self.store.acquainted(user, others).await
    }

    async fn membership_feed(
        &self,
        after: Position,
        entries_max: usize,
    ) -> Result<MembershipFeed, ReadError> {
        self.store.membership_feed(after, entries_max).await
    }

    async fn mentions(
        &self,
        user: &UserId,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<MentionsPage, ReadError> {
        self.store.mentions(user, before, limits).await
    }

    async fn change_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
    ) -> Result<PersonalChanged, CommitError> {
        self.store.change_personal(user, conversation, change).await
    }

    async fn personal_changes(
        &self,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> Result<PersonalPage, ReadError> {
        self.store.personal_changes(user, after, limits).await
    }

    async fn invites(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<Vec<Invite>, ReadError> {
        self.store.invites(caller, conversation).await
    }

    async fn invitation(
        &self,
        caller: &Caller,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<Invitation, ReadError> {
        self.store.invitation(caller, code, now).await
    }

    async fn bans(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BansPage, ReadError> {
        self.store
            .bans(caller, conversation, after, entries_max)
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
        self.store
            .versions(caller, conversation, seq, after, limits)
            .await
    }

    async fn main_messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let store = &self.store;
        store
            .main_messages(caller, conversation, window, limits)
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
        let store = &self.store;
        store
            .thread(caller, conversation, root, window, limits)
            .await
    }

    async fn threads(
        &self,
        user: &UserId,
        conversation: Option<ConversationId>,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<ThreadsPage, ReadError> {
        self.store.threads(user, conversation, before, limits).await
    }

    async fn move_thread_cursor(
        &self,
        user: &UserId,
        conversation: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> Result<ThreadCursorMove, CommitError> {
        let store = &self.store;
        store
            .move_thread_cursor(user, conversation, root, seq)
            .await
    }

    async fn change_block(
        &self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Result<bool, CommitError> {
        self.store.change_block(user, other, on, at).await
    }

    async fn blocks(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BlocksPage, ReadError> {
        self.store.blocks(user, after, entries_max).await
    }

    fn health(&self) -> Health {
        self.store.health()
    }

    /// The others go on.
    async fn close(&self) {}
}

impl<S: Store> Leases for SharedStore<S> {
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<Acquired, LeaseError> {
        self.store.acquire_lease(name, holder, duration).await
    }

    async fn renew_lease(
        &self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
    ) -> Result<(), LeaseError> {
        self.store.renew_lease(name, token, duration).await
    }

    async fn release_lease(&self, name: &str, token: LeaseToken) -> Result<(), LeaseError> {
        self.store.release_lease(name, token).await
    }

    async fn advance(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> Result<(), LeaseError> {
        self.store.advance(name, token, position).await
    }

    async fn lease_position(&self, name: &str) -> Result<Position, LeaseError> {
        self.store.lease_position(name).await
    }
}

impl<S: Store + Directory> Directory for SharedStore<S> {
    async fn create_account(&self, account: NewAccount) -> Result<User, DirectoryError> {
        self.store.create_account(account).await
    }

    async fn ensure_external_users(
        &self,
        users: Vec<(UserId, Option<String>)>,
        rename: bool,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        self.store.ensure_external_users(users, rename, at).await
    }

    async fn user(&self, id: &UserId) -> Result<User, DirectoryError> {
        self.store.user(id).await
    }

    async fn users_by_prefix(
        &self,
        prefix: &str,
        entries_max: usize,
    ) -> Result<Vec<User>, DirectoryError> {
        self.store.users_by_prefix(prefix, entries_max).await
    }

    async fn update_profile(
        &self,
        id: &UserId,
        change: ProfileChange,
    ) -> Result<User, DirectoryError> {
        self.store.update_profile(id, change).await
    }

    async fn hiding_last_seen(&self, users: &[UserId]) -> Result<Vec<UserId>, DirectoryError> {
        self.store.hiding_last_seen(users).await
    }

    async fn credentials(&self, username: &str) -> Result<Credentials, DirectoryError> {
        self.store.credentials(username).await
    }

    async fn set_password(&self, id: &UserId, password_hash: String) -> Result<(), DirectoryError> {
        self.store.set_password(id, password_hash).await
    }

    async fn create_session(&self, session: NewSession) -> Result<(), DirectoryError> {
        self.store.create_session(session).await
    }

    async fn session_by_token(&self, token: SecretHash) -> Result<SessionOwner, DirectoryError> {
        self.store.session_by_token(token).await
    }

    async fn sessions(&self, user: &UserId) -> Result<Vec<Session>, DirectoryError> {
        self.store.sessions(user).await
    }

    async fn ended_sessions(
        &self,
        sessions: &[SessionId],
    ) -> Result<Vec<SessionId>, DirectoryError> {
        self.store.ended_sessions(sessions).await
    }

    async fn revoke_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(), DirectoryError> {
        self.store.revoke_session(user, session).await
    }

    async fn create_api_key(&self, key: NewApiKey) -> Result<(), DirectoryError> {
        self.store.create_api_key(key).await
    }

    async fn create_bot(&self, bot: NewBot) -> Result<User, DirectoryError> {
        self.store.create_bot(bot).await
    }

    async fn bots(&self, entries_max: usize) -> Result<Vec<User>, DirectoryError> {
        self.store.bots(entries_max).await
    }

    async fn api_key(&self, key: SecretHash) -> Result<ApiKey, DirectoryError> {
        self.store.api_key(key).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, DirectoryError> {
        self.store.api_keys().await
    }

    async fn revoke_api_key(&self, name: &str) -> Result<(), DirectoryError> {
        self.store.revoke_api_key(name).await
    }
}

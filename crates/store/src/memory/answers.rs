//! The contract for conversations, answered from what is durable.

use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::{CodeHash, Event, EventBody, Invite, Membership};
use tidemark_core::personal::{PersonalChange, Versioned};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Position, Seq, Timestamp, UserId};
use uuid::Uuid;

use super::MemoryStore;
use super::moderation;
use super::personal::{self, Affairs};
use super::state::{Log, State};
use super::threads;
use crate::cursor_views::entries_of_pair;
use crate::{
    BansPage, Batch, BlocksPage, CommitError, ConversationView, CountsOf, EventsFor, EventsPage,
    FeedEvent, Health, InboxPage, Invitation, Member, MembersPage, MembershipFeed, MembershipView,
    MentionsPage, Outcome, PageLimits, PersonalChanged, PersonalPage, ReadError, Receipts, Store,
    ThreadCursorMove, ThreadPage, ThreadsPage, TimelinePage, VersionsPage, Window,
};

impl Store for MemoryStore {
    fn epoch(&self) -> Uuid {
        self.epoch
    }

    async fn commit(&self, batch: Batch) -> Vec<Result<Outcome, CommitError>> {
        let commands = batch.len();
        let answered = self.lock().submit(batch);
        answered
            .await
            .unwrap_or_else(|_| vec![Err(CommitError::Unavailable); commands])
    }

    async fn events_after(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsPage, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        let horizon = log.horizon(caller);
        let entries = log.entries_after(horizon.after(after)).iter();
        let events = entries.map(|entry| {
            let mut event = entry.event.clone();
            horizon.hide(&mut event.body);
            event
        });
        let (events, more) = page(events, limits, event_bytes);
        Ok(EventsPage {
            events,
            head: log.conversation.head,
            more,
            visible_from: horizon.visible_from(),
        })
    }

    async fn messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        let horizon = log.horizon(caller);
        let shown = log.messages(caller.user());
        let shown: Vec<_> = shown.filter(|it| horizon.includes(it.seq)).collect();
        Ok(timeline_page(log, &shown, window, limits))
    }

    async fn conversation(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let log = state.permitted(Operation::See, caller, conversation)?;
        let may_read = state
            .permitted(Operation::Read, caller, conversation)
            .is_ok();
        let membership = log
            .membership(caller)
            .filter(|membership| membership.is_current());
        let counts = caller
            .user()
            .zip(membership)
            .map_or_else(Counts::default, |(user, membership)| {
                log.counts(user, membership)
            });
        Ok(ConversationView {
            conversation: log.conversation.clone(),
            membership: membership.cloned(),
            personal: caller.user().map_or_else(Versioned::default, |user| {
                inner.affairs.without_draft(user, log)
            }),
            counts,
            last_message: log.last_message(caller).filter(|_| may_read),
            active: log.active(),
        })
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<Position>,
        entries_max: usize,
    ) -> Result<InboxPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let inbox = state.inbox(user).into_iter();
        let older = inbox.filter(|(log, _)| before.is_none_or(|before| log.active() < before));
        let views =
            older.map(|(log, membership)| inbox_view(&inner.affairs, user, log, membership));
        let (conversations, more) = page(views, entries_only(entries_max), |_| 0);
        let next = conversations.last().map(|view| view.active);
        Ok(InboxPage {
            conversations,
            next: next.filter(|_| more),
        })
    }

    async fn memberships(&self, user: &UserId) -> Result<Vec<MembershipView>, ReadError> {
        let inner = self.lock();
        let inbox = inner.readable()?.inbox(user).into_iter();
        let views = inbox.map(|(log, membership)| MembershipView {
            conversation: log.conversation.clone(),
            role: membership.role,
            read: membership.read,
            counts: log.counts(user, membership),
            active: log.active(),
        });
        Ok(views.collect())
    }

    async fn counts_of(
        &self,
        users: &[UserId],
        conversation: ConversationId,
    ) -> Result<CountsOf, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let mut head = Seq::ZERO;
        let mut counts = Vec::with_capacity(users.len());
        for user in users {
            let caller = Caller::User(user.clone());
            let log = state.permitted(Operation::Read, &caller, conversation);
            counts.push(log.map(|log| {
                head = log.conversation.head;
                log.counts(user, &log.memberships[user])
            }));
        }
        Ok(CountsOf { head, counts })
    }

    async fn events_for(
        &self,
        callers: &[Caller],
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<EventsFor, ReadError> {
        let access = {
            let inner = self.lock();
            let state = inner.readable()?;
            let may_see = |caller| {
                let log = state.permitted(Operation::Read, caller, conversation);
                log.map(|log| log.horizon(caller))
            };
            callers.iter().map(may_see).collect::<Vec<_>>()
        };
        let page = if access.iter().any(Result::is_ok) {
            let everything = Caller::Administrator;
            self.events_after(&everything, conversation, after, limits)
                .await?
        } else {
            EventsPage::nobodys()
        };
        Ok(EventsFor { page, access })
    }

    async fn members(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<MembersPage, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        let members = current_members(log)
            .filter(|(user, _)| after.is_none_or(|after| *user > after))
            .map(|(user, membership)| Member {
                user: user.clone(),
                role: membership.role,
                joined: membership.joined,
                read: membership.read,
            });
        let (members, more) = page(members, entries_only(entries_max), |_| 0);
        Ok(MembersPage { members, more }.seen_by(caller, &log.conversation))
    }

    async fn readers(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        entries_max: usize,
    ) -> Result<Receipts, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        if !log.horizon(caller).includes(seq) {
            return Ok(Receipts::default());
        }
        let receipts = threads::receipts(log, seq, entries_of_pair(entries_max));
        Ok(receipts.seen_by(caller, &log.conversation, entries_max))
    }

    async fn feed(&self, after: Position, limits: PageLimits) -> Result<Vec<FeedEvent>, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let events = feed_after(state, after);
        Ok(page(events, limits, |entry| event_bytes(&entry.event)).0)
    }

    async fn heads(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Seq)>, ReadError> {
        let inner = self.lock();
        let logs = &inner.readable()?.logs;
        let head = |id: &ConversationId| Some((*id, logs.get(id)?.conversation.head));
        Ok(conversations.iter().filter_map(head).collect())
    }

    async fn membership_feed(
        &self,
        after: Position,
        entries_max: usize,
    ) -> Result<MembershipFeed, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let changes = feed_after(state, after)
            .filter(|entry| matches!(entry.event.body, EventBody::Members(_)));
        let (events, more) = page(changes, entries_only(entries_max), |_| 0);
        let through = events.last().filter(|_| more).map(|entry| entry.position);
        Ok(MembershipFeed {
            through: through.unwrap_or(Position(state.feed.len() as u64)),
            events,
        })
    }

    async fn acquainted(&self, user: &UserId, others: &[UserId]) -> Result<Vec<UserId>, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let is_in = |log: &&Log, user: &UserId| {
            let membership = log.memberships.get(user);
            membership.is_some_and(Membership::is_current)
        };
        let mine: Vec<&Log> = state.logs.values().filter(|log| is_in(log, user)).collect();
        let is_there = |other: &&UserId| {
            let blocked = inner.blocks.between(user, other);
            !blocked && mine.iter().any(|log| is_in(log, other))
        };
        Ok(others.iter().filter(is_there).cloned().collect())
    }

    async fn mentions(
        &self,
        user: &UserId,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<MentionsPage, ReadError> {
        let inner = self.lock();
        let mentions = personal::mentions(inner.readable()?, user, before).into_iter();
        let (mentions, more) = page(mentions, limits, |it| message_bytes(&it.message));
        let next = mentions.last().map(|it| it.position).filter(|_| more);
        Ok(MentionsPage { mentions, next })
    }

    async fn change_personal(
        &self,
        user: &UserId,
        conversation: ConversationId,
        change: PersonalChange,
    ) -> Result<PersonalChanged, CommitError> {
        let inner = &mut *self.lock();
        if inner.health != Health::Accepting {
            return Err(CommitError::Unavailable);
        }
        let (state, limits) = (&inner.durable, &inner.limits);
        let changed = inner
            .affairs
            .change(state, user, conversation, change, limits)?;
        Ok(changed)
    }

    async fn personal_changes(
        &self,
        user: &UserId,
        after: u64,
        limits: PageLimits,
    ) -> Result<PersonalPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        Ok(inner.affairs.changes(state, user, after, limits))
    }

    async fn invites(
        &self,
        caller: &Caller,
        conversation: ConversationId,
    ) -> Result<Vec<Invite>, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let log = state.permitted(Operation::ManageInvites, caller, conversation)?;
        let mut invites = log.invites.clone();
        invites.sort_by_key(|invite| (invite.at, invite.id));
        Ok(invites)
    }

    async fn invitation(
        &self,
        caller: &Caller,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<Invitation, ReadError> {
        let inner = self.lock();
        Ok(moderation::invitation(
            inner.readable()?,
            caller,
            code,
            now,
        )?)
    }

    async fn bans(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BansPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let log = state.permitted(Operation::Ban, caller, conversation)?;
        let bans = moderation::bans(log).filter(|ban| after.is_none_or(|after| ban.user > *after));
        let (bans, more) = page(bans, entries_only(entries_max), |_| 0);
        Ok(BansPage { bans, more })
    }

    async fn versions(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        seq: Seq,
        after: Seq,
        limits: PageLimits,
    ) -> Result<VersionsPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let log = state.permitted(Operation::Read, caller, conversation)?;
        let versions = moderation::versions(log, caller, seq)?;
        let versions = versions.filter(|version| version.seq > after);
        let (versions, more) = page(versions, limits, |version| version.text.len());
        Ok(VersionsPage { versions, more })
    }

    async fn main_messages(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: Window,
        limits: PageLimits,
    ) -> Result<TimelinePage, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        let messages = log.messages(caller.user());
        let main = messages.filter(|message| !message.message.is_in_thread_only());
        Ok(timeline_page(
            log,
            &main.collect::<Vec<_>>(),
            window,
            limits,
        ))
    }

    async fn thread(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        root: Seq,
        window: Window,
        limits: PageLimits,
    ) -> Result<ThreadPage, ReadError> {
        let inner = self.lock();
        let log = inner
            .readable()?
            .permitted(Operation::Read, caller, conversation)?;
        Ok(log.thread(caller, root, window, limits, &inner.thread_cursors)?)
    }

    async fn threads(
        &self,
        user: &UserId,
        conversation: Option<ConversationId>,
        before: Option<Position>,
        limits: PageLimits,
    ) -> Result<ThreadsPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        if let Some(conversation) = conversation {
            state.permitted(Operation::Read, &Caller::User(user.clone()), conversation)?;
        }
        let threads = state
            .threads(user, conversation, &inner.thread_cursors)
            .into_iter();
        let older = threads.filter(|thread| before.is_none_or(|before| thread.active < before));
        let (threads, more) = page(older, limits, |thread| message_bytes(&thread.root));
        let next = threads.last().map(|thread| thread.active).filter(|_| more);
        Ok(ThreadsPage { threads, next })
    }

    async fn move_thread_cursor(
        &self,
        user: &UserId,
        conversation: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> Result<ThreadCursorMove, CommitError> {
        let inner = &mut *self.lock();
        if inner.health != Health::Accepting {
            return Err(CommitError::Unavailable);
        }
        let cursors = &mut inner.thread_cursors;
        Ok(cursors.move_one(&inner.durable, user, conversation, root, seq)?)
    }

    async fn change_block(
        &self,
        user: &UserId,
        other: &UserId,
        on: bool,
        at: Timestamp,
    ) -> Result<bool, CommitError> {
        let inner = &mut *self.lock();
        if inner.health != Health::Accepting {
            return Err(CommitError::Unavailable);
        }
        Ok(inner.change_block(user, other, on, at)?)
    }

    async fn blocks(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        entries_max: usize,
    ) -> Result<BlocksPage, ReadError> {
        let inner = self.lock();
        inner.readable()?;
        Ok(inner.blocks.page(user, after, entries_max))
    }

    fn health(&self) -> Health {
        self.lock().health
    }

    async fn close(&self) {
        let mut inner = self.lock();
        inner.flush();
        inner.health = Health::Closed;
    }
}

/// A page of these messages, which are in order.
pub(super) fn timeline_page(
    log: &Log,
    all: &[TimelineMessage],
    window: Window,
    limits: PageLimits,
) -> TimelinePage {
    let below = |place: Seq| all.iter().rev().filter(move |message| message.seq < place);
    let from = |place: Seq| all.iter().filter(move |message| message.seq >= place);
    let bytes = |message: &&TimelineMessage| message_bytes(message);
    let (messages, more) = match window {
        Window::Before(place) => page(below(place), limits, bytes),
        Window::Latest => page(all.iter().rev(), limits, bytes),
        Window::After(place) => page(from(place.next()), limits, bytes),
        Window::Around(place) => page(alternate(from(place), below(place)), limits, bytes),
    };
    let mut messages: Vec<_> = messages.into_iter().cloned().collect();
    messages.sort_by_key(|message| message.seq);
    TimelinePage {
        messages,
        head: log.conversation.head,
        more,
    }
}

fn feed_after(state: &State, after: Position) -> impl Iterator<Item = FeedEvent> {
    let first = usize::try_from(after.0).unwrap_or(usize::MAX);
    let places = state.feed.get(first..).unwrap_or_default().iter();
    places.filter_map(|(conversation, seq)| {
        let entry = state.logs.get(conversation)?.entry(*seq)?;
        Some(FeedEvent {
            position: entry.position,
            event: entry.event.clone(),
        })
    })
}

fn inbox_view(
    affairs: &Affairs,
    user: &UserId,
    log: &Log,
    membership: &Membership,
) -> ConversationView {
    ConversationView {
        conversation: log.conversation.clone(),
        membership: Some(membership.clone()),
        counts: log.counts(user, membership),
        personal: affairs.without_draft(user, log),
        last_message: log.last_message(&Caller::User(user.clone())),
        active: log.active(),
    }
}

pub(super) fn current_members(log: &Log) -> impl Iterator<Item = (&UserId, &Membership)> {
    let everybody = log.memberships.iter();
    everybody.filter(|(_, membership)| membership.is_current())
}

/// The first entries that fit, at least one if there is one, and whether there are others.
pub(super) fn page<T>(
    entries: impl Iterator<Item = T>,
    limits: PageLimits,
    text_bytes: impl Fn(&T) -> usize,
) -> (Vec<T>, bool) {
    let mut taken = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        bytes += text_bytes(&entry);
        let fits = taken.len() < limits.entries_max && bytes <= limits.text_bytes_max;
        if !fits && !taken.is_empty() {
            return (taken, true);
        }
        taken.push(entry);
    }
    (taken, false)
}

pub(super) fn entries_only(entries_max: usize) -> PageLimits {
    PageLimits {
        entries_max,
        text_bytes_max: usize::MAX,
    }
}

fn event_bytes(event: &Event) -> usize {
    event.body.text_bytes()
}

fn message_bytes(message: &TimelineMessage) -> usize {
    message.message.text_bytes()
}

/// One of each in turn, as long as there are any; the rest of the longer one follows.
fn alternate<T>(
    mut one: impl Iterator<Item = T>,
    mut other: impl Iterator<Item = T>,
) -> impl Iterator<Item = T> {
    let mut turn = false;
    std::iter::from_fn(move || {
        turn = !turn;
        if turn {
            one.next().or_else(|| other.next())
        } else {
            other.next().or_else(|| one.next())
        }
    })
}

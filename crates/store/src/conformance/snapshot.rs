//! Everything that reads say, in one value to compare.

use std::collections::{BTreeMap, BTreeSet};

use tidemark_core::access::Caller;
use tidemark_core::conversation::Event;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Position, Seq, UserId};

use super::world::WHOLE;
use crate::{
    ConversationView, Directory, EventsPage, MembersPage, MembershipView, MentionsPage,
    PersonalPage, ReadError, Receipts, Store, ThreadPage, ThreadsPage, TimelinePage, User, Window,
};

/// What a store answers about some people and conversations. Positions are replaced by their ranks,
/// because engines may leave different holes.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Every event, in commit order.
    pub feed: Vec<Event>,
    /// What an administrator reads of each conversation.
    pub conversations: Vec<ConversationSnapshot>,
    /// What each person reads.
    pub people: Vec<PersonSnapshot>,
}

/// What an administrator reads of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub struct ConversationSnapshot {
    /// Its log.
    pub events: Result<EventsPage, ReadError>,
    /// Its timeline.
    pub timeline: Result<TimelinePage, ReadError>,
    /// Its members.
    pub members: Result<MembersPage, ReadError>,
    /// Everybody's cursor.
    pub readers: Result<Receipts, ReadError>,
    /// Its timeline without what is in threads only.
    pub main: Result<TimelinePage, ReadError>,
}

/// What one person reads.
#[derive(Debug, PartialEq, Eq)]
pub struct PersonSnapshot {
    /// The profile.
    pub user: Option<User>,
    /// The inbox.
    pub inbox: Vec<ConversationView>,
    /// The same in few words.
    pub memberships: Vec<MembershipView>,
    /// Each conversation, also those that the person is not in.
    pub views: Vec<Result<ConversationView, ReadError>>,
    /// What there is to see in each conversation.
    pub counts: Vec<Result<(Seq, Counts), ReadError>>,
    /// The messages that mention the person.
    pub mentions: Result<MentionsPage, ReadError>,
    /// What the person keeps.
    pub personal: Result<PersonalPage, ReadError>,
    /// The threads that the person takes part in.
    pub threads: Result<ThreadsPage, ReadError>,
    /// Every thread that there is.
    pub thread_pages: Vec<Result<ThreadPage, ReadError>>,
}

impl Snapshot {
    /// Reads it all.
    pub async fn of<S: Store + Directory>(
        store: &S,
        people: &[UserId],
        conversations: &[ConversationId],
    ) -> Self {
        let feed = store.feed(Position(0), WHOLE).await;
        let feed = feed.expect("the feed can be read");
        let ranks = feed
            .iter()
            .zip(1..)
            .map(|(entry, rank)| (entry.position, rank));
        let ranks = Ranks(ranks.collect());
        let roots = feed.iter().filter_map(|entry| {
            let thread = entry.event.body.as_message()?.thread?;
            Some((entry.event.conversation, thread.root))
        });
        let roots: BTreeSet<_> = roots.collect();
        let mut snapshot = Self {
            feed: feed.into_iter().map(|entry| entry.event).collect(),
            conversations: Vec::new(),
            people: Vec::new(),
        };
        for &id in conversations {
            let conversation = ConversationSnapshot::of(store, id).await;
            snapshot.conversations.push(conversation);
        }
        for person in people {
            let person = PersonSnapshot::of(store, person, conversations, &roots, &ranks).await;
            snapshot.people.push(person);
        }
        snapshot
    }
}

impl ConversationSnapshot {
    async fn of(store: &impl Store, id: ConversationId) -> Self {
        let caller = Caller::Administrator;
        Self {
            events: store.events_after(&caller, id, Seq::ZERO, WHOLE).await,
            timeline: store.messages(&caller, id, Window::Latest, WHOLE).await,
            members: store.members(&caller, id, None, WHOLE.entries_max).await,
            readers: store
                .readers(&caller, id, Seq::ZERO, WHOLE.entries_max)
                .await,
            main: store
                .main_messages(&caller, id, Window::Latest, WHOLE)
                .await,
        }
    }
}

impl PersonSnapshot {
    async fn of<S: Store + Directory>(
        store: &S,
        person: &UserId,
        conversations: &[ConversationId],
        roots: &BTreeSet<(ConversationId, Seq)>,
        ranks: &Ranks,
    ) -> Self {
        let caller = Caller::User(person.clone());
        let inbox = store.inbox(person, None, WHOLE.entries_max).await;
        let mut inbox = inbox.expect("an inbox").conversations;
        for view in &mut inbox {
            ranks.replace(&mut view.active);
        }
        let mut memberships = store.memberships(person).await.expect("a list");
        for view in &mut memberships {
            ranks.replace(&mut view.active);
        }
        let mut views = Vec::new();
        let mut counts = Vec::new();
        for &id in conversations {
            let view = store.conversation(&caller, id).await;
            views.push(view.map(|mut view| {
                ranks.replace(&mut view.active);
                view
            }));
            counts.push(store.counts(person, id).await);
        }
        let mut mentions = store.mentions(person, None, WHOLE).await;
        for mentioned in mentions.iter_mut().flat_map(|page| &mut page.mentions) {
            ranks.replace(&mut mentioned.position);
        }
        let mut threads = store.threads(person, None, None, WHOLE).await;
        for thread in threads.iter_mut().flat_map(|page| &mut page.threads) {
            ranks.replace(&mut thread.active);
        }
        let mut thread_pages = Vec::new();
        for &(id, root) in roots {
            let page = store.thread(&caller, id, root, Window::Latest, WHOLE);
            thread_pages.push(page.await);
        }
        Self {
            threads,
            thread_pages,
            mentions,
            personal: store.personal_changes(person, 0, WHOLE).await,
            user: store.user(person).await.ok(),
            inbox,
            memberships,
            views,
            counts,
        }
    }
}

/// Which event in commit order is at a position.
struct Ranks(BTreeMap<Position, u64>);

impl Ranks {
    fn replace(&self, position: &mut Position) {
        let rank = self.0.get(position);
        *position = Position(*rank.expect("a conversation was last active at one of its events"));
    }
}

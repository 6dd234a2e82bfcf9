//! Reads for a crowd: after a message that everybody wants to see, thousands of sockets ask for the end of the same
//! log, or for what is unread of it. Those who ask while the store is asked are answered together, from one read
//! and one encoding; see [`rounds`].

mod rounds;

use std::sync::Arc;

use tidemark_core::access::{Caller, Horizon};
use tidemark_core::conversation::Event;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::frame::SharedEvents;
use tidemark_store::{Directory, EventsPage, PageLimits, ReadError, Store};

use crate::gateway::Gateway;
use rounds::Rounds;

/// How far from the end of a log reads are shared. Whoever is farther behind reads alone.
const TAIL_EVENTS: u64 = 256;

/// Reads that are shared.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    events: Arc<Rounds<ConversationId, (Caller, Seq), SharedAnswer>>,
    counts: Arc<Rounds<ConversationId, UserId, CountsAnswer>>,
}

/// Nothing for whoever does not see everything, and so reads alone.
type SharedAnswer = Result<Option<Arc<SharedEvents>>, ReadError>;

type CountsAnswer = Result<(Seq, Counts), ReadError>;

/// What follows a place in a log.
#[derive(Debug)]
pub(crate) enum Tail {
    /// Read for one.
    Own(EventsPage),
    /// What follows the place in there; read for everybody who asked at the time.
    Shared(Arc<SharedEvents>),
}

impl Tail {
    /// What follows `after`, the place that was asked about.
    pub(crate) fn after(&self, after: Seq) -> &[Event] {
        match self {
            Self::Own(page) => &page.events,
            Self::Shared(shared) => shared.after(after),
        }
    }

    /// The conversation's head when it was read.
    pub(crate) fn head(&self) -> Seq {
        match self {
            Self::Own(page) => page.head,
            Self::Shared(shared) => shared.head(),
        }
    }

    /// The bytes for everybody, if it was read for several.
    pub(crate) fn shared(&self) -> Option<Arc<SharedEvents>> {
        match self {
            Self::Own(_) => None,
            Self::Shared(shared) => Some(Arc::clone(shared)),
        }
    }

    /// The page, for one who asked for what follows `after`.
    pub(crate) fn into_page(self, after: Seq) -> EventsPage {
        match self {
            Self::Own(page) => page,
            Self::Shared(shared) => EventsPage {
                events: shared.after(after).to_vec(),
                head: shared.head(),
                more: shared.more(),
                visible_from: None,
            },
        }
    }
}

impl<S: Store + Directory> Gateway<S> {
    /// As [`Store::events_after`], together with others who ask for the end of the same log.
    pub(crate) async fn tail(
        self: &Arc<Self>,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<Tail, ReadError> {
        if self.is_near_the_end(conversation, after)
            && let Some(shared) = self.shared_tail(caller, conversation, after).await?
        {
            let fits = shared.after(after).len() <= limits.entries_max;
            if fits && shared.reaches(after) {
                return Ok(Tail::Shared(shared));
            }
        }
        let page = self
            .store
            .events_after(caller, conversation, after, limits)
            .await?;
        Ok(Tail::Own(page))
    }

    /// As far as this node knows: a room that nobody here is in has no crowd, either.
    fn is_near_the_end(&self, conversation: ConversationId, after: Seq) -> bool {
        let passed = self.hub.pushed(conversation);
        passed.is_some_and(|passed| passed.get() <= after.get().saturating_add(TAIL_EVENTS))
    }

    async fn shared_tail(
        self: &Arc<Self>,
        caller: &Caller,
        conversation: ConversationId,
        after: Seq,
    ) -> SharedAnswer {
        let gateway = Arc::clone(self);
        let read = move |asked| read_tail(Arc::clone(&gateway), conversation, asked);
        let asked = (caller.clone(), after);
        let answer = self.crowd.events.ask(conversation, asked, read).await;
        answer.unwrap_or(Err(ReadError::Unavailable))
    }

    /// As [`Store::counts`], together with others who ask about the same conversation.
    pub(crate) async fn counts(
        self: &Arc<Self>,
        user: &UserId,
        conversation: ConversationId,
    ) -> CountsAnswer {
        let gateway = Arc::clone(self);
        let read = move |asked| read_counts(Arc::clone(&gateway), conversation, asked);
        let answer = self
            .crowd
            .counts
            .ask(conversation, user.clone(), read)
            .await;
        answer.unwrap_or(Err(ReadError::Unavailable))
    }
}

async fn read_tail<S: Store + Directory>(
    gateway: Arc<Gateway<S>>,
    conversation: ConversationId,
    asked: Vec<(Caller, Seq)>,
) -> Vec<SharedAnswer> {
    gateway.metrics.shared_read("events", asked.len());
    let after = asked.iter().map(|(_, after)| *after).min();
    let callers: Vec<_> = asked.into_iter().map(|(caller, _)| caller).collect();
    let limits = PageLimits {
        entries_max: gateway.config.limits.page_events,
        text_bytes_max: gateway.config.limits.outbox_bytes,
    };
    let read = gateway
        .store
        .events_for(&callers, conversation, after.unwrap_or(Seq::MAX), limits)
        .await;
    let (page, access) = match read {
        Ok(read) => (read.page, read.access),
        Err(error) => return callers.iter().map(|_| Err(error.clone())).collect(),
    };
    let shared = SharedEvents::new(conversation, page.events, page.head, page.more);
    let shared = Arc::new(shared);
    access
        .into_iter()
        .map(|access| match access {
            Ok(Horizon::EVERYTHING) => Ok(Some(Arc::clone(&shared))),
            Ok(_) => Ok(None),
            Err(refusal) => Err(ReadError::Refused(refusal)),
        })
        .collect()
}

async fn read_counts<S: Store + Directory>(
    gateway: Arc<Gateway<S>>,
    conversation: ConversationId,
    asked: Vec<UserId>,
) -> Vec<CountsAnswer> {
    gateway.metrics.shared_read("counts", asked.len());
    match gateway.store.counts_of(&asked, conversation).await {
        Ok(all) => all
            .counts
            .into_iter()
            .map(|counts| match counts {
                Ok(counts) => Ok((all.head, counts)),
                Err(refusal) => Err(ReadError::Refused(refusal)),
            })
            .collect(),
        Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
    }
}

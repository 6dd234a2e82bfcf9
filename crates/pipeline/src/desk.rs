//! What an operator sees of consumers, and has them do. Whoever does something here [rings](crate::Runtime::ring) afterwards, where
//! there is a runtime.

use tidemark_core::{Position, Timestamp};
use tidemark_store::{ConsumerError, ConsumerState, PageLimits, ReadError, Store};

const ONE: PageLimits = PageLimits {
    entries_max: 1,
    text_bytes_max: usize::MAX,
};

/// How a consumer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the store has of it.
    pub state: ConsumerState,
    /// The end of the feed.
    pub head: Position,
    /// How many events it has still to do: exactly where positions have no holes between them, otherwise at most.
    pub lag_events: u64,
    /// How old the first of them is; 0 if there is none.
    pub lag_ms: u64,
}

/// What one word says about a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works, or waits for something to do.
    Running,
    /// It tries again and again.
    Troubled,
    /// An operator has it do nothing.
    Paused,
    /// No node runs it.
    Absent,
}

impl Condition {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Troubled => "troubled",
            Self::Paused => "paused",
            Self::Absent => "absent",
        }
    }
}

/// Why a consumer is not rewound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewindError {
    /// That is not behind where it is.
    #[error("it is at position {0} and can only go back")]
    Ahead(u64),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] ConsumerError),
}

impl Standing {
    /// In one word.
    pub fn condition(&self) -> Condition {
        match &self.state {
            state if state.paused.is_some() => Condition::Paused,
            state if state.holder.is_none() => Condition::Absent,
            state if state.trouble.is_some() => Condition::Troubled,
            _ => Condition::Running,
        }
    }

    /// What the node that runs it is called.
    pub fn node(&self) -> Option<&str> {
        self.state.holder.as_deref()?.split(' ').next()
    }
}

/// How all consumers stand, in the order of their names.
///
/// # Errors
///
/// When the store cannot answer.
pub async fn standings<S: Store>(
    store: &S,
    now: Timestamp,
) -> Result<Vec<Standing>, ConsumerError> {
    let head = head(store).await?;
    let mut standings = Vec::new();
    for state in store.consumers().await? {
        standings.push(compare(store, state, head, now).await?);
    }
    Ok(standings)
}

/// How one of them stands.
///
/// # Errors
///
/// When there is no such consumer, or the store cannot answer.
pub async fn standing<S: Store>(
    store: &S,
    name: &str,
    now: Timestamp,
) -> Result<Standing, ConsumerError> {
    let state = store.consumer(name).await?;
    let head = head(store).await?;
    compare(store, state, head, now).await
}

/// Has a consumer do all events after `to` again.
///
/// # Errors
///
/// [`RewindError::Ahead`] if that is not behind where it is; nothing changes then.
pub async fn rewind<S: Store>(store: &S, name: &str, to: Position) -> Result<(), RewindError> {
    let state = store.consumer(name).await?;
    if to >= state.position {
        return Err(RewindError::Ahead(state.position.0));
    }
    Ok(store.rewind_consumer(name, None, to).await?)
}

async fn head<S: Store>(store: &S) -> Result<Position, ConsumerError> {
    let everything = Position(i64::MAX.unsigned_abs());
    let feed = store.membership_feed(everything, 1).await;
    Ok(feed.map_err(unavailable)?.through)
}

async fn compare<S: Store>(
    store: &S,
    state: ConsumerState,
    head: Position,
    now: Timestamp,
) -> Result<Standing, ConsumerError> {
    let next = store.feed(state.position, ONE).await.map_err(unavailable)?;
    let (lag_events, age_ms) = match next.first() {
        Some(next) => {
            let events = head.0.saturating_sub(state.position.0).max(1);
            (events, now.0 - next.event.at.0)
        }
        None => (0, 0),
    };
    Ok(Standing {
        // What was read later may be ahead of it.
        head: head.max(state.position),
        state,
        lag_events,
        lag_ms: u64::try_from(age_ms).unwrap_or(0),
    })
}

fn unavailable(_: ReadError) -> ConsumerError {
    ConsumerError::Unavailable
}

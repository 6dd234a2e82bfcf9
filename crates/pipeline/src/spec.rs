//! How a consumer is run.

use std::time::Duration;

use tidemark_store::PageLimits;

/// How a consumer is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What it is called: in the store, in lists, in metrics. Short, and never changed: its position is kept under it.
    pub name: &'static str,
    /// Where it runs.
    pub place: Place,
    /// What is offered at once, at most.
    pub batch: PageLimits,
    /// How fast it may go.
    pub pace: Pace,
    /// What happens when something cannot be done.
    pub retries: Retries,
    /// How long one call of the consumer may take. One that takes longer is dropped, and counts as an outage.
    pub patience: Duration,
    /// How often the position is kept, if it changed: after a crash, so much is offered again at most, and one batch.
    pub keep: Duration,
}

/// Where a consumer runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On one of all nodes, whichever; when that dies, another one takes over within the time of the lease.
    Single,
    /// As [`Single`](Self::Single), for one of several that differ only in what they are for: each has a position of its own, under
    /// the name `NAME-INSTANCE`, and can be paused and rewound alone.
    OneOf {
        /// Unique among those of this name; at most 64 characters of `a-z`, `0-9` and `-`.
        instance: String,
    },
    /// Here, whatever other nodes do: for what each node has for itself, such as an index in its directory. It has a
    /// position of its own, under the name `NAME@INSTANCE`, and can be paused and rewound alone.
    ///
    /// The instance names what the consumer writes to, not the process: it is made with the index, kept in its directory, and so the same
    /// after a restart. Of two processes that use the same one, the later works, and the former is told that it does not any more.
    Local {
        /// Unique among all nodes; at most 64 characters of `a-z`, `0-9` and `-`.
        instance: String,
    },
}

/// How fast a consumer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long at least from one batch to the next, unless that is full: whoever follows closely is offered few
    /// events often, which costs most.
    pub calm: Duration,
    /// The most events in a second; `None` for as many as it can.
    pub events_per_second_max: Option<u32>,
    /// How many times slower than that it goes while something is committed here.
    pub turns_of_others: u32,
}

/// What happens when something cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// The pause after the first failure; it doubles with each that follows, and each is between half of that and all of it, by chance.
    pub pause_first: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How often one event may [fail](crate::Setback::Failed), or panic, until it is taken to be poison.
    pub attempts_max: u32,
}

impl Spec {
    /// One for all nodes, with what suits most.
    pub fn single(name: &'static str) -> Self {
        Self {
            name,
            place: Place::Single,
            batch: PageLimits {
                entries_max: 500,
                text_bytes_max: 512 * 1024,
            },
            pace: Pace::default(),
            retries: Retries::default(),
            patience: Duration::from_mins(1),
            keep: Duration::from_secs(1),
        }
    }

    /// One of each node, with what suits most.
    pub fn local(name: &'static str, instance: String) -> Self {
        Self {
            place: Place::Local { instance },
            ..Self::single(name)
        }
    }

    /// The name of its metrics: that of its position, without what differs from node to node.
    pub(crate) fn known_as(&self) -> String {
        match &self.place {
            Place::Single | Place::OneOf { .. } => self.full_name(),
            Place::Local { .. } => self.name.to_owned(),
        }
    }

    /// The name under which the store keeps its position.
    pub fn full_name(&self) -> String {
        match &self.place {
            Place::Single => self.name.to_owned(),
            Place::OneOf { instance } => format!("{}-{instance}", self.name),
            Place::Local { instance } => format!("{}@{instance}", self.name),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            calm: Duration::ZERO,
            events_per_second_max: None,
            turns_of_others: 1,
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            pause_first: Duration::from_millis(200),
            pause_max: Duration::from_secs(30),
            attempts_max: 8,
        }
    }
}

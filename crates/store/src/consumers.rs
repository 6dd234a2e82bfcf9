//! The contract for whoever follows the feed: how far they are, whether they may go on, and what they could not do.

use std::future::Future;

use tidemark_core::{ConversationId, Position, Seq, Timestamp};

use crate::{LeaseToken, Leases};

/// The most dead letters that are kept for one consumer. One that fails for everything is to stop, and not to go on
/// without having done anything.
pub const DEAD_LETTERS_MAX: u64 = 1_000;

/// Somebody who follows the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerState {
    /// What it is called; also the name of its lease.
    pub name: String,
    /// All up to here is done.
    pub position: Position,
    /// The newest of its lease.
    pub token: LeaseToken,
    /// Who has its lease now.
    pub holder: Option<String>,
    /// Since when and why it is to do nothing.
    pub paused: Option<Paused>,
    /// Where an operator had it go back to, until it has heard of that.
    pub rewound: Option<Position>,
    /// What keeps it from going on.
    pub trouble: Option<Trouble>,
    /// How often it has been in trouble, from its beginning on.
    pub failures: u64,
    /// How many events it could not do.
    pub dead_letters: u64,
    /// How many of them it is to try again.
    pub replays: u64,
}

/// Since when and why a consumer is to do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub at: Timestamp,
    /// What the operator said.
    pub reason: Option<String>,
}

/// What keeps a consumer from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried since.
    pub attempts: u32,
    /// What was in the way the last time.
    pub reason: String,
}

/// An event that a consumer could not do. The event itself is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place in the feed.
    pub position: Position,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// When it was given up, the last time.
    pub at: Timestamp,
    /// How often it was tried, all in all.
    pub attempts: u32,
    /// What was wrong with it, the last time.
    pub reason: String,
    /// Whether it is to be tried again.
    pub replay: bool,
}

/// Why something about a consumer is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerError {
    /// There is no consumer, or dead letter, of that name.
    #[error("there is no such consumer, or no such dead letter")]
    Unknown,
    /// There is a newer token.
    #[error("the lease is lost")]
    Lost,
    /// It has as many dead letters as are kept.
    #[error("there is no room for another dead letter")]
    Full,
    /// It is at work on some node.
    #[error("the consumer is at work")]
    AtWork,
    /// The engine cannot do it now; the cause is in the log. It may have happened or not.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Keeps what there is to know of those who follow the feed, beside their [leases](Leases), which keep how far they are.
///
/// A method that takes a token is for whoever has the lease: [`ConsumerError::Lost`] unless the token is the newest, and
/// then nothing changes. All others are for operators, and [`ConsumerError::Unknown`] for a name that was never
/// [enrolled](Self::enrol_consumer). What changed is durable before the future resolves.
pub trait Consumers: Leases {
    /// Makes the holder of a lease known as a consumer. It stays one.
    fn enrol_consumer(
        &self,
        name: &str,
        token: LeaseToken,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// All consumers, in the order of their names.
    fn consumers(&self) -> impl Future<Output = Result<Vec<ConsumerState>, ConsumerError>> + Send;

    /// One of them.
    fn consumer(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<ConsumerState, ConsumerError>> + Send;

    /// Has a consumer do nothing from now on, or go on. Whoever works finishes a batch at most.
    fn pause_consumer(
        &self,
        name: &str,
        paused: Option<Paused>,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// Sets back how far a consumer is: all after `to` is done again. Dead letters of after `to` go away, as they come again. A `to`
    /// that is not behind the position changes nothing.
    ///
    /// From an operator (`by` is `None`) it makes the newest token stale, so that nobody who is at work moves the position on from where they are;
    /// and is [kept](ConsumerState::rewound) until the consumer has heard. The holder of the newest token, whose effects were lost, does it without that.
    fn rewind_consumer(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        to: Position,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// The consumer has heard that it was rewound.
    fn note_rewound(
        &self,
        name: &str,
        token: LeaseToken,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// Says what keeps the consumer from going on, or that nothing does any more.
    fn note_trouble(
        &self,
        name: &str,
        token: LeaseToken,
        trouble: Option<Trouble>,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// Keeps a dead letter, in place of a former one of the same event. [`ConsumerError::Full`] at
    /// [`DEAD_LETTERS_MAX`] others.
    fn bury(
        &self,
        name: &str,
        token: LeaseToken,
        letter: DeadLetter,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// A dead letter was done after all, and goes away.
    fn settle(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> impl Future<Output = Result<(), ConsumerError>> + Send;

    /// The dead letters of a consumer after a position, in that order; only those that are to be tried again if
    /// `replays` says so.
    fn dead_letters(
        &self,
        name: &str,
        replays: bool,
        after: Position,
        entries_max: usize,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, ConsumerError>> + Send;

    /// Has the dead letter at this position tried again, or all of them; how many that are. [`ConsumerError::Unknown`] if there
    /// is none at the position.
    fn replay_dead_letters(
        &self,
        name: &str,
        position: Option<Position>,
    ) -> impl Future<Output = Result<u64, ConsumerError>> + Send;

    /// Takes away the dead letter at this position, or all of them, for good; how many that were. [`ConsumerError::Unknown`] if
    /// there is none at the position.
    fn drop_dead_letters(
        &self,
        name: &str,
        position: Option<Position>,
    ) -> impl Future<Output = Result<u64, ConsumerError>> + Send;

    /// Forgets a consumer that is not run any more, with its dead letters: should one with this name come again, it
    /// begins at the beginning. [`ConsumerError::AtWork`] while somebody has its lease.
    fn forget_consumer(&self, name: &str)
    -> impl Future<Output = Result<(), ConsumerError>> + Send;
}

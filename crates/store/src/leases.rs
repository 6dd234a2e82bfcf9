//! The contract for leases: who does what only one may do, and how far they have come.

use std::future::Future;
use std::time::Duration;

use tidemark_core::Position;

/// Says which of all who were ever granted a lease somebody is. The tokens of a lease only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(pub u64);

/// The answer to whoever wants a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is theirs for the time that they asked for, counted by the store from the moment of the grant.
    Granted {
        /// Newer than every token of this lease before.
        token: LeaseToken,
        /// How far those before them have come.
        position: Position,
    },
    /// Somebody else has it.
    Held {
        /// Who.
        holder: String,
        /// How long they have it, unless they renew or release it.
        remaining: Duration,
    },
}

/// Why a lease is not renewed, and a position not advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The lease has ended, or somebody was granted it since.
    #[error("the lease is lost")]
    Lost,
    /// The engine cannot do it now; the cause is in the log. It may have happened or not.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Lets one of many do something, for a time, and keeps how far they came.
///
/// A lease has a name and is there from its first grant on. The time is the store's: no clock of whoever asks is
/// believed, so one that jumps does no harm. But whoever holds a lease may be paused and not notice that it ended;
/// so the lease alone keeps nobody from doing something twice. What does is the **fencing token**: whatever a
/// holder changes names its token, and is refused once there is a newer one. [`advance`](Self::advance) is such a
/// change.
///
/// Every grant and every position is durable before its future resolves. Each method is one step of its own: no
/// session, lock or transaction stays open behind it.
///
/// A worked example: A is granted token 4 for 15 s, and its node is stopped for a minute. After 15 s B is granted token 5, and
/// starts at the position that A left. A goes on, and wants to advance: its token is 4, so it hears
/// [`LeaseError::Lost`], and the position stays as B left it.
pub trait Leases: Send + Sync + 'static {
    /// Asks for a lease. It is granted if nobody has it, or its time has passed, or `holder` has it: whoever
    /// was granted it and never heard of that asks again, and the former token is stale. So a holder is one
    /// runner of one process, with a name that nobody else has.
    ///
    /// Of all who ask at once, one is granted it. A token is never granted twice. Being told who
    /// [holds](Acquired::Held) a lease writes nothing.
    fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> impl Future<Output = Result<Acquired, LeaseError>> + Send;

    /// From now on the lease is held for `duration`. [`LeaseError::Lost`] if its time has passed, also if nobody
    /// was granted it since: a lease that ended stays ended.
    fn renew_lease(
        &self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
    ) -> impl Future<Output = Result<(), LeaseError>> + Send;

    /// Ends a lease before its time, so that the next one need not wait. [`LeaseError::Lost`] if it had ended, and then
    /// nothing changes.
    fn release_lease(
        &self,
        name: &str,
        token: LeaseToken,
    ) -> impl Future<Output = Result<(), LeaseError>> + Send;

    /// Keeps how far the work under this lease has come. A position behind the one that is kept changes nothing.
    ///
    /// [`LeaseError::Lost`] if `token` is not the newest, and then nothing changes. The newest may advance also after
    /// its time has passed: nobody else began meanwhile.
    fn advance(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> impl Future<Output = Result<(), LeaseError>> + Send;

    /// How far the work under this lease has come; the beginning if it was never granted.
    fn lease_position(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Position, LeaseError>> + Send;
}

//! Work that follows the log of everything.
//!
//! A [`Consumer`] is offered the events of all conversations in commit order, in batches, and makes of them what it is
//! there for: an index, webhooks, a copy elsewhere. A [`Runtime`] lets it work: it reads the feed, keeps how far the
//! consumer is, offers again what could not be done, sets aside what never can, and stops where an operator says so. No
//! consumer can slow or fail a send: it reads what is durable already, at its own pace.
//!
//! # What a consumer can rely on
//!
//! - Each event is offered **at least once**, in commit order, and none is left out. After a crash, a takeover by another node or a
//!   rewind, events are offered again that were done before: so effects have to be idempotent, by the event's `position`, or
//!   by its conversation and `seq`, which name the same event for ever.
//! - The position is kept **after** [`Consumer::handle`] says that its effect is durable, never before.
//! - Where a consumer runs [once in all nodes](Place::Single), one node works at a time. One that was paused in the middle of `handle` may go on a moment
//!   after another took over; whatever it tells the store then is refused, by its [token](Turn::token).
//! - [`Setback::Outage`] is retried for ever, with backoff; [`Setback::Poison`] goes to the dead letters, and the consumer goes on.
//!
//! # A worked example
//!
//! ```
//! use tidemark_pipeline::{Consumer, Progress, Setback};
//! use tidemark_store::FeedEvent;
//!
//! /// Counts messages.
//! struct Count(u64);
//!
//! impl Consumer for Count {
//!     async fn handle(&mut self, batch: &[FeedEvent], _: &Progress) -> Result<(), Setback> {
//!         self.0 += batch.len() as u64;
//!         Ok(())
//!     }
//! }
//! ```

mod backoff;
mod consumer;
mod course;
pub mod desk;
mod guarded;
mod metrics;
mod runner;
mod runtime;
mod spec;

pub use consumer::{Consumer, Progress, Setback, Turn};
pub use metrics::PipelineMetrics;
pub use runner::Job;
pub use runtime::{Runtime, Setup};
pub use spec::{Pace, Place, Retries, Spec};

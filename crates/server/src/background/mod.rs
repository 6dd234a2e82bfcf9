//! Work that follows the feed, or that one of all nodes does and another takes over when that one dies.
//!
//! The [runtime](tidemark_pipeline) lets it work. It reads what is durable, at its own pace, and can delay no send. The first is
//! the [`audit`], which uses [`consistency`] to find out whether the log is what is promised.

mod audit;
mod consistency;

pub(crate) use audit::audit;

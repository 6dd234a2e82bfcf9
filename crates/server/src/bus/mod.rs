//! Carries hints between the nodes that serve one store.
//!
//! Nothing that matters goes this way only: a node that hears nothing for a while finds in the store what it
//! missed (`peers`). So a [`Bus`] may be the simplest and fastest thing there is.

mod follows;
mod local;
mod message;
mod nats;
mod open;
mod queue;
mod topic;

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use local::LocalBus;
pub(crate) use message::{Hint, NodeId, decode, encode};
pub use nats::NatsError;
pub(crate) use nats::connect_options;
pub(crate) use open::open;
pub use topic::Topic;

/// Carries messages to whoever follows their topic on another node.
///
/// Best effort, all of it: a bus may drop, double, delay and reorder anything, and tell nobody. No method waits
/// for the network or for another node. What is lost costs time, never an event:
///
/// > Ann sends on node A, and the bus drops what A publishes. Bob's socket on node B stays silent. A second later
/// > Ann sends again, and this time the bus delivers: B sees `seq` 8 although it has pushed only up to 6, reads 7
/// > from the store, and Bob gets 7 and 8 in order. Had Ann not sent again, B would have found at its next
/// > comparison with the store, a few seconds later, that the conversation has come to 7.
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Whether there may be other nodes at all. Where there are none, nothing is encoded or published, and nothing
    /// is compared with the store.
    fn reaches_others(&self) -> bool;

    /// Hands `message` to the nodes that follow `topic`, this one perhaps included. Never waits: what finds no
    /// room or no connection is dropped, and counted.
    ///
    /// > Of two messages published after each other, one node may get both, another only the second, and a third
    /// > the second before the first.
    fn publish(&self, topic: &Topic, message: Bytes);

    /// From some moment soon on, [`next`](Self::next) gives what others publish to `topic`. It is kept until
    /// [`unfollow`](Self::unfollow), over lost connections, too. Following twice is as following once.
    ///
    /// > What is published between this call and that moment does not come. Whoever follows reads the store
    /// > after a while.
    fn follow(&self, topic: &Topic);

    /// From some moment soon on, nothing of `topic` comes any more. A message that was on its way still may.
    fn unfollow(&self, topic: &Topic);

    /// The next message of any topic that is followed. Asked by one task at a time; a message is lost with the
    /// future that had taken it.
    ///
    /// > If nobody asks for a while, what finds no room is dropped, and counted.
    fn next(&self) -> BoxFuture<'_, Bytes>;

    /// Whether messages can go out and come in now, as far as it is known. A connection that broke without a
    /// word is found out after a while; all that is published until then is lost.
    fn health(&self) -> BusHealth;

    /// Sends what waits, if that is possible at once, and hangs up.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Whether messages can go out and come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusHealth {
    /// They can.
    Connected,
    /// They cannot; what is published is dropped.
    Disconnected,
}

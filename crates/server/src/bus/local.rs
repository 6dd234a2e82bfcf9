//! The bus of a node that is alone.

use std::future::{pending, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Bus, BusHealth, Topic};

/// Publishes to nobody and hears nothing: there is one node, and what it does it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalBus;

impl Bus for LocalBus {
    fn reaches_others(&self) -> bool {
        false
    }

    fn publish(&self, _topic: &Topic, _message: Bytes) {}

    fn follow(&self, _topic: &Topic) {}

    fn unfollow(&self, _topic: &Topic) {}

    fn next(&self) -> BoxFuture<'_, Bytes> {
        Box::pin(pending())
    }

    fn health(&self) -> BusHealth {
        BusHealth::Connected
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

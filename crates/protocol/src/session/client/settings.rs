//! What a client session begins with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use tidemark_core::{ConversationId, Seq};

use super::outbox::Pending;
use super::personal::KeptPersonal;
use crate::wire::Secret;

/// What a client session is told before it begins.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The token for `hello`.
    pub token: Secret,
    /// What the user calls this device.
    pub device: Option<String>,
    /// Whether conversations are followed as soon as they are known, each from where it then is.
    pub follow_all: bool,
    /// How many messages may wait for their ack, sent or not.
    pub outbox_max: usize,
    /// How many of them may be on the wire without an answer.
    pub in_flight_max: usize,
    /// How many conversations may be catching up at a time.
    pub fetches_max: usize,
    /// How many events to ask for at a time.
    pub page_events: NonZeroU32,
    /// How many cursors go into one `hello`.
    pub cursors_max: usize,
    /// How long an answer may take before the connection counts as dead.
    pub answer_within: Duration,
}

/// How many events to ask for at a time, unless told otherwise.
const PAGE_EVENTS: NonZeroU32 = NonZeroU32::new(500).expect("500 is not zero");

impl ClientSettings {
    /// The usual bounds, for this token.
    pub fn new(token: Secret) -> Self {
        Self {
            token,
            device: None,
            follow_all: false,
            outbox_max: 1_000,
            in_flight_max: 16,
            fetches_max: 4,
            page_events: PAGE_EVENTS,
            cursors_max: 1_000,
            answer_within: Duration::from_secs(30),
        }
    }
}

/// What a session needs to go on where another one ended, be it in another process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumption {
    /// The name of the history that the cursors are about.
    pub epoch: Option<String>,
    /// The followed conversations, each with the last event that the app has.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The messages without a final answer, in the order in which they were written.
    pub outbox: Vec<Pending>,
    /// Up to which version all of the user's own changes are in `personal`.
    pub personal_version: u64,
    /// What the user keeps for themselves.
    pub personal: Vec<KeptPersonal>,
}

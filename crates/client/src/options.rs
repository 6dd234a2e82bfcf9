//! How a client behaves.

use std::time::Duration;

use tidemark_protocol::session::client::ClientSettings;
use tidemark_protocol::wire::Secret;

use crate::transport::TransportLimits;
use crate::{Backoff, ServerUrl, Snapshot};

/// What [`Client::connect`](crate::Client::connect) needs to know.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where the server is.
    pub url: ServerUrl,
    /// A session token or a JWT.
    pub token: Secret,
    /// What the user calls this device.
    pub device: Option<String>,
    /// Whether every conversation is followed, from where it is when it is first heard of. Otherwise only
    /// those that [`Client::follow`](crate::Client::follow) names; unread is counted in all of them
    /// anyway.
    pub follow_all: bool,
    /// Where another process ended.
    pub snapshot: Option<Snapshot>,
    /// The pauses between tries to connect.
    pub backoff: Backoff,
    /// How long one try to connect may take.
    pub connect_within: Duration,
    /// How long an answer may take before the connection counts as dead.
    pub answer_within: Duration,
    /// How many messages may wait for their ack.
    pub outbox_max: usize,
    /// How many messages may be on the wire without their ack.
    pub in_flight_max: usize,
    /// How many messages of a conversation are kept at hand; older ones come over HTTP.
    pub timeline_messages_max: usize,
    /// How many updates a reader may be behind before it misses some.
    pub updates_max: usize,
    /// What the socket may take.
    pub transport: TransportLimits,
}

impl ClientOptions {
    /// The usual behaviour: follow every conversation.
    pub fn new(url: ServerUrl, token: Secret) -> Self {
        Self {
            url,
            token,
            device: None,
            follow_all: true,
            snapshot: None,
            backoff: Backoff::default(),
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(30),
            outbox_max: 1_000,
            in_flight_max: 16,
            timeline_messages_max: 2_000,
            updates_max: 4_096,
            transport: TransportLimits::default(),
        }
    }

    pub(crate) fn session_settings(&self) -> ClientSettings {
        ClientSettings {
            device: self.device.clone(),
            follow_all: self.follow_all,
            outbox_max: self.outbox_max,
            in_flight_max: self.in_flight_max,
            answer_within: self.answer_within,
            ..ClientSettings::new(self.token.clone())
        }
    }
}

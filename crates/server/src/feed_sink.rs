//! The feed in a stream of NATS `JetStream`: a consumer that runs on one of all nodes.
//!
//! An event is done when the stream has acknowledged it. Each carries an id of its own in `Nats-Msg-Id`, so that the stream keeps
//! one where it is offered again within its window for duplicates.

use std::error::Error as _;
use std::sync::Arc;

use async_nats::jetstream::context::{Context, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode, stream};
use tidemark_core::Position;
use tidemark_pipeline::{Consumer, Progress, Setback, Spec};
use tidemark_protocol::body::FeedEntry;
use tidemark_protocol::wire::Wire;
use tidemark_store::{Directory, FeedEvent, PageLimits, Store};
use uuid::Uuid;

use crate::bus::{NatsError, connect_options};
use crate::config::NatsFeedConfig;
use crate::gateway::Gateway;

/// How many events wait for the stream at the same time: its client sends no more before it acknowledged some.
const PAGE: PageLimits = PageLimits {
    entries_max: 200,
    text_bytes_max: 512 * 1024,
};

/// Writes the feed to the stream whenever no other node does, until the server goes away.
pub(crate) async fn run<S: Store + Directory>(gateway: Arc<Gateway<S>>, mut feed: Box<NatsFeed>) {
    let spec = Spec {
        batch: PAGE,
        ..Spec::single("nats")
    };
    let stop = gateway.going_away();
    gateway.pipelines.run(&spec, &mut *feed, stop).await;
}

/// A stream that gets every event.
pub(crate) struct NatsFeed {
    context: Context,
    config: NatsFeedConfig,
    epoch: Uuid,
    /// As far as is known: somebody may have deleted it.
    has_stream: bool,
}

impl NatsFeed {
    /// Begins to connect, and goes on with that until it succeeds.
    pub(crate) async fn connect(config: &NatsFeedConfig, epoch: Uuid) -> Result<Self, NatsError> {
        let options = connect_options(&config.nats).await?;
        let client = options
            .name("tidemark feed")
            .retry_on_initial_connect()
            .connect(&config.nats.servers)
            .await
            .map_err(|error| NatsError::Client(error.to_string()))?;
        Ok(Self {
            context: jetstream::new(client),
            config: config.clone(),
            epoch,
            has_stream: false,
        })
    }

    /// The subject of an event, and what is sent there.
    fn message(&self, entry: &FeedEvent) -> Result<(String, PublishMessage), String> {
        let (position, conversation) = (entry.position, entry.event.conversation);
        let shown = FeedEntry {
            position: Wire(position),
            entry: entry.event.clone().into(),
        };
        let json = serde_json::to_value(&shown).map_err(|error| error.to_string())?;
        let kind = json["kind"].as_str().unwrap_or("other");
        let subject = format!("{}.{kind}.{conversation}", self.config.subject);
        let id = format!("{}-{}", self.epoch, position.0);
        let message = PublishMessage::build().message_id(id);
        Ok((subject, message.payload(json.to_string().into())))
    }

    /// Makes the stream, unless it is there.
    async fn find_stream(&mut self) -> Result<(), Setback> {
        let wanted = stream::Config {
            name: self.config.stream.clone(),
            subjects: vec![format!("{}.>", self.config.subject)],
            ..stream::Config::default()
        };
        let found = self.context.get_or_create_stream(wanted).await;
        found.map_err(|error| {
            Setback::Outage(format!("the stream {}: {error}", self.config.stream))
        })?;
        self.has_stream = true;
        Ok(())
    }

    async fn send(&self, batch: &[FeedEvent], progress: &Progress) -> Result<(), Setback> {
        let mut sent = Vec::with_capacity(batch.len());
        let mut failed = None;
        for entry in batch {
            let position = entry.position;
            let (subject, message) = self
                .message(entry)
                .map_err(|reason| Setback::Poison { position, reason })?;
            match self.context.send_publish(subject, message).await {
                Ok(acknowledged) => sent.push((position, acknowledged)),
                Err(error) => {
                    failed = Some(setback(position, &error));
                    break;
                }
            }
        }
        for (position, acknowledged) in sent {
            acknowledged
                .await
                .map_err(|error| setback(position, &error))?;
            progress.reach(position);
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Consumer for NatsFeed {
    async fn handle(&mut self, batch: &[FeedEvent], progress: &Progress) -> Result<(), Setback> {
        if !self.has_stream {
            self.find_stream().await?;
        }
        let sent = self.send(batch, progress).await;
        if let Err(Setback::Outage(_)) = sent {
            self.has_stream = false;
        }
        sent
    }
}

/// Why the event at `position` is not in the stream.
fn setback(position: Position, error: &PublishError) -> Setback {
    let too_large = error
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .is_some_and(|error| error.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM);
    let reason = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    if too_large || error.kind() == PublishErrorKind::MaxPayloadExceeded {
        return Setback::Poison { position, reason };
    }
    Setback::Outage(reason)
}

//! The bus over NATS.
//!
//! NATS is asked for nothing but its core: it hands a message to whoever is connected now. This side adds bounds.
//! What is published waits in a queue of so many messages and bytes until the connection takes it, what comes
//! in waits in another until the node takes it, and what finds a queue full, or no connection, is dropped and
//! counted. Subscriptions are kept by the client over lost connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use async_nats::{Client, ConnectOptions, Event, Server};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, pending};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use super::follows::Follows;
use super::queue::{Inlet, Outlet, queue};
use super::{Bus, BusHealth, Topic};
use crate::config::{NatsAuth, NatsConfig};
use crate::telemetry::BusDrops;

/// Commands to the client that may wait, so that what waits, waits in the bounded queue.
const CLIENT_CAPACITY: usize = 256;
/// Messages of one subscription that may wait for its task, which hands them on at once.
const SUBSCRIPTION_CAPACITY: usize = 1_024;
/// How soon a connection that broke without a word is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long to wait before the next try to connect, for each one that failed, and at most.
const RECONNECT_STEP: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(2);
/// How long the last messages may take when a node stops.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the bus cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// A file that the configuration names cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The client refuses the configuration.
    #[error("the NATS client cannot be started: {0}")]
    Client(String),
}

/// A bus over one or several NATS servers.
pub(crate) struct NatsBus {
    client: Client,
    epoch: Uuid,
    outgoing: Inlet<String>,
    incoming: Mutex<Outlet<()>>,
    follows: Arc<Follows>,
    connected: Arc<AtomicBool>,
    drops: BusDrops,
    /// Ended with the bus.
    _tasks: JoinSet<()>,
}

impl NatsBus {
    /// Starts connecting and returns: as long as there is no connection, everything is dropped.
    pub(crate) async fn connect(
        config: &NatsConfig,
        epoch: Uuid,
        drops: BusDrops,
    ) -> Result<Self, NatsError> {
        let connected = Arc::new(AtomicBool::new(false));
        let options = connect_options(config).await?;
        let client = options
            .name("tidemark")
            .retry_on_initial_connect()
            .no_echo()
            .client_capacity(CLIENT_CAPACITY)
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .ping_interval(PING_INTERVAL)
            .reconnect_delay_callback(|attempts| {
                let steps = u32::try_from(attempts).unwrap_or(u32::MAX);
                RECONNECT_STEP.saturating_mul(steps).min(RECONNECT_MAX)
            })
            // Asked before each try, and the only way to learn why the last one failed.
            .reconnect_to_server_callback({
                let unreachable = Unreachable::default();
                move |servers, _| {
                    unreachable.note(&servers);
                    std::future::ready(None)
                }
            })
            .event_callback({
                let (connected, drops) = (Arc::clone(&connected), drops.clone());
                move |event| {
                    note(&event, &connected, &drops);
                    std::future::ready(())
                }
            })
            .connect(&config.servers)
            .await
            .map_err(|error| NatsError::Client(error.to_string()))?;

        let (outgoing, to_send) = queue();
        let (received, incoming) = queue();
        let follows = Arc::new(Follows::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(send_all(client.clone(), to_send, drops.clone()));
        tasks.spawn(subscribe_as_wished(
            client.clone(),
            epoch,
            Arc::clone(&follows),
            received,
            drops.clone(),
        ));
        Ok(Self {
            client,
            epoch,
            outgoing,
            incoming: Mutex::new(incoming),
            follows,
            connected,
            drops,
            _tasks: tasks,
        })
    }
}

impl Bus for NatsBus {
    fn reaches_others(&self) -> bool {
        true
    }

    fn publish(&self, topic: &Topic, message: Bytes) {
        let connected = self.health() == BusHealth::Connected;
        if !(connected && self.outgoing.push(topic.subject(self.epoch), message)) {
            self.drops.outgoing();
        }
    }

    fn follow(&self, topic: &Topic) {
        self.follows.wish(topic, true);
    }

    fn unfollow(&self, topic: &Topic) {
        self.follows.wish(topic, false);
    }

    fn next(&self) -> BoxFuture<'_, Bytes> {
        Box::pin(async {
            match self.incoming.lock().await.next().await {
                Some(((), message)) => message,
                None => pending().await,
            }
        })
    }

    fn health(&self) -> BusHealth {
        if self.connected.load(Ordering::Relaxed) {
            BusHealth::Connected
        } else {
            BusHealth::Disconnected
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Whether or not they get there: they are hints.
            let _ = tokio::time::timeout(FAREWELL_TIMEOUT, self.client.drain()).await;
        })
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NatsBus").finish_non_exhaustive()
    }
}

fn note(event: &Event, connected: &AtomicBool, drops: &BusDrops) {
    match event {
        Event::Connected => {
            connected.store(true, Ordering::Relaxed);
            tracing::info!("the bus is connected");
        }
        Event::Disconnected | Event::Closed => {
            if connected.swap(false, Ordering::Relaxed) {
                tracing::warn!("the bus is disconnected: other nodes are compared with the store");
            }
        }
        Event::SlowConsumer(_) => drops.incoming(),
        Event::ServerError(error) => tracing::warn!(%error, "the bus refuses something"),
        // Says what kind of error it was; `Unreachable` says which.
        Event::ClientError(error) => tracing::debug!(%error, "the bus cannot be reached"),
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "the bus goes away"),
    }
}

/// Why servers could not be reached last, so that the log tells it when it changes and not with each try.
#[derive(Default)]
struct Unreachable(parking_lot::Mutex<Option<String>>);

impl Unreachable {
    fn note(&self, servers: &[Server]) {
        let reasons: Vec<String> = servers
            .iter()
            .filter_map(|server| {
                let error = server.last_error.as_ref()?;
                let (host, port) = (server.addr.host(), server.addr.port());
                Some(format!("{host}:{port}: {error}"))
            })
            .collect();
        let reasons = (!reasons.is_empty()).then(|| reasons.join(", "));
        let mut told = self.0.lock();
        if *told != reasons {
            if let Some(error) = &reasons {
                tracing::warn!(error, help = help(error), "the bus cannot be reached");
            }
            *told = reasons;
        }
    }
}

/// What to look at.
fn help(error: &str) -> &'static str {
    if error.contains("TLS") || error.contains("certificate") {
        "the server has to speak TLS; its certificate has to be for the host in bus.url, and signed by an authority \
         in bus.tls.ca_file, or without that by one that the system trusts; it may ask for ours, in \
         bus.tls.certificate_file"
    } else if error.contains("authorization") {
        "the server does not know the user, password or token in bus.url, or the bus.credentials_file"
    } else {
        "it is tried again; until then nodes are compared with the store"
    }
}

/// How to get in where the configuration says that NATS is.
pub(crate) async fn connect_options(config: &NatsConfig) -> Result<ConnectOptions, NatsError> {
    with_tls(config, with_auth(config).await?).await
}

async fn with_auth(config: &NatsConfig) -> Result<ConnectOptions, NatsError> {
    let options = ConnectOptions::new();
    Ok(match &config.auth {
        NatsAuth::Nothing => options,
        NatsAuth::Token(token) => options.token(token.expose().to_owned()),
        NatsAuth::Password { user, password } => {
            options.user_and_password(user.clone(), password.expose().to_owned())
        }
        NatsAuth::CredentialsFile(path) => options
            .credentials_file(path)
            .await
            .map_err(unusable(path))?,
    })
}

async fn with_tls(
    config: &NatsConfig,
    mut options: ConnectOptions,
) -> Result<ConnectOptions, NatsError> {
    let tls = &config.tls;
    let certificate = tls.certificate.as_ref();
    let files = [
        (tls.ca_file.as_ref(), "CERTIFICATE"),
        (certificate.map(|(file, _)| file), "CERTIFICATE"),
        (certificate.map(|(_, key)| key), "PRIVATE KEY"),
    ];
    // The client reads them when it connects, and would try for ever.
    for (path, what) in files {
        if let Some(path) = path {
            check_pem(path, what).await.map_err(unusable(path))?;
        }
    }
    options = options.require_tls(tls.required);
    if let Some(path) = &tls.ca_file {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((file, key)) = certificate {
        options = options.add_client_certificate(file.clone(), key.clone());
    }
    Ok(options)
}

/// Whether a file can be read and holds `what`, in PEM.
async fn check_pem(path: &Path, what: &str) -> io::Result<()> {
    let text = tokio::fs::read(path).await?;
    let text = String::from_utf8_lossy(&text);
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.contains(what);
    if !text.lines().any(begins) {
        let missing = format!("there is no {what} in PEM in it");
        return Err(io::Error::new(io::ErrorKind::InvalidData, missing));
    }
    Ok(())
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> NatsError {
    let path = path.to_owned();
    move |source| NatsError::File { path, source }
}

async fn send_all(client: Client, mut to_send: Outlet<String>, drops: BusDrops) {
    while let Some((subject, message)) = to_send.next().await {
        if let Err(error) = client.publish(subject, message).await {
            drops.outgoing();
            tracing::debug!(%error, "a message cannot be published");
        }
    }
}

async fn subscribe_as_wished(
    client: Client,
    epoch: Uuid,
    follows: Arc<Follows>,
    received: Inlet<()>,
    drops: BusDrops,
) {
    let mut readers = Readers::default();
    loop {
        for (topic, follow) in follows.take().await {
            if !follow {
                readers.0.remove(&topic);
            } else if let Entry::Vacant(place) = readers.0.entry(topic) {
                match client.subscribe(place.key().subject(epoch)).await {
                    Ok(subscriber) => {
                        let reading = read(subscriber, received.clone(), drops.clone());
                        place.insert(Reader(tokio::spawn(reading).abort_handle()));
                    }
                    Err(error) => tracing::warn!(%error, "a topic cannot be followed"),
                }
            }
        }
    }
}

async fn read(mut subscriber: async_nats::Subscriber, received: Inlet<()>, drops: BusDrops) {
    while let Some(message) = subscriber.next().await {
        if !received.push((), message.payload) {
            drops.incoming();
        }
    }
}

/// The tasks that hand on what subscriptions receive.
#[derive(Debug, Default)]
struct Readers(HashMap<Topic, Reader>);

/// Ends its task, and with it the subscription, when it is dropped.
#[derive(Debug)]
struct Reader(AbortHandle);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

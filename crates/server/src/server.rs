//! A running server: put together here, taken apart here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use tidemark_blobs::RightOfWay;
use tidemark_pipeline::{Runtime, Setup};
use tidemark_store::{Directory, Store};
use tidemark_webhooks::CallError;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::auth::{AuthSetupError, Authenticator};
use crate::background;
use crate::bus::{self, Bus, NatsError};
use crate::clock::Clock;
use crate::committer::Committer;
use crate::config::{Config, StoreEngine};
use crate::crowd::Crowd;
use crate::feed_sink::{self, NatsFeed};
use crate::gateway::Gateway;
use crate::http;
use crate::hub::{Hub, HubSettings};
use crate::limits::{LoginLimiter, SendLimiter};
use crate::listen;
use crate::peers;
use crate::presence::{self, PresenceSettings};
use crate::telemetry::Metrics;
use crate::uploads::{self, Uploading, UploadsSetupError};
use crate::webhooks;

/// How often a draining server looks whether its sockets are gone.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// How long a runner may take to tell the store that it has stopped.
const GIVE_BACK_PATIENCE: Duration = Duration::from_secs(1);

/// Why a server did not start. Written for the operator who reads it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// A key or secret of the configuration cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthSetupError),
    /// The bus cannot be used as configured. One that cannot be reached is no reason not to start.
    #[error("bus: {0}")]
    Bus(#[from] NatsError),
    /// The feed cannot go where it is to.
    #[error("feed.nats: {0}")]
    Feed(NatsError),
    /// Nobody else can be called.
    #[error("webhooks: {0}")]
    Webhooks(#[from] CallError),
    /// Uploads cannot be kept as configured.
    #[error("uploads: {0}")]
    Uploads(#[from] UploadsSetupError),
}

/// A server that has its address and is about to serve.
pub struct Server<S> {
    gateway: Arc<Gateway<S>>,
    listener: TcpListener,
    address: SocketAddr,
    publisher: JoinHandle<()>,
    nats_feed: Option<Box<NatsFeed>>,
}

impl<S: Store + Directory> Server<S> {
    /// Takes the address of the configuration and gets everything ready. Connections that come
    /// before [`run`](Self::run) wait.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the address is taken or a configured key cannot be used.
    pub async fn bind(config: Config, store: S) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let bus = bus::open(&config.bus.engine, store.epoch(), &metrics).await?;
        Self::start(config, store, bus, metrics).await
    }

    /// As [`bind`](Self::bind), with a bus of the caller's instead of the configured one.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_with_bus(
        config: Config,
        store: S,
        bus: Arc<dyn Bus>,
    ) -> Result<Self, StartError> {
        Self::start(config, store, bus, Metrics::new()).await
    }

    async fn start(
        config: Config,
        store: S,
        bus: Arc<dyn Bus>,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let listen = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let store = Arc::new(store);
        let clock = Clock::start();
        let metrics = Arc::new(metrics);
        let is_shared = is_shared(&*bus, &config);
        let hub = Hub::new(HubSettings::from(&config), bus, clock, Arc::clone(&metrics));
        let hub = Arc::new(hub);
        // Bytes of files may go to the disk that the store flushes to.
        let right_of_way = RightOfWay::default();
        let (committer, publisher) = Committer::start(
            Arc::clone(&store),
            Arc::clone(&hub),
            Arc::clone(&metrics),
            right_of_way.clone(),
        );
        let nats_feed = match &config.feed.nats {
            Some(nats) => {
                let connected = Box::pin(NatsFeed::connect(nats, store.epoch())).await;
                Some(Box::new(connected.map_err(StartError::Feed)?))
            }
            None => None,
        };
        let pipelines = Runtime::new(Setup {
            store: Arc::clone(&store),
            node: node_name(address),
            lease: config.background.lease,
            news: hub.news(),
            now: Box::new(move || clock.now()),
            metrics: metrics.pipelines.clone(),
        });
        let gateway = Gateway {
            // A session may be revoked elsewhere, and this node not be told.
            authenticator: Authenticator::new(Arc::clone(&store), &config, clock)?
                .believing_for(is_shared.then_some(config.bus.repair)),
            send_limiter: SendLimiter::new(&config.limits),
            login_limiter: LoginLimiter::new(&config.limits),
            store,
            committer,
            hub,
            crowd: Crowd::default(),
            uploading: Uploading::open(&config, right_of_way)?,
            outward: webhooks::caller(&config.webhooks)?,
            config: Arc::new(config),
            metrics,
            clock,
            pipelines,
            webhooks_bell: webhooks::Bell::default(),
            draining: watch::Sender::new(false),
        };
        Ok(Self {
            gateway: Arc::new(gateway),
            listener,
            address,
            publisher,
            nats_feed,
        })
    }

    /// The address that it listens on; with port 0 in the configuration, the one that it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, then drains: says goodbye to every socket, finishes what was
    /// handed over, and closes the store. Takes at most the configured time to drain.
    ///
    /// # Errors
    ///
    /// When what accepts connections has panicked.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Self {
            gateway,
            listener,
            publisher,
            nats_feed,
            ..
        } = self;
        let drain = gateway.config.drain;
        let mut background = JoinSet::new();
        background.spawn({
            let hub = Arc::clone(&gateway.hub);
            async move { hub.tell_heads().await }
        });
        background.spawn({
            let hub = Arc::clone(&gateway.hub);
            async move { hub.presence.keep().await }
        });
        background.spawn(presence::acquaint(Arc::clone(&gateway)));
        background.spawn(peers::mend_gaps(Arc::clone(&gateway)));
        if gateway.hub.bus.reaches_others() {
            background.spawn(peers::listen(Arc::clone(&gateway)));
        }
        if is_shared(&*gateway.hub.bus, &gateway.config) {
            background.spawn(peers::compare(Arc::clone(&gateway)));
        }
        let mut runners = JoinSet::new();
        if let Some(audit) = gateway.config.background.audit {
            runners.spawn(background::audit(Arc::clone(&gateway), audit));
        }
        if let Some(nats_feed) = nats_feed {
            runners.spawn(feed_sink::run(Arc::clone(&gateway), nats_feed));
        }
        runners.spawn(webhooks::keep(Arc::clone(&gateway)));
        runners.spawn(uploads::look_after_uploads(Arc::clone(&gateway)));
        let app = http::router(&gateway);
        let (stop, stopping) = oneshot::channel::<()>();
        let patience = gateway.config.http.header_timeout;
        let serving = tokio::spawn(listen::serve(listener, app, patience, async move {
            // A dropped sender means the same as a message: stop.
            let _ = stopping.await;
        }));

        shutdown.await;
        gateway.draining.send_replace(true);
        tracing::info!(?drain, "draining");
        drop(stop);
        let drained = timeout(drain, async {
            gateway.hub.say_goodbye();
            while gateway.metrics.sockets.get() > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
                gateway.hub.say_goodbye();
            }
            serving.await
        })
        .await;
        background.shutdown().await;
        // They were told at the same time as the sockets, and only have to give their leases back.
        let given_back = async { while runners.join_next().await.is_some() {} };
        if timeout(GIVE_BACK_PATIENCE, given_back).await.is_err() {
            tracing::warn!("a lease was not given back");
        }
        runners.shutdown().await;
        // Whoever is left gets `unavailable`; what was handed over before is finished.
        gateway.store.close().await;
        publisher.abort();
        gateway.hub.bus.close().await;
        let Ok(served) = drained else {
            tracing::warn!("some connections did not end in time");
            return Ok(());
        };
        served.map_err(io::Error::other)
    }
}

/// Whether anybody but this server may change the store: another node, or an administrator at the database.
fn is_shared(bus: &dyn Bus, config: &Config) -> bool {
    bus.reaches_others() || matches!(config.store, StoreEngine::Postgres(_))
}

/// What operators call this node: the name of the machine, and where it listens. Without spaces.
fn node_name(address: SocketAddr) -> String {
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let machine = machine.or_else(|| env::var("HOSTNAME").ok());
    let machine = machine.unwrap_or_default();
    let machine = machine.split_whitespace().next().unwrap_or("node");
    format!("{machine}:{}", address.port())
}

impl From<&Config> for HubSettings {
    fn from(config: &Config) -> Self {
        Self {
            large_members: config.fanout.large_members,
            receipt_members: config.fanout.receipt_members,
            outbox_bytes: config.limits.outbox_bytes,
            sockets_per_user: config.limits.sockets_per_user,
            presence: PresenceSettings {
                linger: config.presence.linger,
                heartbeat: config.presence.heartbeat,
            },
        }
    }
}

//! A log, nodes that run consumers, and a consumer whose behaviour a test decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, Visibility,
};
use tidemark_core::{ClientId, ConversationId, Limits, Position, Timestamp};
use tidemark_pipeline::{
    Consumer, PipelineMetrics, Progress, Retries, Runtime, Setback, Setup, Spec, Turn,
};
use tidemark_store::memory::MemoryStore;
use tidemark_store::{ConsumerState, FeedEvent, Store};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

pub(crate) const NAME: &str = "test";
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// What must come, comes within this.
const PATIENCE: Duration = Duration::from_mins(10);

/// A log that a channel's messages go to.
pub(crate) struct Log<S> {
    pub(crate) store: Arc<S>,
    channel: ConversationId,
}

impl Log<MemoryStore> {
    pub(crate) async fn in_memory() -> Self {
        Self::of(Arc::new(MemoryStore::new(Limits::default()))).await
    }
}

impl<S: Store> Log<S> {
    /// The first event is that of the channel.
    pub(crate) async fn of(store: Arc<S>) -> Self {
        let channel = ConversationId(Uuid::now_v7());
        let log = Self { store, channel };
        let new = NewConversation {
            kind: ConversationKind::Channel,
            visibility: Visibility::Public,
            title: Some("Harbour".to_owned()),
            members: Vec::new(),
            client_id: None,
        };
        log.commit(vec![Action::Create(new)]).await;
        log
    }

    /// So many more messages.
    pub(crate) async fn say(&self, messages: usize) {
        let message = |number| {
            Action::Send(NewMessage {
                client_id: ClientId(Uuid::new_v4()),
                text: format!("message {number}"),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            })
        };
        self.commit((0..messages).map(message).collect()).await;
    }

    async fn commit(&self, actions: Vec<Action>) {
        let command = |action| Command {
            conversation: self.channel,
            caller: Caller::Administrator,
            at: Timestamp(1_000),
            action,
        };
        let outcomes = self
            .store
            .commit(actions.into_iter().map(command).collect());
        for outcome in outcomes.await {
            outcome.unwrap();
        }
    }

    /// The positions of all events.
    pub(crate) async fn positions(&self) -> Vec<u64> {
        positions_in(&*self.store).await
    }

    pub(crate) async fn state(&self) -> ConsumerState {
        self.store.consumer(NAME).await.unwrap()
    }

    /// Waits until the consumer is known and in a state.
    pub(crate) async fn until(&self, wish: impl Fn(&ConsumerState) -> bool) -> ConsumerState {
        let began = Instant::now();
        loop {
            let state = self.store.consumer(NAME).await.ok();
            if let Some(state) = state.clone().filter(|state| wish(state)) {
                return state;
            }
            assert!(began.elapsed() < PATIENCE, "{state:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) async fn positions_in<S: Store>(store: &S) -> Vec<u64> {
    let everything = tidemark_store::PageLimits {
        entries_max: usize::MAX >> 1,
        text_bytes_max: usize::MAX,
    };
    let feed = store.feed(Position(0), everything).await.unwrap();
    feed.iter().map(|entry| entry.position.0).collect()
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Away,
    Fails,
    Poison,
    Panics,
    Hangs,
}

/// What tests see of a consumer, and decide about it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What is to happen to the events at these positions; those at others are done.
    pub(crate) fates: BTreeMap<u64, Fate>,
    /// Where it says that it resumes, if it has a place of its own.
    pub(crate) own: Option<u64>,
    /// Every batch that was offered.
    pub(crate) offered: Vec<Vec<u64>>,
    /// What was done, in the order in which it was.
    pub(crate) done: Vec<u64>,
    pub(crate) rewound: Vec<u64>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) stops: usize,
}

/// Does what its script says.
#[derive(Clone, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Mutex<Script>>);

impl Scripted {
    pub(crate) fn fate(&self, position: u64, fate: Option<Fate>) {
        let fates = &mut self.0.lock().fates;
        match fate {
            Some(fate) => fates.insert(position, fate),
            None => fates.remove(&position),
        };
    }

    pub(crate) fn done(&self) -> Vec<u64> {
        self.0.lock().done.clone()
    }

    /// What was done, each once and in order.
    pub(crate) fn effects(&self) -> Vec<u64> {
        let mut done = self.done();
        done.sort_unstable();
        done.dedup();
        done
    }

    fn fate_of(&self, batch: &[u64]) -> Option<(u64, Fate)> {
        let script = self.0.lock();
        let fate = |position: &u64| Some((*position, *script.fates.get(position)?));
        batch.iter().find_map(fate)
    }
}

impl Consumer for Scripted {
    async fn begin(&mut self, turn: Turn) -> Result<Position, Setback> {
        let mut script = self.0.lock();
        script.turns.push(turn);
        Ok(script.own.map_or(turn.position, Position))
    }

    async fn handle(&mut self, batch: &[FeedEvent], _: &Progress) -> Result<(), Setback> {
        let positions: Vec<u64> = batch.iter().map(|entry| entry.position.0).collect();
        self.0.lock().offered.push(positions.clone());
        let Some((position, fate)) = self.fate_of(&positions) else {
            let mut script = self.0.lock();
            script.own = script.own.and(positions.last().copied());
            script.done.extend(positions);
            return Ok(());
        };
        let at = Position(position);
        let reason = format!("{fate:?} at {position}");
        match fate {
            Fate::Away => Err(Setback::Outage(reason)),
            Fate::Fails => Err(Setback::Failed {
                position: at,
                reason,
            }),
            Fate::Poison => Err(Setback::Poison {
                position: at,
                reason,
            }),
            Fate::Panics => panic!("{reason}"),
            Fate::Hangs => std::future::pending().await,
        }
    }

    async fn rewind(&mut self, to: Position) -> Result<(), Setback> {
        let mut script = self.0.lock();
        script.rewound.push(to.0);
        script.own = script.own.map(|_| to.0);
        Ok(())
    }

    fn stopped(&mut self) {
        self.0.lock().stops += 1;
    }
}

/// A node that runs one consumer.
pub(crate) struct Node<S> {
    pub(crate) consumer: Scripted,
    pub(crate) runtime: Arc<Runtime<S>>,
    pub(crate) task: JoinHandle<()>,
    registry: Registry,
    stop: oneshot::Sender<()>,
    _news: watch::Sender<u64>,
}

/// Few at once, so that a failure is in the middle of something.
pub(crate) fn spec() -> Spec {
    let mut spec = Spec::single(NAME);
    spec.batch.entries_max = 4;
    spec.retries = Retries {
        pause_first: Duration::from_millis(100),
        pause_max: Duration::from_secs(5),
        attempts_max: 3,
    };
    spec.patience = Duration::from_secs(20);
    spec
}

impl<S: Store> Node<S> {
    pub(crate) fn start(store: &Arc<S>, name: &str, spec: Spec, consumer: Scripted) -> Self {
        let mut registry = Registry::default();
        let (news, hears) = watch::channel(0);
        let runtime = Arc::new(Runtime::new(Setup {
            store: Arc::clone(store),
            node: name.to_owned(),
            lease: LEASE,
            news: hears,
            now: Box::new(|| Timestamp(5_000)),
            metrics: PipelineMetrics::new(&mut registry),
        }));
        let (stop, stopping) = oneshot::channel::<()>();
        let task = tokio::spawn({
            let (runtime, mut consumer) = (Arc::clone(&runtime), consumer.clone());
            async move {
                let stopping = async {
                    let _ = stopping.await;
                };
                runtime.run(&spec, &mut consumer, stopping).await;
            }
        });
        Self {
            consumer,
            runtime,
            task,
            registry,
            stop,
            _news: news,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, line: &str) -> Option<f64> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).unwrap();
        let value = page.lines().find_map(|it| it.strip_prefix(line));
        value.map(|value| value.trim().parse().unwrap())
    }
}

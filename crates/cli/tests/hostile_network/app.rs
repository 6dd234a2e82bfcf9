//! An app on a phone: a client, what the app keeps on disk, and a process that may be killed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_client::{
    Backoff, Client, ClientOptions, Delivery, EnqueueError, Http, OutgoingMessage, ServerUrl,
    Snapshot, Update, Updates,
};
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::wire::Secret;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::PATIENCE;
use crate::kept::{Kept, Tally};
use crate::people::Account;

/// Few enough that a sender always has to wait.
const OUTBOX_MAX: usize = 64;
/// More than can come while the reader of updates is not scheduled.
const UPDATES_MAX: usize = 1 << 16;

/// One person's app, over any number of processes.
pub(crate) struct App {
    pub(crate) user: UserId,
    url: ServerUrl,
    token: Secret,
    process: Mutex<Process>,
    kept: Arc<Mutex<Kept>>,
    /// How many messages were acknowledged.
    acknowledged: watch::Sender<u64>,
    sent: AtomicU64,
}

struct Process {
    client: Client,
    /// Until the process is killed.
    reader: Option<JoinHandle<()>>,
}

impl App {
    /// Starts a client that wants all of these conversations, from their beginning.
    pub(crate) fn install(
        account: &Account,
        proxy: SocketAddr,
        conversations: &[ConversationId],
    ) -> anyhow::Result<Self> {
        let url = ServerUrl::parse(&format!("http://{proxy}"))?;
        let kept = Arc::<Mutex<Kept>>::default();
        let acknowledged = watch::Sender::new(0);
        let options = options(&url, &account.token, None);
        let (client, updates) = Client::connect_with_updates(options)?;
        for conversation in conversations {
            client.follow(*conversation, Seq::ZERO);
        }
        let process = Process::new(client, updates, &kept, &acknowledged);
        Ok(Self {
            user: account.user.clone(),
            url,
            token: account.token.clone(),
            process: Mutex::new(process),
            kept,
            acknowledged,
            sent: AtomicU64::new(0),
        })
    }

    /// The client of the present process.
    pub(crate) fn client(&self) -> Client {
        lock(&self.process).client.clone()
    }

    /// Puts a message into the outbox, as soon as there is room.
    pub(crate) async fn send(
        &self,
        conversation: ConversationId,
        message: &OutgoingMessage,
    ) -> anyhow::Result<Delivery> {
        let mut acknowledged = self.acknowledged.subscribe();
        loop {
            acknowledged.borrow_and_update();
            match self.client().enqueue(conversation, message.clone()) {
                Ok(delivery) => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(delivery);
                }
                Err(EnqueueError::Full) => changed(&mut acknowledged).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills the process and starts the next one from what was on disk. Must not run beside a send: what
    /// was put into the outbox after the snapshot would be forgotten.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        let snapshot = self.client().snapshot();
        // An app writes its snapshot together with the events that it was handed up to there.
        let has_all = async {
            while !self.kept().has_all_of(&snapshot) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, has_all)
            .await
            .context("a client does not hand out what its snapshot is past")?;
        let unsent = snapshot.unsent();
        let on_disk = serde_json::to_string(&snapshot)?;
        let snapshot: Snapshot = serde_json::from_str(&on_disk)?;
        ensure!(snapshot.unsent() == unsent, "a snapshot lost messages");

        let reader = lock(&self.process).reader.take();
        if let Some(reader) = reader {
            reader.abort();
            // Cancelled, which is what it was asked to be.
            let _ = reader.await;
        }
        self.kept().fall_back_to(&snapshot);
        let (client, updates) =
            Client::connect_with_updates(options(&self.url, &self.token, Some(snapshot)))?;
        *lock(&self.process) = Process::new(client, updates, &self.kept, &self.acknowledged);
        Ok(())
    }

    /// The same person reads elsewhere: moves the read cursor over HTTP now and then.
    pub(crate) async fn second_device(
        &self,
        conversations: &[ConversationId],
        seed: u64,
    ) -> anyhow::Result<Infallible> {
        let mut rng = StdRng::seed_from_u64(seed);
        let http = Http::new(self.url.clone(), Some(self.token.clone()))?;
        loop {
            sleep(Duration::from_millis(rng.random_range(20..200))).await;
            let conversation = conversations[rng.random_range(0..conversations.len())];
            let Some(state) = self.client().state(conversation) else {
                continue;
            };
            let seq = Seq::new(rng.random_range(0..=state.head.get())).context("a place")?;
            // The network takes its part of these; whoever reads on marks it again.
            if let Ok(cursor) = http.mark_read(conversation, seq).await {
                ensure!(
                    cursor.read_seq.0 >= seq,
                    "a cursor moved to less than {seq}"
                );
            }
        }
    }

    /// What the app keeps, under its lock.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    pub(crate) fn tally(&self) -> Tally {
        self.kept().tally
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// How many messages have no answer.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent
            .load(Ordering::Relaxed)
            .saturating_sub(self.acknowledged())
    }

    /// Waits until a further message is acknowledged.
    pub(crate) async fn progress(&self) -> anyhow::Result<()> {
        changed(&mut self.acknowledged.subscribe()).await
    }
}

impl Process {
    fn new(
        client: Client,
        mut updates: Updates,
        kept: &Arc<Mutex<Kept>>,
        acknowledged: &watch::Sender<u64>,
    ) -> Self {
        let (kept, acknowledged) = (Arc::clone(kept), acknowledged.clone());
        let handle = client.clone();
        let reader = tokio::spawn(async move {
            while let Some(update) = updates.next().await {
                let changed = match &update {
                    Ok(Update::Changed(conversation)) => handle
                        .state(*conversation)
                        .map(|state| (*conversation, state)),
                    _ => None,
                };
                let mut kept = lock(&kept);
                if let Some((conversation, state)) = changed {
                    kept.look(conversation, &state);
                }
                if kept.take(update) {
                    acknowledged.send_modify(|count| *count += 1);
                }
            }
        });
        Self {
            client,
            reader: Some(reader),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

fn options(url: &ServerUrl, token: &Secret, snapshot: Option<Snapshot>) -> ClientOptions {
    ClientOptions {
        snapshot,
        // Nobody has to be spared here, and a test that waits tests nothing.
        backoff: Backoff {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(200),
        },
        answer_within: Duration::from_secs(1),
        outbox_max: OUTBOX_MAX,
        updates_max: UPDATES_MAX,
        timeline_messages_max: usize::MAX,
        ..ClientOptions::new(url.clone(), token.clone())
    }
}

async fn changed(acknowledged: &mut watch::Receiver<u64>) -> anyhow::Result<()> {
    timeout(PATIENCE, acknowledged.changed())
        .await
        .context("nothing was acknowledged for too long")??;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

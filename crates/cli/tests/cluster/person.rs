//! Somebody with an app, and what they were told.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use jsonwebtoken::{EncodingKey, Header};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_client::{
    Backoff, Client, ClientOptions, EnqueueError, Http, Missed, OutgoingMessage, ServerUrl, Update,
    Updates,
};
use tidemark_core::conversation::{Event, Mentions};
use tidemark_core::{ClientId, ConversationId, Seq, UserId};
use tidemark_protocol::wire::Secret;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::JWT_SECRET;

/// Longer than a run.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;
/// What may wait for an ack: a few minutes of talking.
const OUTBOX_MAX: usize = 1_000;
/// More than can come while the reader of updates is not scheduled.
const UPDATES_MAX: usize = 1 << 14;

/// Who takes part.
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) client: Client,
    token: Secret,
    told: Arc<Mutex<Told>>,
    listening: JoinHandle<()>,
    talking: JoinHandle<()>,
}

/// What somebody said, and what their client told them.
#[derive(Default)]
pub(crate) struct Told {
    /// The events of each conversation, from its first.
    pub(crate) logs: BTreeMap<ConversationId, Vec<Event>>,
    /// What they said, by its name.
    pub(crate) said: HashMap<ClientId, (ConversationId, String)>,
    /// Where each message is, as far as the server said.
    pub(crate) acknowledged: HashMap<ClientId, Seq>,
    /// How often the server let the client in.
    pub(crate) welcomes: u64,
    /// Messages that were sent again although they had arrived.
    pub(crate) duplicates: u64,
    wrong: Vec<String>,
}

impl Person {
    /// Starts an app that follows these conversations from their beginning, and talks until it is told to stop.
    pub(crate) fn begin(
        user: UserId,
        entrance: SocketAddr,
        conversations: Vec<ConversationId>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let token = token_of(&user)?;
        let url = ServerUrl::parse(&format!("http://{entrance}"))?;
        let (client, updates) = Client::connect_with_updates(ClientOptions {
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_secs(2),
            },
            answer_within: Duration::from_secs(10),
            outbox_max: OUTBOX_MAX,
            updates_max: UPDATES_MAX,
            timeline_messages_max: usize::MAX,
            ..ClientOptions::new(url, token.clone())
        })?;
        for conversation in &conversations {
            client.follow(*conversation, Seq::ZERO);
        }
        let told = Arc::<Mutex<Told>>::default();
        let listening = tokio::spawn(listen(updates, Arc::clone(&told)));
        let rng = StdRng::seed_from_u64(seed);
        let talking = talk(client.clone(), conversations, Arc::clone(&told), rng);
        Ok(Self {
            user,
            client,
            token,
            told,
            listening,
            talking: tokio::spawn(talking),
        })
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.told)
    }

    pub(crate) fn fall_silent(&self) {
        self.talking.abort();
    }

    /// Calls to one node, past everything between.
    pub(crate) fn http(&self, node: SocketAddr) -> anyhow::Result<Http> {
        let url = ServerUrl::parse(&format!("http://{node}"))?;
        Ok(Http::new(url, Some(self.token.clone()))?)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.talking.abort();
        self.listening.abort();
    }
}

async fn listen(mut updates: Updates, told: Arc<Mutex<Told>>) {
    while let Some(update) = updates.next().await {
        lock(&told).take(update);
    }
}

/// Says something every second or so, somewhere, and reads now and then.
async fn talk(
    client: Client,
    conversations: Vec<ConversationId>,
    told: Arc<Mutex<Told>>,
    mut rng: StdRng,
) {
    let mut number = 0_u64;
    loop {
        sleep(Duration::from_millis(rng.random_range(200..3_000))).await;
        let conversation = conversations[rng.random_range(0..conversations.len())];
        number += 1;
        let client_id = ClientId(Uuid::from_u128(rng.random()));
        let text = format!("message {number} {}", "x".repeat(rng.random_range(0..200)));
        let message = OutgoingMessage {
            mentions: if rng.random_bool(0.05) {
                Mentions::All
            } else {
                Mentions::default()
            },
            client_id: Some(client_id),
            ..OutgoingMessage::text(text.clone())
        };
        match client.enqueue(conversation, message) {
            // The receipt comes as an update as well.
            Ok(_) => {
                lock(&told).said.insert(client_id, (conversation, text));
            }
            Err(EnqueueError::Full) => {}
            Err(error) => lock(&told).wrong.push(error.to_string()),
        }
        if rng.random_bool(0.2)
            && let Some(state) = client.state(conversation)
            && let Some(seq) = Seq::new(rng.random_range(0..=state.head.get()))
        {
            client.mark_read(conversation, seq);
        }
    }
}

impl Told {
    fn take(&mut self, update: Result<Update, Missed>) {
        match update {
            Ok(Update::Online { .. }) => self.welcomes += 1,
            Ok(Update::Event(entry)) => match entry.event() {
                Some(event) => self.append(event.clone()),
                None => self.wrong.push(format!("an unknown kind: {entry:?}")),
            },
            Ok(Update::Sent {
                client_id,
                seq,
                duplicate,
                ..
            }) => {
                self.duplicates += u64::from(duplicate);
                let earlier = self.acknowledged.insert(client_id, seq);
                if earlier.is_some_and(|earlier| earlier != seq) {
                    let wrong = format!("{client_id} is at {seq} but was at {earlier:?}");
                    self.wrong.push(wrong);
                }
            }
            // Whoever connects just after a conversation began may be told of it twice.
            Ok(
                Update::Added(_)
                | Update::Changed(_)
                | Update::ReadBy { .. }
                | Update::DeliveredTo { .. }
                | Update::Ended(_),
            ) => {}
            Ok(update) => self.wrong.push(format!("{update:?}")),
            Err(missed) => self.wrong.push(missed.to_string()),
        }
    }

    fn append(&mut self, event: Event) {
        let log = self.logs.entry(event.conversation).or_default();
        let expected = log.last().map_or(Seq::ZERO, |last| last.seq).next();
        if event.seq == expected {
            log.push(event);
        } else {
            let wrong = format!("{} was handed out instead of {expected}", event.seq);
            self.wrong.push(wrong);
        }
    }

    /// What a client must never say, if it has.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let first: Vec<_> = self.wrong.iter().take(3).collect();
        ensure!(first.is_empty(), "{} wrongs: {first:#?}", self.wrong.len());
        Ok(())
    }
}

/// Signed as an embedding application would.
fn token_of(user: &UserId) -> anyhow::Result<Secret> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = serde_json::json!({
        "sub": user.as_str(),
        "exp": now.as_secs() + TOKEN_SECONDS,
    });
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    Ok(Secret::new(jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &key,
    )?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Two people who say whatever comes to their minds, and remember every word of it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_client::{Delivery, Http, OutgoingMessage, SendError, ServerUrl};
use tidemark_core::conversation::{ConversationKind, Mentions};
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UserId};
use tidemark_protocol::body::{NewAccount, NewConversation};
use tidemark_protocol::wire::{Secret, Wire};
use tokio::time::timeout;
use uuid::Uuid;

use crate::PATIENCE;
use crate::app::App;

/// Somebody who can sign in.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) token: Secret,
    http: Http,
}

pub(crate) async fn register(server: SocketAddr, name: &str) -> anyhow::Result<Account> {
    let http = Http::new(ServerUrl::parse(&format!("http://{server}"))?, None)?;
    let account = NewAccount {
        username: name.to_owned(),
        password: Secret::new("correct horse"),
        display_name: None,
    };
    let signed_in = http.register(&account).await?;
    Ok(Account {
        user: signed_in.user.id.0,
        http: http.with_token(signed_in.token.clone()),
        token: signed_in.token,
    })
}

pub(crate) async fn begin_conversation(
    account: &Account,
    with: &str,
) -> anyhow::Result<ConversationId> {
    let new = NewConversation {
        kind: Wire(ConversationKind::Group),
        title: None,
        members: vec![Wire(UserId::parse(with)?)],
        client_id: None,
        visibility: None,
    };
    Ok(account.http.create_conversation(&new).await?.id.0)
}

/// One of the two.
pub(crate) struct Person {
    account: Account,
    conversations: Vec<ConversationId>,
    rng: StdRng,
    /// What they said, by where and under which name.
    pub(crate) said: HashMap<(ConversationId, ClientId), OutgoingMessage>,
    /// Up to where the present process of their app was told to have read, and will not forget.
    pub(crate) marked: BTreeMap<ConversationId, Seq>,
    cursors_moved: u64,
}

impl Person {
    pub(crate) fn new(account: Account, conversations: &[ConversationId], seed: u64) -> Self {
        Self {
            account,
            conversations: conversations.to_vec(),
            rng: StdRng::seed_from_u64(seed),
            said: HashMap::new(),
            marked: BTreeMap::new(),
            cursors_moved: 0,
        }
    }

    /// Calls over HTTP, past the bad network.
    pub(crate) fn http(&self, server: SocketAddr) -> anyhow::Result<Http> {
        let url = ServerUrl::parse(&format!("http://{server}"))?;
        Ok(Http::new(url, Some(self.account.token.clone()))?)
    }

    pub(crate) fn cursors_moved(&self) -> u64 {
        self.cursors_moved
    }

    /// Sends `messages` messages and waits until each is acknowledged. Somewhere in the middle the app is
    /// killed, if so wished.
    pub(crate) async fn talk(
        &mut self,
        app: &App,
        messages: u64,
        app_killed: bool,
    ) -> anyhow::Result<()> {
        let kill_at = app_killed.then(|| self.rng.random_range(0..messages));
        let mut deliveries = Vec::new();
        for number in 0..messages {
            let conversation =
                self.conversations[self.rng.random_range(0..self.conversations.len())];
            let message = self.compose(app, conversation);
            let client_id = message.client_id.context("every message has a name")?;
            deliveries.push(app.send(conversation, &message).await?);
            self.said.insert((conversation, client_id), message);
            if self.rng.random_bool(0.05) {
                self.read(app);
            }
            if kill_at == Some(number) {
                app.kill().await?;
                // What it had not told the server yet, it has forgotten.
                self.marked.clear();
            }
        }
        for delivery in deliveries {
            receive(app, delivery).await?;
        }
        Ok(())
    }

    fn compose(&mut self, app: &App, conversation: ConversationId) -> OutgoingMessage {
        let rng = &mut self.rng;
        // Once in a while longer than what the proxy passes at once.
        let words = match rng.random_range(0..100) {
            0 => rng.random_range(200..1_500),
            _ => rng.random_range(1..20),
        };
        let text: Vec<&str> = (0..words)
            .map(|_| WORDS[rng.random_range(0..WORDS.len())])
            .collect();
        let users = |names: &[&str]| {
            let users = names.iter().filter_map(|name| UserId::parse(name).ok());
            Mentions::Users(users.collect())
        };
        let mentions = match rng.random_range(0..10) {
            0 => Mentions::All,
            1 => users(&["ann"]),
            2 => users(&["bob"]),
            3 => users(&["bob", "ann"]),
            _ => Mentions::default(),
        };
        let reply_to = rng.random_bool(0.2).then(|| {
            let kept = app.kept();
            let log = kept.logs.get(&conversation)?;
            let last = log
                .iter()
                .rfind(|event| event.body.as_message().is_some())?;
            Some(last.seq)
        });
        OutgoingMessage {
            text: text.join(" "),
            reply_to: reply_to.flatten(),
            mentions,
            client_at: Some(Timestamp(rng.random_range(0..1 << 40))),
            thread: None,
            attachments: Vec::new(),
            client_id: Some(ClientId(Uuid::from_u128(rng.random()))),
        }
    }

    /// Reads some conversation to its end, or a part of it.
    fn read(&mut self, app: &App) {
        let conversation = self.conversations[self.rng.random_range(0..self.conversations.len())];
        let Some(state) = app.client().state(conversation) else {
            return;
        };
        let (read, head) = (state.read.get(), state.head.get());
        let to_the_end = self.rng.random_bool(0.5);
        let place = if to_the_end || read >= head {
            head
        } else {
            self.rng.random_range(read..head)
        };
        let Some(seq) = Seq::new(place) else { return };
        app.client().mark_read(conversation, seq);
        let marked = self.marked.entry(conversation).or_default();
        self.cursors_moved += u64::from(*marked < seq);
        *marked = (*marked).max(seq);
    }
}

/// Waits for what becomes of a message; of one whose process was killed, the next process hears.
async fn receive(app: &App, delivery: Delivery) -> anyhow::Result<()> {
    let name = (delivery.conversation(), delivery.client_id());
    let receipt = timeout(PATIENCE, delivery.receipt())
        .await
        .context("a message is neither acknowledged nor refused")?;
    match receipt {
        Err(SendError::Stopped(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(receipt) => {
            app.kept().receipts.push((name, receipt.seq));
            Ok(())
        }
    }
}

const WORDS: &[&str] = &[
    "tide",
    "harbour",
    "rope",
    "and",
    "the",
    "moon",
    "rises",
    "over",
    "cold",
    "water",
    "\u{1F30A}",
    "Ebbe",
    "潮",
    "\"quoted\"",
    "back\\slash",
    "line\nbreak",
];

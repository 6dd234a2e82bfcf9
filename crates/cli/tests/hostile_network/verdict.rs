//! What must hold: between the rounds, and at the end.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tidemark_client::{Client, Http};
use tidemark_core::conversation::{Event, Message};
use tidemark_core::unread::Counts;
use tidemark_core::{ClientId, ConversationId, Seq};
use tidemark_simulator::check::{self, Acknowledged};
use tokio::time::{Instant, sleep};

use crate::World;
use crate::app::App;
use crate::people::Person;

/// How long a client may take to know what the server knows, once nobody says anything.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);
/// More than fits the page of some of the servers.
const PAGE_EVENTS: u32 = 100;

/// Waits until the clients say the same as the server about every conversation.
pub(crate) async fn settled(world: &mut World) -> anyhow::Result<()> {
    let server = world.node.address();
    for (app, person) in world.apps.iter().zip(&mut world.people) {
        let http = person.http(server)?;
        for conversation in &world.conversations {
            let deadline = Instant::now() + SETTLES_WITHIN;
            while let Err(error) = agrees(app, person, &http, *conversation).await {
                if Instant::now() > deadline {
                    return Err(error.context(format!("{} never agrees", app.user)));
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        app.kept().check()?;
    }
    Ok(())
}

/// Whether a client says the same as the server, and what the app keeps gives the same counts.
async fn agrees(
    app: &App,
    person: &mut Person,
    http: &Http,
    conversation: ConversationId,
) -> anyhow::Result<()> {
    let client = app.client();
    ensure!(client.pending().is_empty(), "the outbox does not empty");
    let there = http.conversation(conversation).await?;
    let here = client.state(conversation).context("it is unknown")?;
    ensure!(
        here.cursor == there.head_seq.0 && here.head == here.cursor,
        "the server is at {}, the client at {here:?}",
        there.head_seq.0
    );
    let marked = *person.marked.entry(conversation).or_default();
    let read = there.read_seq.0;
    ensure!(
        here.read == read && read >= marked,
        "the server has read {read}, but should {marked}: {here:?}"
    );
    let counts = Counts {
        unread: there.unread,
        mentions: there.mentions,
    };
    ensure!(
        here.counts == Some(counts),
        "the server counts {counts:?}: {here:?}"
    );
    let kept = app.kept();
    let log = kept.logs.get(&conversation).context("nothing is kept")?;
    let kept_to = log.last().map_or(Seq::ZERO, |last| last.seq);
    ensure!(kept_to == here.head, "the app keeps only up to {kept_to}");
    check::unread_equals_recount(log, &app.user, read, counts)?;
    // From now on it must never be less.
    person.marked.insert(conversation, read);
    Ok(())
}

/// Reads the whole log of the server and compares everything to it. How many messages are in it.
pub(crate) async fn complete(world: &World) -> anyhow::Result<u64> {
    let mut messages = 0;
    for conversation in &world.conversations {
        let log = world.log_of(*conversation).await?;
        let found = world.judge(*conversation, &log).await;
        messages += found.with_context(|| format!("in conversation {conversation}"))?;
    }
    let said: usize = world.people.iter().map(|person| person.said.len()).sum();
    ensure!(
        messages == said as u64,
        "{said} messages were said, {messages} logged"
    );
    Ok(messages)
}

impl World {
    /// The log as both people get it over HTTP, page by page.
    async fn log_of(&self, conversation: ConversationId) -> anyhow::Result<Vec<Event>> {
        let mut logs = Vec::new();
        for person in &self.people {
            logs.push(read_log(&person.http(self.node.address())?, conversation).await?);
        }
        ensure!(logs[0] == logs[1], "two people get different logs");
        logs.pop().context("there are two people")
    }

    async fn judge(&self, conversation: ConversationId, log: &[Event]) -> anyhow::Result<u64> {
        check::gapless(log)?;
        check::each_once(log)?;
        let mut sent = Vec::new();
        for (app, person) in self.apps.iter().zip(&self.people) {
            let said = person.said.keys();
            sent.extend(
                said.filter(|(place, _)| *place == conversation)
                    .map(|(_, id)| *id),
            );
            check::acknowledged_is_logged(&acknowledged(app, conversation), log)?;
            ensure!(
                app.kept()
                    .logs
                    .get(&conversation)
                    .is_some_and(|kept| kept == log),
                "{} keeps another log than the server",
                app.user
            );
            let timeline = whole_timeline(&app.client(), conversation).await?;
            check::timeline_equals_log(&timeline, log)?;
        }
        check::exactly_sent(&sent, log)?;
        let mut messages = 0;
        for message in log.iter().filter_map(|event| event.body.as_message()) {
            self.is_what_was_said(conversation, message)?;
            messages += 1;
        }
        Ok(messages)
    }

    fn is_what_was_said(
        &self,
        conversation: ConversationId,
        logged: &Message,
    ) -> anyhow::Result<()> {
        let name: (ConversationId, ClientId) = (conversation, logged.client_id);
        for (app, person) in self.apps.iter().zip(&self.people) {
            let Some(said) = person.said.get(&name) else {
                continue;
            };
            let expected = Message {
                sender: app.user.clone(),
                client_id: logged.client_id,
                text: said.text.clone(),
                reply_to: said.reply_to,
                mentions: said.mentions.clone(),
                client_at: said.client_at,
                thread: None,
                attachments: Vec::new(),
            };
            ensure!(*logged == expected, "{logged:?} was said as {expected:?}");
            return Ok(());
        }
        bail!("nobody said {logged:?}")
    }
}

fn acknowledged(app: &App, conversation: ConversationId) -> Vec<Acknowledged> {
    let kept = app.kept();
    let here = kept
        .acknowledged
        .iter()
        .filter(|((place, _), _)| *place == conversation);
    here.map(|((_, client_id), seq)| Acknowledged {
        client_id: *client_id,
        seq: *seq,
    })
    .collect()
}

async fn read_log(http: &Http, conversation: ConversationId) -> anyhow::Result<Vec<Event>> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, |last| last.seq);
        let page = http.events(conversation, after, PAGE_EVENTS).await?;
        for entry in &page.events {
            log.push(
                entry
                    .event()
                    .context("an event of an unknown kind")?
                    .clone(),
            );
        }
        if !page.more {
            return Ok(log);
        }
        ensure!(!page.events.is_empty(), "an empty page promises more");
    }
}

/// The timeline that the client holds, with what came before its process began read over HTTP, through
/// the bad network.
async fn whole_timeline(
    client: &Client,
    conversation: ConversationId,
) -> anyhow::Result<tidemark_core::timeline::Timeline> {
    let deadline = Instant::now() + SETTLES_WITHIN;
    loop {
        match client.load_older(conversation, PAGE_EVENTS).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
    client
        .timeline(conversation)
        .context("there is no timeline")
}

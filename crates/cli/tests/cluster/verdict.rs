//! What must hold when everything is whole again.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tidemark_client::Http;
use tidemark_core::conversation::Event;
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Seq};
use tidemark_simulator::check::{self, Acknowledged};
use tidemark_simulator::cluster::Cluster;
use tokio::time::{Instant, sleep};

use crate::consumer::{Consumer, whole_feed};
use crate::crowd::{Crowd, Room, administrator};
use crate::person::Person;

/// How long it may take until everybody knows everything, once nobody says anything and nothing breaks.
const SETTLES_WITHIN: Duration = Duration::from_secs(90);
const PAGE: u32 = 1_000;

/// What was seen to hold.
#[derive(Default)]
pub(crate) struct Sum {
    messages: usize,
    acknowledged: usize,
    duplicates: u64,
    welcomes: u64,
    fed: usize,
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} messages, {} acks, {} of them of retries of what had arrived, {} connections, {} events in the feed",
            self.messages, self.acknowledged, self.duplicates, self.welcomes, self.fed
        )
    }
}

/// Waits until every outbox is empty and every client says what the server says.
pub(crate) async fn settled(cluster: &Cluster, crowd: &Crowd) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLES_WITHIN;
    while crowd.waiting() > 0 {
        ensure!(
            Instant::now() < deadline,
            "{} messages wait for their ack for ever",
            crowd.waiting()
        );
        sleep(Duration::from_millis(50)).await;
    }
    for room in &crowd.rooms {
        for &member in &room.members {
            let person = &crowd.people[member];
            let node = cluster.gateways[member % cluster.gateways.len()].address();
            let http = person.http(node)?;
            while let Err(error) = agrees(person, &http, room.id).await {
                if Instant::now() > deadline {
                    let user = &person.user;
                    return Err(error.context(format!("{user} never agrees in {}", room.id)));
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    crowd.check()
}

/// Whether a client says the same as a node, and what it was told gives the same counts.
async fn agrees(person: &Person, http: &Http, id: ConversationId) -> anyhow::Result<()> {
    let there = http.conversation(id).await?;
    let here = person.client.state(id).context("it is unknown")?;
    ensure!(
        here.cursor == there.head_seq.0 && here.head == here.cursor,
        "the server is at {}, the client at {here:?}",
        there.head_seq.0
    );
    let read = there.read_seq.0;
    ensure!(here.read == read, "the server has read {read}: {here:?}");
    let counts = Counts {
        unread: there.unread,
        mentions: there.mentions,
    };
    ensure!(
        here.counts == Some(counts),
        "the server counts {counts:?}: {here:?}"
    );
    let told = person.told();
    let log = told.logs.get(&id).context("nothing was handed out")?;
    ensure!(
        log.last().map(|last| last.seq) == Some(here.head),
        "less was handed out than the client says it has"
    );
    check::unread_equals_recount(log, &person.user, read, counts)?;
    Ok(())
}

/// Compares everything to the log, which every node must tell the same.
pub(crate) async fn complete(
    cluster: &Cluster,
    crowd: &Crowd,
    consumer: Consumer,
) -> anyhow::Result<Sum> {
    let mut sum = Sum::default();
    let mut logs = BTreeMap::new();
    for room in &crowd.rooms {
        let log = log_of(cluster, room.id).await?;
        let found = judge(crowd, room, &log);
        sum.messages += found.with_context(|| format!("in conversation {}", room.id))?;
        logs.insert(room.id, log);
    }
    for person in &crowd.people {
        let told = person.told();
        ensure!(
            told.said.len() == told.acknowledged.len(),
            "{} has {} acks for {} messages",
            person.user,
            told.acknowledged.len(),
            told.said.len()
        );
        sum.acknowledged += told.acknowledged.len();
        sum.duplicates += told.duplicates;
        sum.welcomes += told.welcomes;
    }
    ensure!(sum.messages == sum.acknowledged, "{sum}");
    let fed = consumer.finish().await?;
    for gateway in &cluster.gateways {
        let whole = whole_feed(gateway.address()).await?;
        ensure!(
            whole == fed,
            "a consumer that followed has seen {} events, and there are {}",
            fed.len(),
            whole.len()
        );
    }
    sum.fed = fed.len();
    let mut by_conversation: BTreeMap<_, Vec<Event>> = BTreeMap::new();
    for (_, event) in fed {
        let log = by_conversation.entry(event.conversation).or_default();
        log.push(event);
    }
    ensure!(by_conversation == logs, "the feed is not the logs");
    Ok(sum)
}

/// The log as every node tells it.
async fn log_of(cluster: &Cluster, id: ConversationId) -> anyhow::Result<Vec<Event>> {
    let mut logs = Vec::new();
    for gateway in &cluster.gateways {
        logs.push(read_log(&administrator(gateway.address())?, id).await?);
    }
    let first = logs.pop().context("there is a node")?;
    ensure!(
        logs.iter().all(|log| *log == first),
        "nodes tell different logs"
    );
    Ok(first)
}

async fn read_log(http: &Http, id: ConversationId) -> anyhow::Result<Vec<Event>> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, |last| last.seq);
        let page = http.events(id, after, PAGE).await?;
        for entry in &page.events {
            log.push(entry.event().context("an unknown kind")?.clone());
        }
        if !page.more {
            return Ok(log);
        }
        ensure!(!page.events.is_empty(), "an empty page promises more");
    }
}

/// How many messages are in the log of a room in which everything is right.
fn judge(crowd: &Crowd, room: &Room, log: &[Event]) -> anyhow::Result<usize> {
    check::gapless(log)?;
    check::each_once(log)?;
    let mut sent = Vec::new();
    let mut texts = BTreeMap::new();
    for &member in &room.members {
        let person = &crowd.people[member];
        let told = person.told();
        ensure!(
            told.logs.get(&room.id).is_some_and(|kept| kept == log),
            "{} was told another log",
            person.user
        );
        let here = told.said.iter().filter(|(_, (place, _))| *place == room.id);
        let mut acknowledged = Vec::new();
        for (client_id, (_, text)) in here {
            sent.push(*client_id);
            texts.insert(*client_id, (person.user.clone(), text.clone()));
            acknowledged.extend(told.acknowledged.get(client_id).map(|seq| Acknowledged {
                client_id: *client_id,
                seq: *seq,
            }));
        }
        check::acknowledged_is_logged(&acknowledged, log)?;
        let timeline = person.client.timeline(room.id).context("no timeline")?;
        check::timeline_equals_log(&timeline, log)?;
    }
    check::exactly_sent(&sent, log)?;
    let messages: Vec<_> = log
        .iter()
        .filter_map(|event| event.body.as_message())
        .collect();
    for message in &messages {
        let said = texts.get(&message.client_id);
        ensure!(
            said.is_some_and(|(user, text)| *user == message.sender && *text == message.text),
            "{message:?} was said as {said:?}"
        );
    }
    Ok(messages.len())
}

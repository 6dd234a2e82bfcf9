//! What it costs to show somebody their conversations, and to bring a device of theirs up to date.

mod filling;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Instant;

use serde::Serialize;
use tidemark_client::{Http, HttpError};
use tidemark_core::Seq;
use tidemark_protocol::body::{Conversation, Inbox, SyncRequest, SyncResponse};
use tidemark_protocol::wire::{Wire, WireConversationId, WireSeq};

use super::Run;
use super::latency::{Latencies, LatencySummary};
use super::people::token_of;
use super::process_usage::Usage;
use super::report::Report;
use super::server_process::ServerFiles;
use super::target::Target;
use crate::failure::{Failure, FailureKind};

/// The pages of somebody who is in many conversations, some of them large, and what a device of theirs missed.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Conversations of the user
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    conversations: u32,
    /// How many of them are channels
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    channels: u32,
    /// Members of each channel
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    channel_members: u32,
    /// Messages in each conversation
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    messages: u16,
    /// Conversations in a page
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    page: u32,
    /// How often each is asked
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
}

/// From the call until its answer is parsed.
#[derive(Serialize)]
struct Results {
    first_page: LatencySummary,
    all_pages: LatencySummary,
    pages: u64,
    /// Of a device that holds everything.
    sync_with_nothing_new: LatencySummary,
    /// Of a device that misses the last message of each conversation.
    sync_with_news_everywhere: LatencySummary,
    /// Of a device that holds nothing.
    sync_of_a_new_device: LatencySummary,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let options = &run.options.target;
    if options.is_foreign() {
        return Err(usage(
            "inbox fills the store of its own server: leave --url out",
        ));
    }
    if arguments.channels > arguments.conversations {
        return Err(usage(
            "there are at most as many --channels as --conversations",
        ));
    }
    let files = ServerFiles::create(options.data_parent.as_deref())?;
    let reader = filling::fill(&files.data(), arguments, &run.progress).await?;
    let target = Target::own(files.start().await?, files)?;
    let token = token_of(&target, &reader)?;
    let http = Http::new(target.any_url().clone(), Some(token)).map_err(|it| failed(&it))?;
    let (server, generator) = (target.usage(), Usage::own());
    let results = measure(run, arguments, &http).await?;
    let used = |before: Option<Usage>, now: Option<Usage>| Some(now?.since(before?));
    let server = used(server, target.usage());
    let generator = used(generator, Usage::own());
    target.close().await?;
    let report = Report {
        scenario: "inbox",
        settings: arguments,
        machine: &run.machine,
        results,
        server,
        generator,
    };
    report.print(run.options.json)
}

async fn measure(run: &Run, arguments: &Arguments, http: &Http) -> Result<Results, Failure> {
    let bar = run.progress.count("asking", arguments.rounds as usize);
    let inbox = whole_inbox(http, arguments).await?;
    let held = |behind: u64| SyncRequest {
        epoch: None,
        conversations: inbox.iter().map(|it| held_of(it, behind)).collect(),
        limit: NonZeroU32::new(100),
    };
    let (all, none) = (u64::from(arguments.conversations), 0);
    let devices = [
        (held(0), [all, none, none]),
        (held(1), [all, all, none]),
        (
            SyncRequest {
                conversations: BTreeMap::new(),
                ..held(0)
            },
            [none, none, all],
        ),
    ];
    let mut first_page = Latencies::new();
    let mut all_pages = Latencies::new();
    let mut syncs = [Latencies::new(), Latencies::new(), Latencies::new()];
    // In turns, so that what else the machine does disturbs all of them alike.
    for _ in 0..arguments.rounds {
        let began = Instant::now();
        page(http, arguments, None).await?;
        first_page.record(began.elapsed());
        let began = Instant::now();
        whole_inbox(http, arguments).await?;
        all_pages.record(began.elapsed());
        for ((held, expected), took) in devices.iter().zip(&mut syncs) {
            let began = Instant::now();
            let answer = http.sync(held).await.map_err(|it| failed(&it))?;
            took.record(began.elapsed());
            verify(&answer, *expected)?;
        }
        bar.inc(1);
    }
    let [nothing_new, news, new_device] = syncs;
    Ok(Results {
        first_page: first_page.summary(),
        all_pages: all_pages.summary(),
        pages: u64::from(arguments.conversations.div_ceil(arguments.page)),
        sync_with_nothing_new: nothing_new.summary(),
        sync_with_news_everywhere: news.summary(),
        sync_of_a_new_device: new_device.summary(),
    })
}

fn held_of(conversation: &Conversation, behind: u64) -> (WireConversationId, WireSeq) {
    let last = conversation.head_seq.0.get();
    let cursor = Seq::new(last.saturating_sub(behind)).unwrap_or(Seq::ZERO);
    (conversation.id, Wire(cursor))
}

async fn page(
    http: &Http,
    arguments: &Arguments,
    before: Option<tidemark_core::Position>,
) -> Result<Inbox, Failure> {
    let page = http.conversations(arguments.page, before).await;
    page.map_err(|error| failed(&error))
}

/// All conversations, page by page: each once.
async fn whole_inbox(http: &Http, arguments: &Arguments) -> Result<Vec<Conversation>, Failure> {
    let mut conversations = Vec::new();
    let mut before = None;
    loop {
        let page = page(http, arguments, before).await?;
        conversations.extend(page.conversations);
        before = page.next.map(|next| next.0);
        if before.is_none() {
            break;
        }
    }
    let ids: std::collections::HashSet<_> = conversations.iter().map(|it| it.id.0).collect();
    let expected = arguments.conversations as usize;
    if ids.len() != expected || conversations.len() != expected {
        return Err(Failure::failed(format!(
            "the pages have {} conversations, {} of them different; there are {expected}",
            conversations.len(),
            ids.len()
        )));
    }
    Ok(conversations)
}

/// So many conversations that were asked about, events in them, and others.
fn verify(answer: &SyncResponse, expected: [u64; 3]) -> Result<(), Failure> {
    let events = answer.conversations.iter().map(|it| it.events.len());
    let found = [answer.conversations.len(), events.sum(), answer.added.len()];
    if found.map(|count| count as u64) == expected && answer.removed.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "a sync has {found:?} conversations, events and additions; {expected:?} would be right"
    )))
}

fn failed(error: &HttpError) -> Failure {
    Failure::failed(format!("a call was not answered: {error}"))
}

fn usage(sentence: &'static str) -> Failure {
    Failure::new(FailureKind::Usage, sentence)
}

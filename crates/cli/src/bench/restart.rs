//! How long a server with a long history is away when it was killed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidemark_core::{ConversationId, UserId};

use super::Run;
use super::composer::{MessageName, text_of};
use super::course::per_second;
use super::fill::{Filling, fill};
use super::frame::Event;
use super::history::{Author, read_log};
use super::latency::{Latencies, LatencySummary, milliseconds};
use super::load_socket::{LARGE_BUFFER_BYTES, LoadSocket, broken};
use super::people::People;
use super::progress::Bar;
use super::report::Report;
use super::server_process::ServerFiles;
use super::target::Target;
use super::verify::Violation;
use crate::failure::{Failure, FailureKind};

/// Conversations that the history is spread over.
const CONVERSATIONS: u64 = 1_000;
/// Messages that are sent last before the server is killed, without waiting for their acks.
const UNHEARD: u64 = 64;
/// Events in a page when the log is checked.
const PAGE_EVENTS: u32 = 1_000;

/// A server with a history that is killed while it works: how long until it acknowledges again.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Messages in the store, for example 10,000,000 (which takes some minutes and 5 GB)
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    events: u64,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    text_bytes: u16,
    /// How often the server is killed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    kills: u16,
    /// Messages that are acknowledged before each kill
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sends: u32,
}

#[derive(Serialize)]
struct Results {
    /// Messages a second while the store was filled, by one thread and without sockets.
    filled_per_second: f64,
    /// Bytes on disk for each message, indexes included, after a clean end.
    stored_bytes_per_message: f64,
    /// From executing the server after a clean end until the first ack.
    clean_start_ms: f64,
    /// From executing the server after a kill until it listens.
    listening: LatencySummary,
    /// From executing the server after a kill until the first ack.
    first_ack: LatencySummary,
    /// Acknowledged messages that were looked up after a kill, each found once and in its place.
    verified_messages: u64,
}

/// The conversation that is written to while the server is killed.
struct Victim {
    user: UserId,
    conversation: ConversationId,
    text: String,
    /// What was acknowledged since the last check, by place.
    acked: HashMap<u64, MessageName>,
    checked_to: u64,
    verified: u64,
}

/// How long a start took.
struct Start {
    listening: Duration,
    first_ack: Duration,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let options = &run.options.target;
    if options.is_foreign() {
        return Err(Failure::new(
            FailureKind::Usage,
            "restart kills the server, so it takes only one of its own: leave --url out",
        ));
    }
    let mut files = ServerFiles::create(options.data_parent.as_deref())?;
    let filled = fill_store(run, arguments, &files).await?;
    let mut victim = filled.victim;
    let (clean, mut target) = victim.start(files, arguments).await?;
    let (mut listening, mut first_ack) = (Latencies::new(), Latencies::new());
    let bar = run.progress.count("killing", arguments.kills.into());
    for _ in 0..arguments.kills {
        files = target.crash().await?;
        let start;
        (start, target) = victim.start(files, arguments).await?;
        listening.record(start.listening);
        first_ack.record(start.first_ack);
        bar.inc(1);
    }
    drop(bar);
    target.close().await?;
    let report = Report {
        scenario: "restart",
        settings: arguments,
        machine: &run.machine,
        results: Results {
            filled_per_second: filled.per_second,
            stored_bytes_per_message: filled.bytes_per_message,
            clean_start_ms: milliseconds(clean.first_ack),
            listening: listening.summary(),
            first_ack: first_ack.summary(),
            verified_messages: victim.verified,
        },
        server: None,
        generator: None,
    };
    report.print(run.options.json)
}

/// A store with a history.
struct Filled {
    per_second: f64,
    bytes_per_message: f64,
    victim: Victim,
}

async fn fill_store(
    run: &Run,
    arguments: &Arguments,
    files: &ServerFiles,
) -> Result<Filled, Failure> {
    let people = People::of_a_new_run();
    let count = usize::try_from(arguments.events.min(CONVERSATIONS)).unwrap_or(usize::MAX);
    let filling = Filling {
        pairs: (0..count)
            .map(|number| {
                [
                    people.user("sender", number),
                    people.user("receiver", number),
                ]
            })
            .collect(),
        events: arguments.events,
        text: text_of(arguments.text_bytes.into()),
    };
    let events = usize::try_from(arguments.events).unwrap_or(usize::MAX);
    let bar = run.progress.count("filling the store", events);
    let began = Instant::now();
    let conversations = fill(&files.data(), &filling, &bar).await?;
    let took = began.elapsed();
    let bytes = files.data_bytes() as f64 / arguments.events as f64;
    Ok(Filled {
        per_second: per_second(arguments.events, took),
        bytes_per_message: bytes.round(),
        victim: Victim {
            user: filling.pairs[0][0].clone(),
            conversation: conversations[0],
            text: filling.text,
            acked: HashMap::new(),
            checked_to: 0,
            verified: 0,
        },
    })
}

impl Victim {
    /// Starts a server, measures until it acknowledges a message, and checks what the one before it had
    /// acknowledged. Then works it, up to the moment at which it may be killed.
    async fn start(
        &mut self,
        files: ServerFiles,
        arguments: &Arguments,
    ) -> Result<(Start, Target), Failure> {
        let process = files.start().await?;
        let executed = process.began;
        let listening = executed.elapsed();
        let target = Target::own(process, files)?;
        let opened = LoadSocket::open(&target, self.user.clone(), LARGE_BUFFER_BYTES).await?;
        let mut author = Author::new(opened.socket, self.conversation, &self.text);
        self.note_acks(&mut author, 1).await?;
        let first_ack = executed.elapsed();
        self.check(&mut author.socket).await?;
        let sends = arguments.sends.into();
        self.note_acks(&mut author, sends).await?;
        author.write_unheard(UNHEARD).await?;
        let start = Start {
            listening,
            first_ack,
        };
        Ok((start, target))
    }

    /// Sends so many messages and remembers where each is.
    async fn note_acks(&mut self, author: &mut Author, count: u64) -> Result<(), Failure> {
        let note = |seq, name| {
            self.acked.insert(seq, name);
        };
        author.write(count, &Bar::hidden(), note).await
    }

    /// Reads on in the log: no hole, and everything that was acknowledged in its place.
    async fn check(&mut self, socket: &mut LoadSocket) -> Result<(), Failure> {
        let Self {
            acked, verified, ..
        } = self;
        let check = |event: Event<'_>| {
            let found = event.message.map(|(name, _)| name);
            match acked.remove(&event.seq) {
                Some(name) if found == Some(name) => *verified += 1,
                Some(_) => return Err(Violation::Differs { seq: event.seq }),
                None => {}
            }
            Ok(())
        };
        let from = self.checked_to;
        self.checked_to = read_log(socket, self.conversation, from, PAGE_EVENTS, check).await?;
        match self.acked.keys().min() {
            None => Ok(()),
            Some(lost) => Err(broken(
                self.conversation,
                Violation::Gap {
                    expected: *lost,
                    found: self.checked_to,
                },
            )),
        }
    }
}

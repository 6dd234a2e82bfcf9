//! What a send costs as a channel grows, with full events for everybody and with heads.
//!
//! *On write*, the server pushes each message to every socket of every member. *On read*, it pushes it to those who have
//! the channel open, tells the others once a second how far it has come, and serves them when they look. Both are
//! measured on the same store with the same members online. In the end everybody looks at once: the storm.

mod filling;
mod onlooker;
mod plot;
mod table;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidemark_core::{ConversationId, UserId};

use super::Run;
use super::composer::{Composer, text_of};
use super::course::{self, LoadTasks};
use super::in_flight::InFlight;
use super::latency::{Latencies, LatencySummary, milliseconds};
use super::load_socket::{LARGE_BUFFER_BYTES, LoadSocket, SMALL_BUFFER_BYTES, broken, open_all};
use super::open_files::allow_sockets;
use super::process_usage::Usage;
use super::report::Report;
use super::seconds::Seconds;
use super::server_process::ServerFiles;
use super::target::Target;
use super::ticker::Ticker;
use crate::failure::{Failure, FailureKind};
use filling::Channel;
use onlooker::{Onlooker, Seen};

/// What a send costs as a channel grows: full events for everybody against heads.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Sizes of the channel
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000, 100_000, 1_000_000], value_parser = clap::value_parser!(u32).range(2..=2_000_000))]
    members: Vec<u32>,
    /// The most members who are online
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    online: u32,
    /// Messages a second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// How long to send into each channel
    #[arg(long, default_value = "5")]
    seconds: Seconds,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    text_bytes: u16,
    /// Draw the result into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// How a channel is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FanOut {
    /// Every socket of every member gets every event.
    Write,
    /// Every socket gets a head at most once a second.
    Read,
}

/// What was measured in one channel.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measurement {
    members: u32,
    online: usize,
    fan_out: FanOut,
    /// Time of the server's threads for each message, whatever it did meanwhile.
    server_cpu_us_per_send: Option<f64>,
    disk_bytes_per_send: Option<f64>,
    ack: LatencySummary,
    /// From the last send until everybody online knew of it.
    last_known_ms: f64,
    events_pushed: u64,
    heads_pushed: u64,
    storm: Option<Storm>,
}

/// Everybody online opens the channel at once, from where they were before.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Storm {
    /// Until the last one had the page.
    took_ms: f64,
    server_cpu_ms: Option<f64>,
    /// Times that the store was asked for events.
    reads: u64,
}

#[derive(Serialize)]
struct Results<'run> {
    cells: &'run [Measurement],
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let options = &run.options.target;
    if options.is_foreign() {
        return Err(Failure::new(
            FailureKind::Usage,
            "fanout needs servers with different settings, so it starts its own: leave --url out",
        ));
    }
    allow_sockets(usize::try_from(arguments.online).unwrap_or(usize::MAX) + 1)?;
    let mut files = ServerFiles::create(options.data_parent.as_deref())?;
    let channels = filling::fill(&files.data(), &arguments.members, &run.progress).await?;
    let text: Rc<str> = text_of(arguments.text_bytes.into()).into();
    let mut cells = Vec::new();
    for fan_out in [FanOut::Write, FanOut::Read] {
        files.set_large_members(match fan_out {
            FanOut::Write => u32::MAX.into(),
            FanOut::Read => 1,
        })?;
        let process = files.start().await?;
        let target = Target::own(process, files)?;
        for channel in &channels {
            cells.push(measure(run, arguments, &target, channel, fan_out, &text).await?);
        }
        files = target.stop().await?;
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, plot::draw(&cells, arguments)).map_err(|error| {
            Failure::failed(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    if !run.options.json {
        return crate::output::line(table::of(&cells));
    }
    let report = Report {
        scenario: "fanout",
        settings: arguments,
        machine: &run.machine,
        results: Results { cells: &cells },
        server: None,
        generator: None,
    };
    report.print(true)
}

async fn measure(
    run: &Run,
    arguments: &Arguments,
    target: &Target,
    channel: &Channel,
    fan_out: FanOut,
    text: &Rc<str>,
) -> Result<Measurement, Failure> {
    let online = channel.members.min(arguments.online);
    let users: Vec<UserId> = (1..=online).map(|number| channel.user(number)).collect();
    let conversation = channel.conversation;
    let sender = LoadSocket::open(target, channel.user(0), LARGE_BUFFER_BYTES).await?;
    let opened = open_all(target, users, SMALL_BUFFER_BYTES, &run.progress).await?;
    let from = sender.head(conversation)?;
    let seen = Rc::new(Seen::default());
    let mut tasks = LoadTasks::new();
    let online = opened.len();
    for one in opened {
        let onlooker = Onlooker::new(one.socket, conversation, from, Rc::clone(&seen));
        tasks.spawn_local(onlooker.look());
    }
    let before = Meter::read(target);
    let mut acks = Latencies::new();
    let sent = send_all(sender.socket, conversation, arguments, text, &mut acks).await?;
    let last_sent = Instant::now();
    let known = until(&mut tasks, || seen.is_known_to(online, from + sent)).await?;
    let used = Meter::read(target).since(&before);
    let (events_pushed, heads_pushed) = (seen.events.get(), seen.heads.get());
    let storm = match fan_out {
        FanOut::Write => None,
        FanOut::Read => Some(storm(target, &mut tasks, &seen, online, from + sent).await?),
    };
    let per_send = |amount: u64| (amount as f64 / sent as f64 * 10.0).round() / 10.0;
    Ok(Measurement {
        members: channel.members,
        online,
        fan_out,
        server_cpu_us_per_send: used.cpu_nanoseconds.map(|ns| per_send(ns / 1_000)),
        disk_bytes_per_send: used.disk_bytes.map(per_send),
        ack: acks.summary(),
        last_known_ms: milliseconds(known - last_sent),
        events_pushed,
        heads_pushed,
        storm,
    })
}

/// Sends at the rate that was asked for, each message when it is due and the one before it is acknowledged.
async fn send_all(
    mut socket: LoadSocket,
    conversation: ConversationId,
    arguments: &Arguments,
    text: &str,
    acks: &mut Latencies,
) -> Result<u64, Failure> {
    let mut composer = Composer::new(0, conversation, text);
    let mut in_flight = InFlight::default();
    let mut ticker = Ticker::new().map_err(|error| Failure::failed(error.to_string()))?;
    let step = Duration::from_secs(1) / arguments.rate;
    let count = arguments.seconds.duration().as_millis() * u128::from(arguments.rate) / 1_000;
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let began = Instant::now();
    for number in 0..count {
        let due = began + step * number;
        ticker
            .until(due)
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
        in_flight.begin(due);
        socket.send(composer.compose(due)).await?;
        while in_flight.len() > 0 {
            socket
                .next_batch(|frame, now| {
                    let acked = in_flight.settle(frame);
                    if let Some(acked) = acked.map_err(|it| broken(conversation, it))? {
                        acks.record(now - acked.made);
                    }
                    Ok(())
                })
                .await?;
        }
    }
    Ok(count.into())
}

async fn storm(
    target: &Target,
    tasks: &mut LoadTasks,
    seen: &Seen,
    online: usize,
    head: u64,
) -> Result<Storm, Failure> {
    let (before, reads) = (Meter::read(target), target.metric(EVENT_READS).await?);
    let began = Instant::now();
    seen.open_all();
    let reached_at = until(tasks, || seen.has_reached(online, head)).await?;
    let used = Meter::read(target).since(&before);
    Ok(Storm {
        took_ms: milliseconds(reached_at - began),
        server_cpu_ms: used
            .cpu_nanoseconds
            .map(|ns| milliseconds(Duration::from_nanos(ns))),
        reads: target.metric(EVENT_READS).await? - reads,
    })
}

/// How often the store was asked for events of several sockets, or one.
const EVENT_READS: &str = "tidemark_shared_reads_total{what=\"events\"}";

/// Waits until something is so; when it was.
async fn until(tasks: &mut LoadTasks, is_so: impl Fn() -> bool) -> Result<Instant, Failure> {
    if course::until(tasks, is_so).await? {
        return Ok(Instant::now());
    }
    let seconds = course::DRAIN_TIMEOUT.as_secs();
    Err(Failure::failed(format!(
        "not everybody knew of everything {seconds} s after the last message"
    )))
}

/// What the server has used so far.
struct Meter {
    cpu_nanoseconds: Option<u64>,
    disk_bytes: Option<u64>,
}

impl Meter {
    fn read(target: &Target) -> Self {
        let pid = target.pid();
        Self {
            cpu_nanoseconds: pid.and_then(Usage::cpu_nanoseconds),
            disk_bytes: pid.and_then(Usage::disk_bytes_written),
        }
    }

    fn since(&self, before: &Self) -> Self {
        let since = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?));
        Self {
            cpu_nanoseconds: since(self.cpu_nanoseconds, before.cpu_nanoseconds),
            disk_bytes: since(self.disk_bytes, before.disk_bytes),
        }
    }
}

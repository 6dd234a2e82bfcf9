//! What sockets cost that are open and do nothing.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::time::sleep;

use super::Run;
use super::course::{UsageMeter, per_second};
use super::frame::Frame;
use super::latency::{Latencies, LatencySummary};
use super::load_socket::{LoadSocket, SMALL_BUFFER_BYTES, open_all};
use super::open_files::allow_sockets;
use super::people::{People, begin_conversations};
use super::process_usage::per_cpu_second;
use super::report::Report;
use super::seconds::Seconds;
use super::target::Target;
use crate::failure::Failure;

/// Sockets that are opened and closed first, so that what the server makes once is not counted.
const WARM_UP_SOCKETS: usize = 200;
/// What the server gets to clean up after them.
const WARM_UP_PAUSE: Duration = Duration::from_secs(1);
/// Pings without an answer at a time.
const PINGS_AT_ONCE: usize = 64;
/// How long the answer to a ping may take.
const PONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Authenticated sockets that do nothing: logins a second, and the server's memory for each.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Sockets, each of a user of its own
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    sockets: u32,
    /// Users of one conversation; every user is in one
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    conversation_members: u16,
    /// How long the sockets are idle before memory is looked at; a server closes silent ones after a while
    #[arg(long, default_value = "5")]
    hold: Seconds,
}

#[derive(Serialize)]
struct Results {
    /// Sockets opened, from the TCP connection to `welcome`.
    logins_per_second: f64,
    logins_per_server_cpu_second: Option<f64>,
    /// Memory of the server that came with the sockets, by their number.
    server_rss_bytes_per_socket: Option<f64>,
    /// The same after each has sent a ping and got its answer.
    server_rss_bytes_per_socket_after_ping: Option<f64>,
    /// Sockets that were still open and answered.
    answered: u64,
    pong_latency: LatencySummary,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let count = usize::try_from(arguments.sockets).unwrap_or(usize::MAX);
    allow_sockets(count)?;
    let target = Target::open(&run.options.target).await?;
    let people = People::of_a_new_run();
    let users: Vec<_> = (0..count)
        .map(|number| people.user("idle", number))
        .collect();
    let groups = users.chunks(arguments.conversation_members.into());
    let groups = groups.map(<[_]>::to_vec).collect();
    begin_conversations(&target, groups, &run.progress).await?;
    let first: Vec<_> = users.iter().take(WARM_UP_SOCKETS).cloned().collect();
    drop(open_all(&target, first, SMALL_BUFFER_BYTES, &run.progress).await?);
    sleep(WARM_UP_PAUSE).await;

    let rss = || target.usage().map(|usage| usage.rss_bytes);
    let before = rss();
    let per_socket = |after: Option<u64>| {
        let more = after?.saturating_sub(before?);
        Some((more as f64 / f64::from(arguments.sockets)).round())
    };
    let (meter, began) = (UsageMeter::start(&target), Instant::now());
    let opened = open_all(&target, users, SMALL_BUFFER_BYTES, &run.progress).await?;
    let took = began.elapsed();
    let (server, generator) = meter.stop(&target);
    let mut sockets: Vec<_> = opened.into_iter().map(|opened| opened.socket).collect();
    let holding = run.progress.run("leaving them idle");
    sleep(arguments.hold.duration()).await;
    drop(holding);
    let idle = rss();
    let mut pongs = Latencies::new();
    ping_all(&mut sockets, &mut pongs, run).await?;
    let pinged = rss();
    drop(sockets);
    target.close().await?;
    let logins = arguments.sockets.into();
    let pong_latency = pongs.summary();
    let report = Report {
        scenario: "idle",
        settings: arguments,
        machine: &run.machine,
        results: Results {
            logins_per_second: per_second(logins, took),
            logins_per_server_cpu_second: per_cpu_second(logins, server),
            server_rss_bytes_per_socket: per_socket(idle),
            server_rss_bytes_per_socket_after_ping: per_socket(pinged),
            answered: pong_latency.count,
            pong_latency,
        },
        server,
        generator,
    };
    report.print(run.options.json)
}

async fn ping_all(
    sockets: &mut [LoadSocket],
    pongs: &mut Latencies,
    run: &Run,
) -> Result<(), Failure> {
    let bar = run.progress.count("pinging", sockets.len());
    let mut answers = stream::iter((1_u64..).zip(sockets))
        .map(|(id, socket)| ping(socket, id))
        .buffer_unordered(PINGS_AT_ONCE);
    while let Some(took) = answers.try_next().await? {
        pongs.record(took);
        bar.inc(1);
    }
    Ok(())
}

/// How long the answer takes.
async fn ping(socket: &mut LoadSocket, id: u64) -> Result<Duration, Failure> {
    let began = Instant::now();
    socket
        .send(format!(r#"{{"type":"ping","id":{id}}}"#))
        .await?;
    let answer = async {
        let mut answered = None;
        loop {
            socket
                .next_batch(|frame, now| {
                    if frame == (Frame::Pong { id: Some(id) }) {
                        answered = Some(now - began);
                    }
                    Ok(())
                })
                .await?;
            if let Some(took) = answered {
                return Ok(took);
            }
        }
    };
    tokio::time::timeout(PONG_TIMEOUT, answer)
        .await
        .unwrap_or_else(|_| {
            let seconds = PONG_TIMEOUT.as_secs();
            Err(Failure::failed(format!(
                "ping {id} was not answered within {seconds} s"
            )))
        })
}
